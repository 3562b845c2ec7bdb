"""Untrained copies of a changed model, exported and measured: what a change would cost, before any training."""

import tempfile
from collections.abc import Callable, Collection
from dataclasses import replace
from pathlib import Path

from lissom.core.statistics import ratio_interval
from lissom.cost import profile
from lissom.engine.asking import asked
from lissom.engine.measuring import Bench, timings
from lissom.steps.quantization.fp16 import HalfPrecision
from lissom.steps.quantization.int8 import QuantizeInt8
from lissom.steps.step import Context
from lissom.targets.target import FP32, INT8, Artefact
from lissom.workload.workload import Workload

_SECONDS = 1.5
_EXAMPLES = 16  # that tell the ranges: of a copy that is not judged by its answers


def measure_copy(
    workload: Workload,
    context: Context,
    bench: Bench,
    *,
    formats: Collection[str] = (FP32, INT8),
    seen: Callable[[Artefact], object] = lambda made: None,
) -> dict[str, dict[str, float]]:
    """Size, latency (as a share of the original's), memory, macs and parameters by number format.

    Args:
        workload: with the changed model.
        context: the target and the rest that steps look at.
        bench: the original, loaded.
        formats: those that are wanted besides FP32, where the target has them.
        seen: is shown the FP32 artefact while it is there.
    """
    costs = profile(workload.module, workload.example)
    with tempfile.TemporaryDirectory() as folder:
        context = replace(context, folder=Path(folder))
        place = context.target.place(Path(folder), "probe")
        plain = context.target.export(workload.module, workload.example, place)
        seen(plain)
        made = {FP32: plain}
        had = context.target.formats(workload)
        for step in (HalfPrecision(), QuantizeInt8(examples=_EXAMPLES, search=False)):
            if step.precision in formats and step.precision in had:
                made[step.precision] = step.apply(plain, workload, context)
        runners = {
            name: asked(context.target.load(item.path, threads=bench.threads), workload) for name, item in made.items()
        }
        samples = timings({"original": bench.runner, **runners}, bench.examples, seconds=_SECONDS)
        return {
            name: {
                "size": float(item.size_bytes),
                "latency": ratio_interval(samples[name], samples["original"])[0],
                "memory": float(context.target.peak_memory_bytes(item.path, bench.example, threads=bench.threads)),
                "macs": float(costs.macs + costs.attention_macs),
                "parameters": float(costs.parameters),
            }
            for name, item in made.items()
        }
