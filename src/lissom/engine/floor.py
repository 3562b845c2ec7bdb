"""Limits below what the runtime itself costs: refused before any work, with what an empty model takes."""

import math
import tempfile
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from lissom.core.errors import LissomError
from lissom.core.ledger import Ledger
from lissom.core.statistics import median_interval
from lissom.core.units import format_bytes, format_ms
from lissom.engine.baseline import Baseline
from lissom.engine.measuring import timings
from lissom.plan.budget import Budget, Limit, figure

# Limits narrower than this share of the original are held against an empty model. Most of the memory is the runtime's.
_SMALL = {"latency": 0.1, "size": 0.1, "memory": 1.0}
_SPARE = 0.9  # of the floor: what is measured again comes out a little lower
_SECONDS = 0.5
_WRITTEN: dict[str, Any] = {"latency": format_ms, "size": format_bytes, "memory": format_bytes}


class Empty(nn.Module):
    """A model that reads its input and answers in the right shape, and does nothing else.

    Args:
        shape: of an output, without the batch.
    """

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.shape = shape
        self.answer = nn.Linear(1, math.prod(shape))

    def forward(self, *inputs: Tensor) -> Tensor:
        """Outputs ``(batch, *shape)`` of inputs, each ``(batch, ...)``."""
        read = sum(given.flatten(1).float().mean(1, keepdim=True) for given in inputs)
        return self.answer(read).reshape(-1, *self.shape)


def check_floor(budget: Budget, baseline: Baseline, ledger: Ledger) -> None:
    """Refuse a budget that no model can meet on this target, however small.

    Args:
        budget: the limits.
        baseline: the original, measured.
        ledger: where the floor is written down, so that a resumed run reads it.

    Raises:
        LissomError: a limit on latency, size or memory lies below what an empty model costs; says what that is.
    """
    narrow = [limit for limit in budget.costs if _is_small(limit, baseline)]
    if not narrow:
        return
    floor = ledger.find("floor")
    if floor is None:
        floor = _floor(baseline)
        ledger.append("floor", "", floor)
    for limit in narrow:
        allowed, least = limit.allowed(baseline.figures), floor[limit.measure]
        if allowed < _SPARE * least:
            write, whole = _WRITTEN[limit.measure], figure(baseline.figures, limit.measure)
            example = f"for example {limit.measure}<={_rounded(limit, whole, 2 * least)}"
            raise LissomError(
                f"no model meets {limit.text} on {baseline.bench.target.title}: "
                f"an empty one takes {write(least)} there, {write(allowed)} are allowed",
                hint=f"allow more than {write(least)}, "
                + (example if 2 * least < whole else f"or leave it out: the original takes {write(whole)}"),
            )


def _is_small(limit: Limit, baseline: Baseline) -> bool:
    if limit.measure not in _WRITTEN:
        return False
    return limit.allowed(baseline.figures) < _SMALL[limit.measure] * figure(baseline.figures, limit.measure)


def _rounded(limit: Limit, whole: float, allowed: float) -> str:
    """What is to be allowed of the original's whole, in the words of the limit."""
    return f"{100 * allowed / whole:.2g}%" if limit.relative else _WRITTEN[limit.measure](allowed).replace(" ", "")


def _floor(baseline: Baseline) -> dict[str, float]:
    """What an empty model of the same inputs and outputs takes: latency in ms, size and memory in bytes."""
    bench = baseline.bench
    with torch.random.fork_rng(devices=[]), tempfile.TemporaryDirectory() as folder:
        torch.manual_seed(0)
        empty = Empty(baseline.select.outputs.shape[1:]).eval()
        made = bench.target.export(empty, baseline.workload.example, bench.target.place(Path(folder), "empty"))
        runner = bench.target.load(made.path, threads=bench.threads)
        samples = timings({"empty": runner}, (bench.example,), seconds=_SECONDS)["empty"]
        return {
            "latency": median_interval(samples)[0],
            "size": float(made.size_bytes),
            "memory": float(bench.target.peak_memory_bytes(made.path, bench.example, threads=bench.threads)),
        }
