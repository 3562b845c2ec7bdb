"""Off-the-shelf networks of about the same size beside the result: would one of them do?"""

import tempfile
from pathlib import Path

from lissom.core.errors import LissomError
from lissom.core.records import Figures, Neighbour
from lissom.core.statistics import median_interval
from lissom.cost import profile
from lissom.engine.measuring import Bench, timings
from lissom.workload.workload import Workload
from lissom.zoo import build
from lissom.zoo.names import SMALL_INPUT_FAMILIES, SMALL_INPUT_PIXELS, small_input_name

_SECONDS = 1.0


def neighbours(workload: Workload, final: Figures, bench: Bench, count: int) -> tuple[list[Neighbour], list[str]]:
    """So many light networks of the zoo, whose parameters come nearest to the result's, measured on the same input.

    Their weights are random, so they have no score here: a published one is for another data set.

    Returns:
        The networks, and the names of those that could not be built or exported, with the reason.
    """
    if not count or workload.task.name != "image" or not workload.classes:
        return [], []
    side = workload.example[0].shape[-1]
    named = {
        family: small_input_name(family, side) if side in SMALL_INPUT_PIXELS else family
        for family in SMALL_INPUT_FAMILIES
    }
    counted: list[tuple[float, str]] = []
    left_out: list[str] = []
    for name in named.values():
        try:
            module = build(name, num_classes=len(workload.classes))
        except LissomError as error:
            left_out.append(f"{name}: {error.message}")
            continue
        parameters = sum(parameter.numel() for parameter in module.parameters())
        counted.append((abs(parameters - final.parameters), name))
    shown: list[Neighbour] = []
    for _, name in sorted(counted):
        if len(shown) == count:
            break
        try:
            shown.append(_measured(name, workload, bench))
        except Exception as error:  # another network may not take this input at all; that is no reason to stop
            left_out.append(f"{name}: {str(error).splitlines()[0] if str(error) else type(error).__name__}")
    return shown, left_out


def _measured(name: str, workload: Workload, bench: Bench) -> Neighbour:
    module = build(name, num_classes=len(workload.classes)).eval()
    costs = profile(module, workload.example)
    with tempfile.TemporaryDirectory() as folder:
        artefact = bench.target.export(module, workload.example, bench.target.place(Path(folder), "neighbour"))
        runner = bench.target.load(artefact.path, threads=bench.threads)
        samples = timings({"neighbour": runner}, bench.examples, seconds=_SECONDS)["neighbour"]
        return Neighbour(
            name=name,
            size_bytes=artefact.size_bytes,
            macs=costs.macs + costs.attention_macs,
            latency_ms=median_interval(samples)[0],
            score=None,
            source=f"built for {len(workload.classes)} classes with random weights, FP32, measured in this run",
        )
