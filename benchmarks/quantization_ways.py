"""Ways to quantize that the product could take beside those it does, each on the same network and the same inputs.

    python benchmarks/quantization_ways.py cifar10 NETWORK DATA     resnet20 or mobilenet_v2; DATA holds it and weights
    python benchmarks/quantization_ways.py photos PHOTOS            EfficientNet-Lite0: cross-layer equalisation alone
    python benchmarks/quantization_ways.py product NETWORK DATA     int8, int8_mixed and distill_int8 as they are

Adds to results/quantization_ways.json after each way. Cross-layer equalisation is that of Nagel et al. (2019,
"Data-free quantization", section 4.1), learnt rounding that of Nagel et al. (2020, "Up or down?", section 3), whose
layer-wise error is a quadratic form of the inputs' moments: it is minimised on these, without batches.
"""

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from adding import added
from onnx import numpy_helper
from quantization_scores import Subject, cifar10, photos, workload_of

from lissom.core.machine import describe
from lissom.core.records import to_json
from lissom.core.statistics import median_interval, ratio_interval
from lissom.core.timing import interleaved
from lissom.export.onnx_file import export_onnx
from lissom.steps.quantization.distilled import DistillInt8
from lissom.steps.quantization.int8 import QuantizeInt8
from lissom.steps.quantization.mixed import MixedInt8
from lissom.steps.step import Context
from lissom.targets import TARGETS
from lissom.targets.quantizing import correction
from lissom.targets.quantizing.layers import Layer, initial, prepared, put, weighted_layers
from lissom.targets.quantizing.ranges import choose, histograms
from lissom.targets.quantizing.running import outputs
from lissom.targets.quantizing.writing import quantized
from lissom.tasks.divergence import divergence

RESULTS = Path(__file__).parent / "results" / "quantization_ways.json"
CALIBRATED, SCORED, STEPS = 256, 2000, 1000
LEARNT = 0.1  # of the training pictures, once
_SWEEPS = 20


def equalised(plain: onnx.ModelProto) -> tuple[onnx.ModelProto, int]:
    """Scales moved from each convolution to the one that reads it alone, and how many pairs there are.

    ReLU6 between two becomes ReLU, as in the paper: it is not the same after scaling.
    """
    model = onnx.ModelProto()
    model.CopyFrom(plain)
    pairs = list(_pairs(model))
    for _ in range(_SWEEPS):
        for one, other in pairs:
            first, second = (_weight(model, layer.weight) for layer in (one, other))
            rows = np.abs(first).reshape(len(first), -1).max(1)
            columns = np.abs(_by_input(second, other)).max(1)
            scale = np.where((rows > 0) & (columns > 0), np.sqrt(rows / np.maximum(columns, 1e-12)), 1.0)
            shape = (-1, *[1] * (first.ndim - 1))
            put(model, one.weight, (first / scale.reshape(shape)).astype(np.float32))
            if one.bias is not None:
                put(model, one.bias, (_weight(model, one.bias) / scale).astype(np.float32))
            across = shape if other.groups > 1 else (1, -1, *[1] * (second.ndim - 2))
            put(model, other.weight, (second * scale.reshape(across)).astype(np.float32))
    return model, len(pairs)


def _pairs(model: onnx.ModelProto) -> Iterator[tuple[Layer, Layer]]:
    layers = [layer for layer in weighted_layers(model) if layer.kind == "Conv"]
    reading = {layer.read: layer for layer in layers}
    consumers: dict[str, list[onnx.NodeProto]] = {}
    for node in model.graph.node:
        for name in node.input:
            consumers.setdefault(name, []).append(node)
    for layer in layers:
        value, between = layer.written, []
        while len(found := consumers.get(value, [])) == 1 and found[0].op_type in ("Relu", "Clip"):
            between.append(found[0])
            value = found[0].output[0]
        other = reading.get(value)
        if other is None or len(consumers[value]) != 1:
            continue
        if other.groups == 1 or other.groups == len(_weight(model, other.weight)):
            for node in between:
                node.op_type = "Relu"
                del node.input[1:]
            yield layer, other


def _by_input(weight: np.ndarray, layer: Layer) -> np.ndarray:
    turned = weight if layer.groups > 1 else weight.swapaxes(0, 1)
    return turned.reshape(len(turned), -1)


def _weight(model: onnx.ModelProto, name: str) -> np.ndarray:
    return numpy_helper.to_array(initial(model)[name]).astype(np.float64)


def learnt_rounding(target: np.ndarray, products: np.ndarray, largest: int) -> np.ndarray:
    """Up or down for each weight, learnt; takes and gives what :func:`correction.round_on_grid` does."""
    wanted = torch.from_numpy(target).float()
    form = torch.from_numpy(products).float()
    form = form / form.diagonal(dim1=1, dim2=2).mean(1)[:, None, None]
    low = wanted.floor()
    rest = (wanted - low).clamp(0.01, 0.99)
    lean = torch.logit((rest + 0.1) / 1.2).requires_grad_()
    optimizer = torch.optim.Adam([lean], lr=1e-2)
    for step in range(STEPS):
        up = (torch.sigmoid(lean) * 1.2 - 0.1).clamp(0, 1)
        error = (low + up).clamp(-largest, largest) - wanted
        loss = ((error @ form) * error).sum()
        if step > 0.2 * STEPS:
            sharpness = 2 + 18 * (1 - (step / STEPS - 0.2) / 0.8)
            loss = loss + 0.01 * (1 - (2 * up - 1).abs().pow(sharpness)).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return (low + (lean > 0)).clamp(-largest, largest).detach().double().numpy()


