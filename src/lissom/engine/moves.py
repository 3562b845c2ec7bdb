"""Moves made to measure: a cut, its repair, and a recovery as long as the time allows."""

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import replace

from lissom.core.files import check_writable
from lissom.core.ledger import Ledger
from lissom.core.units import format_bytes, format_seconds
from lissom.engine.carrying import Carrier
from lissom.engine.ladder import Rung
from lissom.engine.options import Options
from lissom.engine.pace import epoch_seconds, measure_pace, recovery, views_answered
from lissom.engine.stopwatch import ENDING_S
from lissom.layers.ctc_model import CtcModel
from lissom.plan.move import Move, move_from_json
from lissom.steps.distillation.distill import Distill
from lissom.steps.distillation.learning import recovering_rate, usual_learning
from lissom.steps.quantization.distilled import DistillInt8
from lissom.steps.quantization.int8 import QuantizeInt8
from lissom.steps.quantization.mixed import MixedInt8
from lissom.steps.step import ArtefactStep, Context, ModelStep, step_from_json
from lissom.targets.target import FP16, INT8, Target
from lissom.train.teacher import answered, cache_bytes
from lissom.workload.workload import Worded, Workload

_USUAL_OUTPUTS = 1000  # where the original does not say
_REST_BYTES = 100_000_000  # of models and artefacts
_TOO_MUCH_BYTES = 1 << 50  # scores of all words after each token


