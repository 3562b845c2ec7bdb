"""What a run is told: frozen, and all that decides what it does."""

import math
from dataclasses import asdict, dataclass, replace
from typing import Any

from lissom.core.errors import LissomError
from lissom.core.tables import did_you_mean
from lissom.engine.methods import METHODS, PRUNE
from lissom.workload.request import check_seed

_RANGED = 512


@dataclass(frozen=True)
class Options:
    """How to search.

    ``time_limit_s`` ends the run with the best result so far; ``epochs`` fixes the length of a recovery,
    otherwise the time decides, up to ``most_epochs``. ``calibration`` inputs judge importance and ranges.
    ``measure_s`` is spent on each comparison of latencies. ``front`` tries cuts of all sizes, so that any
    point between them can be taken later. ``methods`` are what may be tried: ``prune``, and after it, one after the
    other, names of ``METHODS``; in a front each of them beside the cuts, on the original. So many off-the-shelf
    networks of about the result's size are ``compared`` with it.
    """

    threads: int = 1
    batch: int = 1
    seed: int = 0
    time_limit_s: float | None = None
    epochs: int | None = None
    most_epochs: int = 30
    calibration: int = 1024
    multiple: int = 8
    measure_s: float = 4.0
    tries: int = 4
    compared: int = 2
    front: bool = False
    methods: tuple[str, ...] = (PRUNE,)

    def __post_init__(self) -> None:
        for name in ("threads", "batch", "most_epochs", "calibration", "multiple", "tries"):
            if getattr(self, name) < 1:
                raise LissomError(f"{name} is {getattr(self, name)}; it starts at 1")
        if self.compared < 0:
            raise LissomError(f"compared is {self.compared}; it starts at 0")
        if not 0 < self.measure_s < math.inf:
            raise LissomError(f"measure_s is {self.measure_s:g}; nothing can be timed in that")
        check_seed(self.seed)
        if self.epochs is not None and self.epochs < 1:
            raise LissomError(f"epochs is {self.epochs}; it starts at 1")
        if self.time_limit_s is not None and not self.time_limit_s >= 30:
            raise LissomError(
                f"a time limit of {self.time_limit_s:g} s is shorter than one trial",
                hint="give at least 30 s; a recovery worth having takes minutes",
            )
        if not self.methods or len(set(self.methods)) < len(self.methods):
            raise LissomError(f"methods are {', '.join(self.methods) or 'none'}", hint="name at least one, each once")
        for name in self.rewriting:
            if name not in METHODS:
                known = (PRUNE, *METHODS)
                close = did_you_mean(name, known)
                raise LissomError(f"unknown method {name!r}", hint=close or f"known: {', '.join(known)}")
        if self.front and PRUNE not in self.methods:
            raise LissomError("a front has cuts of all sizes", hint="name prune among the methods too")

    def quick(self) -> "Options":
        """The same for a trial run, whose figures mean nothing: little is measured and learnt, two things are tried.

        It goes with little data: ``limit=`` of :func:`lissom.tasks.loading.load`, for which a task knows a number
        (``TASKS.get(task).quick``).
        """
        return replace(self, epochs=self.epochs or 1, calibration=128, measure_s=0.5, tries=2, compared=0)

    @property
    def ranged(self) -> int:
        """How many inputs tell the ranges of activations."""
        return min(_RANGED, self.calibration)

    @property
    def rewriting(self) -> tuple[str, ...]:
        """The methods besides cutting."""
        return tuple(name for name in self.methods if name != PRUNE)

    def deciding(self) -> dict[str, Any]:
        """The options that must be the same when a run goes on (the time it may still take may differ)."""
        values = asdict(self)
        for name in ("threads", "batch", "seed", "time_limit_s", "compared"):
            del values[name]
        return values
