"""Read the records of a run into one frozen value. Nothing else is needed to show it: no model, no torch."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lissom.core.errors import LissomError
from lissom.core.ledger import NAME, Ledger
from lissom.core.records import (
    Curve,
    Entrant,
    Figures,
    Machine,
    Neighbour,
    Sample,
    Settings,
    Sight,
    Trial,
    Verdict,
    from_json,
)


@dataclass(frozen=True)
class Skipped:
    """Something that was not done, counted, cut or exported, and why."""

    what: str
    why: str


@dataclass(frozen=True)
class Reach:
    """A probe: a cut but untrained copy, exported and measured, that says how far a cut can go.

    ``within`` says whether it keeps to the budget's limits on cost.
    """

    name: str
    size_bytes: float
    latency_ratio: float
    macs: float
    within: bool | None = None


@dataclass(frozen=True)
class End:
    """How a run ended: ``parts_seconds`` says what its time went into."""

    met: bool
    seconds: float
    parts_seconds: Mapping[str, float] = field(default_factory=dict[str, float])


@dataclass(frozen=True)
class RunView:
    """All that the records of a run say. What was not written yet is ``None`` or empty.

    ``delivered`` is the trial whose artefact was handed over: the last kept one, or, where none that was kept
    meets the budget, the closest of all. ``started`` is a date and time (UTC), empty in
    ledgers from before it was kept. ``time_limit_s`` is the limit of the last start. ``front`` are the numbers
    of the trials that no other one beats; ``race`` is how targets and precisions compared, the fastest first.
    """

    folder: Path
    settings: Settings
    machine: Machine | None = None
    baseline: Figures | None = None
    trials: tuple[Trial, ...] = ()
    verdict: Verdict | None = None
    neighbours: tuple[Neighbour, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    reach: tuple[Reach, ...] = ()
    notes: tuple[str, ...] = ()
    estimate: Mapping[str, Any] | None = None
    end: End | None = None
    delivered: Trial | None = None
    started: str = ""
    time_limit_s: float | None = None
    front: tuple[int, ...] = ()
    race: tuple[Entrant, ...] = ()
    samples: tuple[Sample, ...] = ()
    sights: tuple[Sight, ...] = ()
    curves: tuple[Curve, ...] = ()

    @property
    def original(self) -> Figures | None:
        """The original's figures: on the test split once there is a verdict, on the select split before."""
        return self.verdict.original if self.verdict else self.baseline

    @property
    def measure(self) -> str:
        """What scores are: ``"score"``, or ``"agreement"`` where there are no labels."""
        return self.baseline.measure if self.baseline else "score"

    @property
    def kept(self) -> tuple[Trial, ...]:
        """The trials whose move was kept, in order."""
        return tuple(trial for trial in self.trials if trial.kept)

    @property
    def finished(self) -> bool:
        """Whether the verdict was spoken or the run came to its end without one."""
        return self.verdict is not None or self.end is not None

    @property
    def met(self) -> bool | None:
        """Whether the budget is met; ``None`` while nobody knows."""
        if self.verdict is not None:
            return self.verdict.met
        return None if self.end is None else self.end.met


def read(folder: Path | str) -> RunView:
    """Read the run in ``folder``, finished or not.

    Raises:
        LissomError: there is no run in ``folder``, or its ledger is damaged or from a newer version.
    """
    folder = Path(folder)
    ledger = Ledger(_checked(folder))
    settings = ledger.get(Settings)
    if settings is None:
        raise LissomError(
            f"the run in {folder} stopped before it wrote its settings: there is nothing to show",
            hint="run lissom compress again with the same -o",
        )
    baseline, end = ledger.find("baseline"), ledger.find("end")
    trials = tuple(sorted(ledger.all(Trial), key=lambda trial: trial.number))
    return RunView(
        folder=folder,
        settings=settings,
        machine=ledger.get(Machine),
        baseline=None if baseline is None else from_json(Figures, baseline),
        trials=trials,
        verdict=ledger.get(Verdict),
        neighbours=tuple(ledger.all(Neighbour)),
        skipped=tuple(from_json(Skipped, value) for value in ledger.values("skipped")),
        reach=tuple(from_json(Reach, {**value, "name": key}) for key, value in ledger.by_key("reach").items()),
        notes=tuple(str(value) for value in ledger.values("note")),
        estimate=ledger.find("estimate"),
        end=None if end is None else from_json(End, end),
        delivered=_delivered(trials, ledger.find("delivered")),
        started=_started(ledger),
        time_limit_s=next(reversed([start.get("time_limit_s") for start in ledger.values("start")]), None),
        front=tuple(ledger.find("front") or ()),
        samples=tuple(ledger.all(Sample)),
        sights=tuple(ledger.all(Sight)),
        curves=tuple(ledger.all(Curve)),
        race=tuple(sorted(ledger.all(Entrant), key=lambda entrant: entrant.latency_ms or math.inf)),
    )


def _delivered(trials: tuple[Trial, ...], record: Any) -> Trial | None:
    """The trial whose artefact was handed over."""
    return next((trial for trial in trials if record and trial.number == record["trial"]), None)


def _started(ledger: Ledger) -> str:
    """When the first record was written."""
    at = next(iter(ledger)).at
    return datetime.fromtimestamp(at, UTC).isoformat(sep=" ", timespec="minutes").removesuffix("+00:00") if at else ""


def _checked(folder: Path) -> Path:
    """The folder itself, if a run is in it."""
    if not folder.is_dir():
        found = "is not a folder" if folder.exists() else "does not exist"
        raise LissomError(f"{folder} {found}, so there is no run in it", hint=_where(folder.parent))
    if not (folder / NAME).is_file():
        raise LissomError(f"there is no run in {folder}: it has no {NAME}", hint=_where(folder))
    return folder


def _where(folder: Path) -> str:
    """Name the runs nearby, or say what makes one."""
    runs = sorted(str(path.parent) for path in folder.glob(f"*/{NAME}"))
    if runs:
        return f"runs nearby: {', '.join(runs[:3])}{', ...' if len(runs) > 3 else ''}"
    return "give the folder that was -o of lissom compress"