class Mover:
    """Makes moves. One is written down before it is tried, so that a resumed run tries the same ones."""

    def __init__(self, ledger: Ledger, context: Context, carrier: Carrier, options: Options) -> None:
        self._ledger, self._context, self._carrier, self._options = ledger, context, carrier, options
        estimate = ledger.find("estimate")
        self.first_s = 0.0 if estimate is None else max(0.0, estimate["seconds"] - ENDING_S)

    @property
    def leaves_floats(self) -> bool:
        """Whether INT8 can leave single layers in float: where the target can, and ranges are fixed beforehand."""
        return type(self._context.target).layers is not Target.layers and self._any_layer

    @property
    def _any_layer(self) -> bool:
        """Whether INT8 may have any layer, with ranges that are fixed beforehand: those of tokens, and of sound put
        into words, are not."""
        original = self._context.original
        return (
            not original.int8_layers
            and not isinstance(original.module, CtcModel)
            and all(part.is_floating_point() for part in original.example)
        )

    def learnt_int8(self, number: int) -> Move | None:
        """Distillation in INT8 with INT8 after it, for trial ``number``, where there is time for it.

        ``None`` for models whose ranges nobody knows beforehand or of which some layers alone may be in INT8, and for
        targets without INT8.
        """
        known = self._ledger.find("learnt int8", str(number))
        if known is None:
            known = self._any_layer and self.has_int8 and not self._context.deadline.passed()
            self._ledger.append("learnt int8", str(number), known)
        if not known:
            return None
        rate, batch = usual_learning(self._context.original)
        epochs = self._options.epochs or max(1, self._options.most_epochs // 4)
        learn = DistillInt8(epochs=epochs, rate=rate / 6, batch=batch, examples=self._options.ranged)
        return Move(f"{learn.describe()} + quantize int8", (learn, self.int8))

    @property
    def has_int8(self) -> bool:
        """Whether INT8 is tried: the target has it, and the task allows other numbers than the model's own."""
        return INT8 in self._formats

    @property
    def int8(self) -> QuantizeInt8:
        """The step to INT8; its ranges come from no more inputs than the run was told to calibrate with."""
        return QuantizeInt8(examples=self._options.ranged)

    @property
    def mixed_int8(self) -> MixedInt8:
        """The step to INT8 with layers in float, likewise."""
        return MixedInt8(examples=self._options.ranged)

    @property
    def has_half(self) -> bool:
        """Whether half precision is tried, likewise."""
        return FP16 in self._formats

    @property
    def _formats(self) -> tuple[str, ...]:
        return self._context.target.formats(self._context.original)

    def time_left(self) -> float:
        """Seconds left for trials."""
        return self._context.deadline.left()

    def epochs(self, rungs: Sequence[Rung]) -> list[float]:
        """How many epochs of each rung the time left allows, up to the most; all alike where nothing limits it."""
        options, left = self._options, self.time_left()
        known = self._ledger.find("pace of rungs")
        if known is None:
            if options.epochs is not None or math.isinf(left):
                return [float(options.epochs or options.most_epochs)] * len(rungs)
            batch = usual_learning(self._context.original)[1]
            cuts = (self._carrier.model(rung.steps)[0] for rung in rungs)
            seconds = [epoch_seconds(self._context.original, cut, batch, self._context.team) for cut in cuts]
            known = [min(float(options.most_epochs), left / max(value, 1e-6)) for value in seconds]
            self._ledger.append("pace of rungs", "", known)
        return list(known)

    def recorded(self, number: int, make: Callable[[], Move]) -> Move:
        """The move of trial ``number``: read, or made and written down."""
        known = self._ledger.find("move", str(number))
        if known is None:
            known = make().to_json()
            self._ledger.append("move", str(number), known)
        return move_from_json(known)

    def cut(self, number: int, rung: Rung, formats: tuple[ArtefactStep, ...], share: float) -> Move:
        """Cut, repair and recover within a share of the time that is left, then the number format."""
        distill = self._settled(rung) or self._recovery(str(number), rung, share)
        return Move(f"{rung.name} + distill{_ending(formats)}", (*rung.steps, distill, *formats))

    def repaired(self, rung: Rung, formats: tuple[ArtefactStep, ...]) -> Move:
        """Cut and repair alone, then the number format."""
        return Move(f"{rung.name}{_ending(formats)}", (*rung.steps, *formats))

    def settle(self, place: int, rung: Rung, share: float) -> tuple[ModelStep, ...]:
        """Fix a rung's recovery before its trial, so that it can be carried out elsewhere; the steps up to it."""
        distill = self._settled(rung)
        if distill is None:
            distill = self._recovery(f"rung {place}", rung, share)
            self._ledger.append("recovery", _key(rung), distill.to_json())
        return (*rung.steps, distill)

    def _settled(self, rung: Rung) -> ModelStep | None:
        known = self._ledger.find("recovery", _key(rung))
        step = None if known is None else step_from_json(known)
        assert step is None or isinstance(step, ModelStep)
        return step

    def _recovery(self, trial: str, rung: Rung, share: float) -> Distill:
        """A distillation that a share of the time left allows; of the first one, also what it will take."""
        workload, _ = self._carrier.model(rung.steps)
        pace, views = self._pace(trial, workload), views_answered(self._context.original)
        known = answered(self._context.shared / "teacher", in_views=views != 1)
        distill = recovery(
            pace,
            self._options,
            self.time_left(),
            share=share,
            answered=known,
            cache_bytes=self._cache_bytes(),
            views=views,
        )
        _, batch = usual_learning(self._context.original)
        rate = recovering_rate(self._context.original, distill.epochs * distill.share)
        distill = replace(distill, rate=rate, batch=batch)
        asked = max(0, distill.views - known) if distill.views else distill.epochs * distill.share
        asking = pace["teacher_s"] * asked
        seconds = pace["epoch_s"] * distill.epochs * distill.share + asking
        if self._ledger.find("estimate") is None:
            self.first_s = seconds
            self._estimate(seconds, self._cache_bytes() * distill.views)
        return distill

    def _pace(self, trial: str, workload: Workload) -> dict[str, float]:
        known = self._ledger.find("pace", trial)
        if known is None:
            _, batch = usual_learning(self._context.original)
            known = measure_pace(self._context.original, workload, self._context.answer, batch, self._context.team)
            self._ledger.append("pace", trial, known)
        return known

    def _cache_bytes(self) -> int:
        """What the original's answers take on disk."""
        original = self._context.original
        if isinstance(original.splits.train, Worded):
            return _TOO_MUCH_BYTES
        return cache_bytes(len(original.splits.train), len(original.classes) or _USUAL_OUTPUTS)

    def _estimate(self, seconds: float, kept: int) -> None:
        whole, disk = seconds + ENDING_S, kept + _REST_BYTES
        check_writable(self._context.folder, disk)
        self._ledger.append("estimate", "", {"seconds": whole, "disk_bytes": disk})
        self._context.progress.say(f"the first cut takes about {format_seconds(whole)}, {format_bytes(disk)} of disk")


def _ending(formats: Sequence[ArtefactStep]) -> str:
    """What the name of a move says of the number format at its end."""
    return "".join(f" + {step.precision}" for step in formats)


def _key(rung: Rung) -> str:
    widths = "/".join(str(width) for width in rung.widths.values())
    return widths or json.dumps([step.to_json() for step in rung.steps])
