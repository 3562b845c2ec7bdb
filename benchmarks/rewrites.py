"""What rewritten layers make of a network: separable, of low rank, left out; at once, and after distillation.

    python benchmarks/rewrites.py            the sample network on Fashion-MNIST
    python benchmarks/rewrites.py WORK       and ResNet-20 on CIFAR-10, from the folder that pruning.py works in
    python benchmarks/results.py             the table, in docs/results.md

Latency is measured for original and rewritten in turn, in FP32 and INT8 on ONNX Runtime, one thread, batch 1. Each row
is added to results/rewrites.json at once, and what is known is not done again.
"""

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pruning import SUBJECTS, accuracy, context_of  # first: it chooses one thread

from lissom.core.errors import LissomError
from lissom.core.files import write_json
from lissom.core.progress import Progress
from lissom.core.statistics import ratio_interval
from lissom.core.timing import interleaved
from lissom.cost import profile
from lissom.steps.depth.drop_layers import least_needed
from lissom.steps.distillation.distill import Distill
from lissom.steps.factorization.low_rank import choose_low_rank
from lissom.steps.factorization.separable import choose_separable
from lissom.steps.quantization.int8 import QuantizeInt8
from lissom.steps.step import Context, ModelStep
from lissom.tasks.loading import load
from lissom.workload.workload import Workload

RESULTS = Path(__file__).parent / "results" / "rewrites.json"
EPOCHS = 3
SECONDS = 6.0


def rewrites(workload: Workload) -> Iterator[tuple[str, Callable[[], ModelStep]]]:
    """Names, and what chooses the layers."""
    for filters in (1, 2):
        yield (
            f"separable, {filters} filter{'s' * (filters > 1)} a channel",
            lambda n=filters: choose_separable(workload, multiplier=n),
        )
    for error in (0.15, 0.07):
        yield f"low rank, {error:.0%} of a layer's output lost", lambda e=error: choose_low_rank(workload, e)
    for blocks in (1, 3):
        yield (
            f"{blocks} block{'s' * (blocks > 1)} left out",
            lambda n=blocks: least_needed(workload, n, seed=0, progress=Progress(False)),
        )


def row(workload: Workload, choose: Callable[[], ModelStep], context: Context) -> dict[str, Any]:
    """Costs and scores of one rewrite; why there is none, where nothing fits."""
    try:
        step = choose()
    except LissomError as error:
        return {"none": error.message}
    made = step.apply(workload, context)
    before, after = (profile(item.module, item.example) for item in (workload, made))
    taught = Distill(epochs=EPOCHS).apply(made, context)
    test = workload.splits.test
    return {
        "step": step.describe(),
        "parameters": after.parameters / before.parameters,
        "macs": after.macs / before.macs,
        **latencies(workload, made, context),
        "at once": accuracy(made.module, test),
        "distilled": accuracy(taught.module, test),
    }


def latencies(workload: Workload, made: Workload, context: Context) -> dict[str, Any]:
    """The rewritten model's latency in parts of the original's, each in FP32 and each in INT8, with 95 % intervals."""
    target, runners = context.target, {}
    for side, item in (("before", workload), ("after", made)):
        plain = target.export(item.module, item.example, context.folder / f"{side}.onnx")
        small = QuantizeInt8(examples=64, search=False).apply(plain, item, context)
        for name, artefact in (("fp32", plain), ("int8", small)):
            runners[side, name] = target.load(artefact.path, threads=1)
    inputs = [tensor.numpy() for tensor in workload.example]
    calls = {" ".join(key): lambda runner=runner: runner.run(inputs) for key, runner in runners.items()}
    samples = interleaved(calls, seconds=SECONDS)
    shares = {name: ratio_interval(samples[f"after {name}"], samples[f"before {name}"]) for name in ("fp32", "int8")}
    return {**{f"latency {name}": list(share) for name, share in shares.items()}, "n": len(samples["after fp32"])}


def subjects(work: Path | None) -> Iterator[tuple[str, Workload]]:
    """Names and workloads."""
    yield "sample", load("zoo:sample", data="fashion-mnist")
    if work is not None:
        yield "resnet20", SUBJECTS["resnet20"].load(work)


def main() -> None:
    """Measure what is not known yet."""
    for name, workload in subjects(Path(sys.argv[1]) if len(sys.argv) > 1 else None):
        known: dict[str, Any] = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
        rows = known.setdefault(name, {})
        rows.setdefault("original", {"score": accuracy(workload.module, workload.splits.test)})
        for what, choose in rewrites(workload):
            if what in rows:
                continue
            with TemporaryDirectory() as folder:
                rows[what] = row(workload, choose, context_of(workload, Path(folder), 0))
            write_json(RESULTS, known)
            print(name, what, rows[what], flush=True)


if __name__ == "__main__":
    main()