def compare(name: str, subject: Subject, *, rounding: bool) -> None:
    """Score every way on one network; the corrected ones where ``rounding`` is asked for, which takes long."""
    scored = _of_all_classes(len(subject.inputs))
    seen, inputs, labels = subject.calibration[:CALIBRATED], subject.inputs[scored], subject.labels[scored]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.onnx"
        export_onnx(subject.module, (torch.from_numpy(inputs[:1]),), file)
        plain = prepared(file)
    before = outputs(plain, [[inputs]])
    equal, pairs = equalised(plain)
    _add(name, "fp32", _score(before, before, labels))
    _add(name, "fp32, equalised", {**_score(outputs(equal, [[inputs]]), before, labels), "pairs": pairs})
    closed = correction.round_on_grid
    for title, graph in (("", plain), (", equalised", equal)):
        found = histograms(graph, [[seen]])
        for method in ("minmax", "mse"):
            ranges = {key: choose(item, method) for key, item in found.items()}
            made = quantized(graph, ranges)
            _add(name, f"{method}{title}", _score(outputs(made, [[inputs]]), before, labels))
            if not rounding or method == "mse":
                continue
            for way, round_ in (("corrected", closed), ("corrected, learnt rounding", learnt_rounding)):
                correction.round_on_grid = round_
                better = quantized(graph, ranges)
                correction.correct(better, graph, weighted_layers(graph), [[seen]])
                _add(name, f"{method}{title}, {way}", _score(outputs(better, [[inputs]]), before, labels))


def _score(after: np.ndarray, before: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    return {
        "top1": 100 * float((after.argmax(1) == labels).mean()),
        "agreement": 100 * float((after.argmax(1) == before.argmax(1)).mean()),
        "divergence": divergence(after, before),
    }


def _of_all_classes(count: int) -> list[int]:
    """Which of the test pictures are scored: some of every class, as classes lie one after the other."""
    return list(range(0, count, max(1, count // SCORED)))


def product(name: str, data: Path) -> None:
    """The product's own steps on one network: their notes, their answers, and their time beside INT8's."""
    workload = workload_of(name, data)
    target: Any = TARGETS.get("onnxruntime")()
    test = workload.splits.test.take(_of_all_classes(len(workload.splits.test)))
    inputs, labels = test.inputs[0].numpy(), np.asarray(test.targets)
    with tempfile.TemporaryDirectory() as where:
        folder = Path(where)
        context = Context(workload, target, lambda batch: workload.module(*batch.inputs).numpy(), folder, folder)
        plain = target.export(workload.module, workload.example, folder / "plain.onnx")
        made = {"fp32": plain}
        made["int8"] = QuantizeInt8(examples=CALIBRATED).apply(plain, workload, context)
        made["int8_mixed"] = MixedInt8(examples=CALIBRATED).apply(plain, workload, context)
        learnt = DistillInt8(epochs=1, share=LEARNT, examples=CALIBRATED).apply(workload, context)
        exported = target.export(learnt.module, learnt.example, folder / "learnt.onnx")
        made["distill_int8 + int8"] = QuantizeInt8(examples=CALIBRATED).apply(exported, learnt, context)
        runners = {key: target.load(item.path, threads=1) for key, item in made.items()}
        samples = interleaved({key: lambda r=r: r.run([inputs[:1]]) for key, r in runners.items()}, seconds=12)
        before = runners["fp32"].run([inputs])[0]
        for key, item in made.items():
            facts = {
                "latency_ms": median_interval(samples[key])[0],
                "of_int8": ratio_interval(samples[key], samples["int8"]),
                "size_bytes": item.size_bytes,
                "notes": list(item.notes),
            }
            answers = _score(runners[key].run([inputs])[0], before, labels)
            _add(f"{name} on CIFAR-10", f"product: {key}", {**answers, **facts})


def _add(name: str, way: str, row: dict[str, Any]) -> None:
    with added(RESULTS) as results:
        results["machine"] = to_json(describe())
        results.setdefault("networks", {}).setdefault(name, {})[way] = row
    print(name, way, row, flush=True)


def main() -> None:
    torch.set_num_threads(1)
    command, *words = sys.argv[1:]
    if command == "photos":
        compare("EfficientNet-Lite0", photos(Path(words[0])), rounding=False)
    elif command == "cifar10":
        compare(f"{words[0]} on CIFAR-10", cifar10(words[0], Path(words[1])), rounding=True)
    else:
        product(words[0], Path(words[1]))


if __name__ == "__main__":
    main()
