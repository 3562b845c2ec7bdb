"""Ways to make a trained model light, a function each, for the same model, data, runtime, time and number of cuts.

Each takes the workload, the folder of its candidates (ONNX files for ONNX Runtime), the seconds that there are in all,
and the subject's name. The training loop is lissom's for all, with the same rate and views.
"""

import inspect
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
from pruning import SUBJECTS, leaders, reestimated, seconds_of_epoch, tuned, whole
from pruning_peer import at as cut_at
from pruning_peer import cut
from quantization_peers import static_int8

from lissom.api import compress
from lissom.engine.ladder import FRONT
from lissom.engine.options import Options
from lissom.export.onnx_file import export_onnx
from lissom.steps.pruning.criteria import Sample
from lissom.train.loop import Schedule
from lissom.workload.workload import Workload

CALIBRATED, RATE = 512, 2e-3
# of the multiply-adds that Torch-Pruning keeps: as many cuts as lissom's front has rungs, which are more where there
# are blocks to leave out
CUTS = {
    "sample": tuple(share for _, share in FRONT),
    "resnet20": (0.85, 0.7, 0.6, 0.5, 0.4, 0.33, 0.2, 0.12, 0.07),
    "mobilenet_v2": (0.85, 0.7, 0.6, 0.5, 0.4, 0.33, 0.27, 0.2, 0.12, 0.07),
}
USUAL = ("Taylor over groups", "global")


def onnxruntime(workload: Workload, folder: Path, _seconds: float, _name: str) -> None:
    """ONNX Runtime's static INT8, with both of its common ways to choose ranges."""
    export_onnx(workload.module, workload.example, folder / "fp32.onnx")
    for method in ("MinMax", "Percentile"):
        static_int8(folder / "fp32.onnx", calibration(workload), method, folder / f"{method.lower()}.onnx")


def nncf(workload: Workload, folder: Path, _seconds: float, _name: str) -> None:
    """NNCF's post-training INT8 of the ONNX file, with both presets."""
    os.environ["NNCF_CI"] = "1"  # else it reports its use
    import nncf

    export_onnx(workload.module, workload.example, folder / "fp32.onnx")
    model = onnx.load(folder / "fp32.onnx")
    given = nncf.Dataset([{model.graph.input[0].name: one[None]} for one in calibration(workload)])
    for preset in (nncf.QuantizationPreset.PERFORMANCE, nncf.QuantizationPreset.MIXED):
        made = nncf.quantize(model, given, preset=preset, subset_size=CALIBRATED)
        onnx.save(made, folder / f"{preset.value}.onnx")


def torch_pruning(workload: Workload, folder: Path, seconds: float, name: str) -> None:
    """Torch-Pruning's best cuts, BatchNorm re-estimated, a fine-tune on the labels, and ONNX Runtime's INT8."""
    criterion, scope = leaders(name)[0] if name in SUBJECTS else USUAL
    batches = list(Sample(512, batch=32, seed=0).batches(workload, ""))
    shares = CUTS[name]
    for share in shares:
        end = time.process_time() + seconds / len(shares)
        model = reestimated(cut(workload, criterion, scope, share, batches), workload, 2048, seed=0)
        epoch = seconds_of_epoch(model, workload)
        model = tuned(model, workload, Schedule(rate=RATE, **whole((end - time.process_time()) / epoch)))
        export_onnx(model, workload.example, folder / f"{share:g}.onnx")
        static_int8(folder / f"{share:g}.onnx", calibration(workload), "MinMax", folder / f"{share:g}-int8.onnx")


def lissom(workload: Workload, folder: Path, seconds: float, _name: str) -> None:
    """The front: as many cuts or blocks left out, each in FP32 and INT8."""
    with tempfile.TemporaryDirectory() as run:
        options = Options(front=True, methods=("prune", "depth"), time_limit_s=seconds)
        compress(workload, budget="drop<=1pt", target="onnxruntime", output=Path(run), options=options)
        for number, made in enumerate(sorted(Path(run, "work", "steps").glob("*/*.onnx"))):
            made.rename(folder / f"{number}.onnx")


def calibration(workload: Workload) -> np.ndarray:
    """Training inputs, spread over the set."""
    rows = np.linspace(0, len(workload.splits.train) - 1, CALIBRATED).astype(int)
    return workload.splits.train.take(rows.tolist()).inputs[0].numpy()


PIPELINES: dict[str, Callable[[Workload, Path, float, str], None]] = {
    "ONNX Runtime": onnxruntime,
    "NNCF": nncf,
    "Torch-Pruning": torch_pruning,
    "lissom": lissom,
}
_CALLED = {"ONNX Runtime": (static_int8,), "NNCF": (), "Torch-Pruning": (cut, cut_at, reestimated, static_int8)}


def lines(name: str) -> int:
    """How many lines a pipeline has, with what it calls here, but without the training loop and blank lines."""
    parts = (PIPELINES[name], *_CALLED.get(name, ()))
    kept = [line.strip() for part in parts for line in inspect.getsource(part).splitlines()]
    return len([line for line in kept if line and not line.startswith(("#", '"""'))])
