"""INT8 scored on labelled pictures, beside what the quantizers of ONNX Runtime and NNCF make of the same inputs."""

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from quantization_peers import peers
from torch import nn

import lissom
from lissom.core.statistics import drop_interval
from lissom.steps.quantization.calibration import calibration_inputs
from lissom.steps.quantization.int8 import QuantizeInt8
from lissom.steps.step import Context
from lissom.targets import TARGETS
from lissom.targets.target import Artefact, Target
from lissom.workload.workload import Batch, Splits, Workload
from lissom.zoo.models import build

CALIBRATED = 100  # photos, the first by file name
EXAMPLES = 512  # pictures of CIFAR-10
_SUFFIXES = {".onnx": "onnxruntime", ".xml": "openvino"}
Quantize = Callable[[Target, Artefact, Path], None]


@dataclass(frozen=True)
class Subject:
    """A trained model; inputs ``(pictures, 3, height, width)`` to calibrate with, and others with class numbers.

    ``ways`` are our own ways to make an INT8 artefact, by name.
    """

    module: nn.Module
    calibration: np.ndarray
    inputs: np.ndarray
    labels: np.ndarray
    ways: dict[str, Quantize]


def photos(folder: Path) -> Subject:
    """EfficientNet-Lite0 and the photos of a folder with ``labels.csv``, as it was trained to see them."""
    from PIL import Image

    from lissom.tasks.classification import Classification
    from lissom.tasks.image.handling import Preprocessing
    from lissom.workload.models import load_model

    prepare = Preprocessing((224, 224), resize=256, mean=(0.5,) * 3, std=(0.5,) * 3, interpolation="bilinear")
    with (folder / "labels.csv").open(encoding="utf-8") as file:
        rows = sorted(csv.DictReader(file), key=lambda row: row["file"])
    numbers = next(name for name in rows[0] if "index" in name)
    inputs = np.stack([prepare(Image.open(folder / row["file"])) for row in rows])
    labels = np.asarray([int(row[numbers]) for row in rows])
    module = load_model("zoo:tf_efficientnet_lite0").module
    seen, others = (Prepared(part) for part in (inputs[:CALIBRATED], inputs[CALIBRATED:]))
    example, task = (torch.from_numpy(inputs[:1]),), Classification(1000)
    # the photos that it is calibrated on are those that the way is chosen by, too: no other is looked at
    workload = Workload("efficientnet_lite0", module, example, task, Splits(seen, seen, others), labelled=False)
    ways = {"lissom": as_decided(workload, CALIBRATED)}
    return Subject(module, seen.inputs, others.inputs, labels[CALIBRATED:], ways)


@dataclass(frozen=True)
class Prepared:
    """Inputs ``(examples, ...)`` without labels, as a split."""

    inputs: np.ndarray

    def __len__(self) -> int:
        return len(self.inputs)

    def take(self, indices: Sequence[int], *, view: int | None = None) -> Batch:
        """The examples as they are."""
        rows = np.asarray(indices, dtype=np.int64)
        return Batch((torch.from_numpy(self.inputs[rows]),), None, torch.from_numpy(rows))


def cifar10(name: str, work: Path) -> Subject:
    """A network trained on CIFAR-10, and its test pictures; ours is what the product itself decides for."""
    workload = workload_of(name, work)
    test = workload.splits.test.take(range(len(workload.splits.test)))
    assert test.targets is not None
    seen = np.concatenate([batch[0] for batch in calibration_inputs(workload, examples=EXAMPLES, batch=64, seed=0)])

    ways = {"lissom": as_decided(workload, EXAMPLES)}
    return Subject(workload.module, seen, test.inputs[0].numpy(), test.targets.numpy(), ways)


def as_decided(workload: Workload, examples: int) -> Quantize:
    """INT8 in the way that the product itself decides for."""

    def quantize(target: Target, plain: Artefact, path: Path) -> None:
        own = path.parent / "lissom"
        own.mkdir(exist_ok=True)
        context = Context(workload, target, lambda batch: workload.module(*batch.inputs).numpy(), own, own)
        made = QuantizeInt8(examples=examples).apply(plain, workload, context)
        print(made.notes, flush=True)
        for file in reversed(made.files):
            file.rename(path.with_suffix(file.suffix))

    return quantize


