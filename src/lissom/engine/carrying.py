"""Steps carried out once: a step's result is kept under the steps that led to it, and found there again."""

import hashlib
import json
import math
import shutil
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from lissom.core.errors import LissomError
from lissom.core.files import bring_to_disk, whole_file, writing
from lissom.core.ledger import Ledger
from lissom.core.progress import Deadline
from lissom.engine.measuring import parity_inputs
from lissom.engine.models import restore_model, save_model
from lissom.plan.move import Move, Plan
from lissom.steps.step import Context, ModelStep, Step
from lissom.targets.parity import check_parity
from lissom.targets.target import Artefact
from lissom.workload.workload import Workload

Result = tuple[dict[str, bytes], dict[str, Any]]
_CHECKPOINT = ".pt"  # of a training on its way: of no use once it is done


class Carrier:
    """Applies moves to the original, and knows what was applied before.

    Args:
        ledger: where a finished step is written down.
        folder: where results are kept.
        context: what steps may look at.
    """

    def __init__(self, ledger: Ledger, folder: Path, context: Context) -> None:
        self._ledger, self._folder, self._context = ledger, folder, context

    def model(self, steps: tuple[ModelStep, ...]) -> tuple[Workload, tuple[float, ...]]:
        """The original after ``steps``, and the seconds that each took (when it was done, maybe earlier)."""
        workload = self._context.original
        seconds: list[float] = []
        for number, step in enumerate(steps):
            workload, spent = self._apply(step, steps[: number + 1], workload, share_of_time(steps[number:]))
            seconds.append(spent)
        return workload, tuple(seconds)

    def _apply(
        self, step: ModelStep, so_far: tuple[Step, ...], workload: Workload, share: float
    ) -> tuple[Workload, float]:
        key = _key(so_far)
        folder = self._folder / key
        done: dict[str, Any] | None = self._ledger.find("step", key)
        if done is not None:
            try:
                return restore_model(folder, self._context.original, tuple(done["notes"])), done["seconds"]
            except LissomError as error:
                self._ledger.once("note", f"again {key}", f"{step.describe()} was carried out again: {error.message}")
        start = time.monotonic()
        folder.mkdir(parents=True, exist_ok=True)
        if step.learns:
            self._call(step, so_far)
        result = step.apply(workload, replace(self._context, folder=folder, deadline=self._deadline(share)))
        save_model(folder, result)
        spent = time.monotonic() - start
        self._ledger.append("step", key, {"step": step.to_json(), "seconds": spent, "notes": list(result.notes)})
        return result, spent

    def _call(self, step: ModelStep, so_far: tuple[Step, ...]) -> None:
        """Let the other processes of the team carry the step out as well (see :mod:`lissom.engine.following`)."""
        before = _key(so_far[:-1]) if len(so_far) > 1 else None
        notes = [] if before is None else self._ledger.find("step", before)["notes"]  # pyright: ignore[reportOptionalSubscript]
        order = {"step": step.to_json(), "folder": _key(so_far), "before": before, "notes": notes}
        self._context.team.led(order)

    def _deadline(self, share: float) -> Deadline:
        left = self._context.deadline.left()
        return self._context.deadline if share == 1 or math.isinf(left) else Deadline(left * share)

    def knows(self, steps: Sequence[Step]) -> bool:
        """Whether the steps were carried out already."""
        return self._ledger.find("step", _key(tuple(steps))) is not None

    def results(self, steps: Sequence[Step]) -> list[Result]:
        """What was carried out of some steps, to be sent elsewhere: after each of them files, and their record."""
        keys = [_key(tuple(steps[:count])) for count in range(1, len(steps) + 1)]
        found = [(self._folder / key, self._ledger.find("step", key)) for key in keys]
        return [
            ({file.name: file.read_bytes() for file in folder.iterdir() if file.suffix != _CHECKPOINT}, record or {})
            for folder, record in found
        ]

    def receive(self, steps: Sequence[Step], results: Sequence[Result]) -> None:
        """Take over what was carried out elsewhere (see :meth:`results`); what is known already stays."""
        for count, (files, record) in enumerate(results, start=1):
            key = _key(tuple(steps[:count]))
            if self._ledger.find("step", key) is not None:
                continue
            for name, content in files.items():
                with whole_file(self._folder / key / name) as temporary:
                    temporary.write_bytes(content)
            self._ledger.append("step", key, record)

    def adopt(self, run: Path, plan: Plan) -> None:
        """Take over what another run on the same weights has done of a plan.

        Raises:
            LissomError: it was on other weights.
        """
        earlier = Ledger(run)
        before, now = earlier.find("identity"), self._ledger.find("identity")
        if before is not None and now is not None and before["weights"] != now["weights"]:
            raise LissomError(
                f"the weights changed since {run} was made: what was learnt there is not of these",
                hint="--weights FILE carries the plan out on other weights, or bring back what the run began with",
            )
        steps = tuple(step for move in plan.moves for step in move.model_steps)
        for count in range(1, len(steps) + 1):
            key = _key(steps[:count])
            done, folder = earlier.find("step", key), run / "work" / "steps" / key
            if done is None or not folder.is_dir() or self._ledger.find("step", key) is not None:
                continue
            with writing(self._folder / key):
                shutil.copytree(folder, self._folder / key, dirs_exist_ok=True)
                bring_to_disk(self._folder / key)
            self._ledger.append("step", key, done)

    def artefact(self, move: Move, workload: Workload) -> Artefact:
        """Export a workload's model and apply the artefact steps of ``move``; one that was made is found again.

        Raises:
            LissomError: what came out is not the model.
        """
        key = _key(move.steps)
        folder, target = self._folder / key, self._context.target
        done: dict[str, Any] | None = self._ledger.find("artefact", key)
        if done is not None and (folder / done["file"]).exists():
            return target.artefact(folder / done["file"], done["precision"], tuple(done["notes"]))
        made = self._make(move, workload, folder)
        record = {"file": made.path.name, "precision": made.precision, "notes": list(made.notes)}
        self._ledger.append("artefact", key, record)
        return made

    def _make(self, move: Move, workload: Workload, folder: Path) -> Artefact:
        folder.mkdir(parents=True, exist_ok=True)
        context = replace(self._context, folder=folder)
        inputs = parity_inputs(workload.splits.select)
        made = self._exported(move) if move.artefact_steps else None
        if made is None:
            with context.progress.waiting(f"exporting for {context.target.name}"):
                made = context.target.export(workload.module, workload.example, context.target.place(folder, "model"))
            check_parity(workload.module, context.target, made, inputs)
        for step in move.artefact_steps:
            made = step.apply(made, workload, context)
            check_parity(workload.module, context.target, made, inputs)
        return made

    def _exported(self, move: Move) -> Artefact | None:
        """What was made of the same model before, with no artefact steps yet."""
        key = _key(move.model_steps)
        done: dict[str, Any] | None = self._ledger.find("artefact", key)
        if done is None or not (self._folder / key / done["file"]).exists():
            return None
        return self._context.target.artefact(self._folder / key / done["file"], done["precision"], tuple(done["notes"]))


def share_of_time(steps: Sequence[ModelStep]) -> float:
    """The part of the time left that the first of some steps may take: by epochs, where others learn after it."""
    epochs = [step.length for step in steps]
    return epochs[0] / sum(epochs) if epochs[0] else 1.0


def _key(steps: tuple[Step, ...]) -> str:
    """Sixteen hexadecimal digits that stand for a sequence of steps."""
    text = json.dumps([step.to_json() for step in steps], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
