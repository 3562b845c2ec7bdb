"""The latency of each cut told before its trial, from the times of layers and the copies measured so far; and, when
the trials are done, how far that was from what was measured."""

import hashlib
import json
from collections.abc import Sequence

import numpy as np

from lissom.core.ledger import Ledger
from lissom.core.progress import Progress
from lissom.core.records import Trial
from lissom.engine.ladder import Rung
from lissom.plan.allocation import CostModel
from lissom.plan.move import plan_from_json
from lissom.steps.pruning.prune import Prune
from lissom.steps.quantization.int8 import QuantizeInt8
from lissom.steps.step import ArtefactStep, Step
from lissom.targets.target import FP32, INT8

FORMATS = (FP32, INT8)
_NEAR = 0.2  # of a factor of e: copies of about the cost in question count most
_KNOWN = frozenset(("prune", "reconstruct", "batchnorm", "distill", "int8"))
Point = tuple[float, float]


def predict(points: Sequence[Point], cost: float) -> float | None:
    """The latency at a cost, by the weighted line through what was measured.

    Args:
        points: cost and measured latency, in any unit.
        cost: where to read the line. Points near it (in the logarithm) weigh more, and errors are relative.

    Returns:
        ``None`` where the points do not make a rising line.
    """
    costs, values = np.asarray(points, dtype=np.float64).reshape(-1, 2).T
    if len(points) < 2 or np.ptp(costs) <= 0 or min(*costs, cost) <= 0:
        return None
    weights = 1 / (values * (_NEAR + np.abs(np.log(costs / cost))))
    centre, level = np.average(costs, weights=weights**2), np.average(values, weights=weights**2)
    slope = np.sum(weights**2 * (costs - centre) * (values - level)) / np.sum(weights**2 * (costs - centre) ** 2)
    found = level + slope * (cost - centre)
    return float(found) if slope > 0 and found > 0 else None


def foretell(ledger: Ledger, model: CostModel, rungs: Sequence[Rung]) -> None:
    """Write down the latency that each rung is expected to have in each number format, as a share of the original's."""
    probes = {_widths(key): value for key, value in ledger.by_key("probe").items()}
    for name in FORMATS:
        known = [(widths, found[name]["latency"]) for widths, found in probes.items() if name in found]
        points = [(model.cost("latency_ms", dict(widths)), latency) for widths, latency in known]
        points += [(model.cost("latency_ms", model.full), 1.0)] if name == FORMATS[0] else []
        for rung in (rung for rung in rungs if rung.widths):
            expected = predict(points, model.cost("latency_ms", rung.widths))
            if expected is not None:
                ledger.once("forecast", f"{_key(rung.steps)} {name}", expected)


def compare(ledger: Ledger, progress: Progress) -> None:
    """Say how far the forecasts were from the trials; nothing where no trial had one."""
    errors: list[float] = []
    for trial in ledger.all(Trial):
        plan = ledger.find("plan", str(trial.number))
        steps = () if plan is None else tuple(step for move in plan_from_json(plan).moves for step in move.steps)
        expected = _expected(ledger, steps)
        if expected is not None and trial.figures is not None:
            ledger.once("forecast of trial", str(trial.number), {"expected": expected, "measured": trial.latency_ratio})
            errors.append(abs(expected / trial.latency_ratio - 1))
    if errors:
        middle, trials = float(np.median(errors)), f"{len(errors)} {'trial' if len(errors) == 1 else 'trials'}"
        note = f"latency told before {trials}: off by {middle:.0%} at the median, {max(errors):.0%} at most"
        ledger.once("note", "forecast", note)
        progress.say(note)


def _expected(ledger: Ledger, steps: Sequence[Step]) -> float | None:
    """What was told of a plan, where it is a cut in one of the formats that were told of."""
    formats = [step for step in steps if isinstance(step, ArtefactStep)]
    if any(step.name not in _KNOWN for step in steps) or [type(step) for step in formats] not in ([], [QuantizeInt8]):
        return None
    return ledger.find("forecast", f"{_key(steps)} {FORMATS[len(formats)]}")


def _key(steps: Sequence[Step]) -> str:
    cuts = [step.to_json() for step in steps if isinstance(step, Prune)]
    return hashlib.sha256(json.dumps(cuts, sort_keys=True).encode()).hexdigest()[:16]


def _widths(key: str) -> tuple[tuple[int, int], ...]:
    pairs = (item.split(":") for item in key.split(",")) if key else ()
    return tuple((int(index), int(width)) for index, width in pairs)