def workload_of(name: str, work: Path) -> Workload:
    data, weights = work / "cifar10.zip", work / f"{name}.safetensors"
    if name == "resnet20":
        mean, std = (0.4914, 0.4822, 0.4465), (0.247, 0.2435, 0.2616)
        return lissom.load("zoo:resnet20", data=data, weights=weights, size=32, mean=mean, std=std)
    return lissom.load(build("mobilenet_v2_32px", num_classes=10, width_mult=0.5), data=data, weights=weights, size=32)


def score(work: Path, subject: Subject) -> dict[str, Any]:
    """Make what is not there yet, and score everything."""
    work.mkdir(parents=True, exist_ok=True)
    example = (torch.from_numpy(subject.inputs[:1]),)
    for name in _SUFFIXES.values():
        target: Target = TARGETS.get(name)()
        plain = target.artefact(target.place(work, f"{name}-fp32"))
        if not plain.path.exists():
            target.export(subject.module, example, plain.path)
        for way, make in subject.ways.items():
            path = target.place(work, f"{name}-{way}")
            if not path.exists():
                print(f"{path.name} ...", flush=True)
                make(target, plain, path)
    for label, name, make in peers(work / "onnxruntime-fp32.onnx", subject.calibration):
        path = TARGETS.get(name)().place(work, label)
        if not path.exists():
            print(f"{path.name} ...", flush=True)
            make(path)
    return {"photos": len(subject.labels), "calibrated": len(subject.calibration), "rows": _rows(work, subject)}


def _rows(work: Path, subject: Subject) -> dict[str, Any]:
    before = _outputs("onnxruntime", work / "onnxruntime-fp32.onnx", subject.inputs)
    right = (before.argmax(1) == subject.labels).astype(float)
    rows: dict[str, Any] = {}
    grades: dict[str, np.ndarray] = {}
    for path in sorted(path for path in work.iterdir() if path.suffix in _SUFFIXES):
        name = _SUFFIXES[path.suffix]
        after = _outputs(name, path, subject.inputs)
        grades[path.name] = (after.argmax(1) == subject.labels).astype(float)
        drop, drop_range = _drop(right, grades[path.name])
        rows[path.name] = {
            "target": name,
            "top1": 100 * float(grades[path.name].mean()),
            "drop": drop,
            "drop_interval": drop_range,
            "agreement": 100 * float((after.argmax(1) == before.argmax(1)).mean()),
            "divergence": _divergence(before, after),
            "size_share": TARGETS.get(name)().artefact(path).size_bytes
            / (work / "onnxruntime-fp32.onnx").stat().st_size,
        }
        print(path.name, {key: value for key, value in rows[path.name].items() if key != "target"}, flush=True)
    for file, row in rows.items():
        peers_here = [other for other in rows if other.startswith("peer-") and rows[other]["target"] == row["target"]]
        if file not in peers_here:
            row["behind"] = {other: _drop(grades[other], grades[file]) for other in peers_here}
    return rows


def _drop(one: np.ndarray, other: np.ndarray) -> tuple[float, tuple[float, float]]:
    """How many points the other is behind, with its paired interval."""
    return drop_interval(one, other, lambda grades: 100 * float(grades.mean()))


def _outputs(name: str, path: Path, inputs: np.ndarray) -> np.ndarray:
    runner = TARGETS.get(name)().load(path, threads=1)
    return np.concatenate([runner.run([inputs[start : start + 20]])[0] for start in range(0, len(inputs), 20)])


def _divergence(before: np.ndarray, after: np.ndarray) -> float:
    """The mean Kullback-Leibler divergence of the classes' probabilities from those before, in nats."""
    ours, theirs = (torch.log_softmax(torch.from_numpy(scores), 1) for scores in (after, before))
    return float((theirs.exp() * (theirs - ours)).sum(1).mean())
