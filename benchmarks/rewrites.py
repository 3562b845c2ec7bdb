"""What rewritten layers make of a network: separable, of low rank, left out; at once, and after distillation.

    python benchmarks/rewrites.py make WORK SUBJECT...   sample (Fashion-MNIST) and resnet20 (CIFAR-10)
    python benchmarks/rewrites.py time WORK SUBJECT...   latencies of what was made, on a quiet machine
    python benchmarks/results.py                         the table, in docs/results.md

WORK is the folder that pruning.py works in; the artefacts are kept there. Latency is measured for original and
rewritten in turn, in FP32 and INT8 on ONNX Runtime, one thread, batch 1. Each row is added to results/rewrites.json
at once, and what is known is not done again.
"""

import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from adding import added, known
from originals import resnet20_unflattered
from pruning import SUBJECTS, accuracy, context_of  # first: it chooses one thread

from lissom.core.errors import LissomError
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
from lissom.targets import TARGETS
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


def row(workload: Workload, choose: Callable[[], ModelStep], context: Context, folder: Path) -> dict[str, Any]:
    """Costs and scores of one rewrite, its artefacts in ``folder``; why there is none, where nothing fits."""
    try:
        step = choose()
    except LissomError as error:
        return {"none": error.message}
    made = step.apply(workload, context)
    before, after = (profile(item.module, item.example) for item in (workload, made))
    export(made, context, folder)
    with TemporaryDirectory() as own:  # a training goes on from what it finds in its folder
        taught = Distill(epochs=EPOCHS).apply(made, replace(context, folder=Path(own)))
    test = workload.splits.test
    return {
        "step": step.describe(),
        "parameters": after.parameters / before.parameters,
        "macs": after.macs / before.macs,
        "at once": accuracy(made.module, test),
        "distilled": accuracy(taught.module, test),
    }


def export(workload: Workload, context: Context, folder: Path) -> None:
    """fp32.onnx and int8.onnx."""
    folder.mkdir(parents=True, exist_ok=True)
    plain = context.target.export(workload.module, workload.example, folder / "fp32.onnx")
    small = QuantizeInt8(examples=64, search=False).apply(plain, workload, context)
    shutil.copyfile(small.path, folder / "int8.onnx")


def latencies(before: Path, after: Path, example: list[Any]) -> dict[str, Any]:
    """The rewritten model's latency in parts of the original's, each in FP32 and each in INT8, with 95 % intervals."""
    target = TARGETS.get("onnxruntime")()
    places = {
        f"{side} {name}": folder / f"{name}.onnx"
        for side, folder in (("before", before), ("after", after))
        for name in ("fp32", "int8")
    }
    runners = {name: target.load(place, threads=1) for name, place in places.items()}
    calls = {name: lambda runner=runner: runner.run(example) for name, runner in runners.items()}
    samples = interleaved(calls, seconds=SECONDS)
    shares = {name: ratio_interval(samples[f"after {name}"], samples[f"before {name}"]) for name in ("fp32", "int8")}
    return {**{f"latency {name}": list(share) for name, share in shares.items()}, "n": len(samples["after fp32"])}


def loaded(name: str, work: Path) -> Workload:
    """The model and its data."""
    return SUBJECTS[name].load(work) if name in SUBJECTS else load("zoo:sample", data="fashion-mnist")


def unflattered(name: str, work: Path) -> Workload:
    """The same, but a ResNet-20 that is chosen by pictures it has not learnt from."""
    return resnet20_unflattered(work) if name == "resnet20" else loaded(name, work)


def make(work: Path, name: str) -> None:
    """Rewrite, score and export what is not known yet."""
    workload = loaded(name, work)
    with TemporaryDirectory() as folder:
        context = context_of(workload, Path(folder), 0)
        _add(name, "original", lambda: {"score": accuracy(workload.module, workload.splits.test)})
        export(workload, context, _place(work, name, "original"))
        for what, choose in rewrites(workload):
            place = _place(work, name, what)
            _add(name, what, lambda choose=choose, place=place: row(workload, choose, context, place))


def measure(work: Path, name: str) -> None:
    """Latencies of the artefacts that are there."""
    example = [tensor.numpy() for tensor in loaded(name, work).example]
    for what, facts in known(RESULTS)[name].items():
        if "step" in facts:
            timed = latencies(_place(work, name, "original"), _place(work, name, what), example)
            with added(RESULTS) as results:
                results[name][what] |= timed
            print(name, what, {**facts, **timed}, flush=True)


def _place(work: Path, name: str, what: str) -> Path:
    return work / "rewrites" / name / what.replace(" ", "-").replace(",", "").replace("%", "")


def _add(name: str, what: str, facts: Callable[[], dict[str, Any]]) -> None:
    if what in known(RESULTS).get(name, {}):
        return
    found = facts()
    with added(RESULTS) as results:
        results.setdefault(name, {})[what] = found
    print(name, what, found, flush=True)


def main() -> None:
    """Make, or measure."""
    command, work, *names = sys.argv[1:]
    for name in names or ["sample", "resnet20"]:
        {"make": make, "time": measure}[command](Path(work), name)


if __name__ == "__main__":
    main()
