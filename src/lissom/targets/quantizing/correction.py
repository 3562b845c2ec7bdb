"""Rounding that makes good its own errors: weights and biases of a quantized graph, corrected layer by layer.

Each layer is asked for what it wrote before the network was quantized, given what it reads now, when all before it is
quantized. That is a least-squares problem in its weights, solved on the grid of its integers column by column, the
error of each rounding spread over the columns still to come (Frantar et al., 2022, "Optimal brain compression",
section 4, and "GPTQ", section 3). The bias takes the mean that is left (Nagel et al., 2019, "Data-free quantization",
section 4.2). Unlike rounding to the nearest, it sees the data; unlike learnt rounding, it needs no gradients.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import onnx
from onnx import numpy_helper

from lissom.targets.quantizing.layers import Layer, as_rows, from_rows, initial, put, read_rows, up_to
from lissom.targets.quantizing.running import feeds, run, session
from lissom.targets.target import Inputs

Doubles = npt.NDArray[np.float64]
Track = Callable[[Iterable[Layer]], Iterable[Layer]]
_ROWS = 12_000
_LEAST_ROWS_OF_A_FEATURE = 4
_DAMPING = 0.01
_LARGEST = 3000
_AT_ONCE = 8
_DRAWN = 4096


@dataclass
class Moments:
    """Sums over rows of what a layer reads now and what it read before, each ``(groups, features)``.

    ``now`` and ``across`` are ``(groups, features, features)``: products of now with now, and of before with now. All
    are counted from ``start_now`` and ``start_before``, the means of the first rows: what is read may vary so little
    that products of the numbers themselves would tell nothing of it.
    """

    now: Doubles
    across: Doubles
    sum_now: Doubles
    sum_before: Doubles
    start_now: npt.NDArray[np.float32]
    start_before: npt.NDArray[np.float32]
    rows: int = 0

    @classmethod
    def empty(cls, groups: int, features: int) -> "Moments":
        """Of no rows."""
        square, line = (groups, features, features), (groups, features)
        starts = np.zeros(line, dtype=np.float32), np.zeros(line, dtype=np.float32)
        return cls(np.zeros(square), np.zeros(square), np.zeros(line), np.zeros(line), *starts)

    def add(self, now: npt.NDArray[np.float32], before: npt.NDArray[np.float32]) -> None:
        """Add rows, ``(groups, rows, features)``."""
        if not self.rows:
            self.start_now, self.start_before = (x.mean(1, dtype=np.float64).astype(np.float32) for x in (now, before))
        now, before = now - self.start_now[:, None], before - self.start_before[:, None]
        turned = now.transpose(0, 2, 1)
        self.now += turned @ now
        self.across += before.transpose(0, 2, 1) @ now
        self.sum_now += now.sum(1, dtype=np.float64)
        self.sum_before += before.sum(1, dtype=np.float64)
        self.rows += now.shape[1]

    def centred(self) -> tuple[Doubles, Doubles, Doubles, Doubles]:
        """Covariances now and across, and the means now and before."""
        now, before = self.sum_now / self.rows, self.sum_before / self.rows
        return (
            self.now / self.rows - now[:, :, None] * now[:, None, :],
            self.across / self.rows - before[:, :, None] * now[:, None, :],
            self.start_now + now,
            self.start_before + before,
        )


def correct(
    made: onnx.ModelProto, plain: onnx.ModelProto, layers: list[Layer], calibration: Inputs, track: Track = iter
) -> list[str]:
    """Correct the weights and biases of ``made`` in place.

    Args:
        made: quantized by :func:`lissom.targets.quantizing.writing.quantized`; its nodes are called as before.
        plain: the graph that it was made from.
        layers: those of ``plain``, in the order of computation.
        calibration: inputs without labels.
        track: shows the progress over layers.

    Returns:
        The names of layers that were left as they are, because they are not quantized or too large.
    """
    nodes = {node.name: node for node in made.graph.node}
    made_by = {name: node for node in made.graph.node for name in node.output}
    left: list[str] = []
    for layer in track(layers):
        node = nodes.get(layer.name)
        source = None if node is None else made_by.get(node.input[1])
        rows = as_rows(layer, _array(plain, layer.weight))
        if node is None or source is None or source.op_type != "DequantizeLinear" or rows.shape[-1] > _LARGEST:
            left.append(layer.name)
            continue
        moments = _moments(made, plain, layer, node.input[0], calibration)
        bias = node.input[2] if len(node.input) > 2 else ""
        _solve(made, plain, layer, source, made_by.get(bias), moments)
    return left


def _array(model: onnx.ModelProto, name: str) -> npt.NDArray[np.float64]:
    return numpy_helper.to_array(initial(model)[name]).astype(np.float64)


def _moments(made: onnx.ModelProto, plain: onnx.ModelProto, layer: Layer, read: str, calibration: Inputs) -> Moments:
    """What the layer reads in the quantized graph beside what it read in the plain one, at the same places."""
    weight = _array(plain, layer.weight)
    rows = as_rows(layer, weight)
    kernel = weight.shape[2:] if layer.kind == "Conv" else ()
    moments = Moments.empty(layer.groups, rows.shape[-1])
    examples = sum(len(batch[0]) for batch in calibration)
    wanted = max(_ROWS // min(layer.groups, 8), _LEAST_ROWS_OF_A_FEATURE * rows.shape[-1])
    count = min(_DRAWN, max(1, wanted // examples))
    ours, theirs = session(up_to(made, [read])), session(up_to(plain, [layer.read]))
    rng = np.random.default_rng(0)
    for feed in feeds(plain, calibration, _AT_ONCE):
        places = rng.integers(0, 2**40, count)
        now = run(ours, feed)[read] if read not in feed else feed[read]
        before = run(theirs, feed)[layer.read] if layer.read not in feed else feed[layer.read]
        moments.add(read_rows(layer, now, kernel, places), read_rows(layer, before, kernel, places))
    return moments


def _solve(
    made: onnx.ModelProto,
    plain: onnx.ModelProto,
    layer: Layer,
    weight: onnx.NodeProto,
    bias: onnx.NodeProto | None,
    moments: Moments,
) -> None:
    """Round one layer's weights, and shift its bias, on the grid that the graph has for them."""
    before = as_rows(layer, _array(plain, layer.weight))
    integers = numpy_helper.to_array(initial(made)[weight.input[0]])
    told = _array(made, weight.input[1]).ravel()  # one for each output, or one for all of them
    scales = np.broadcast_to(told, before.shape[0] * before.shape[1]).reshape(layer.groups, -1, 1)
    largest = np.abs(as_rows(layer, integers.astype(np.int64))).max()
    now, across, mean_now, mean_before = moments.centred()
    damping = _DAMPING * max(1.0, before.shape[-1] / moments.rows) * np.trace(now, axis1=1, axis2=2) / now.shape[-1]
    held = now + (damping + 1e-12)[:, None, None] * np.eye(now.shape[-1])
    wanted = before @ across + (damping + 1e-12)[:, None, None] * before
    target = np.linalg.solve(held, wanted.transpose(0, 2, 1)).transpose(0, 2, 1)
    rounded = round_on_grid(target / scales, held, int(largest))
    put(made, weight.input[0], from_rows(layer, rounded, integers.shape).astype(integers.dtype))
    if bias is None and layer.bias is None:
        return
    assert layer.bias is not None
    shift = (before @ mean_before[:, :, None] - (rounded * scales) @ mean_now[:, :, None]).reshape(-1)
    _put_bias(made, layer, bias, _array(plain, layer.bias) + shift)


def _put_bias(made: onnx.ModelProto, layer: Layer, node: onnx.NodeProto | None, value: Doubles) -> None:
    assert layer.bias is not None
    if node is None or node.op_type != "DequantizeLinear":
        put(made, layer.bias, value.astype(np.float32))
        return
    scale = _array(made, node.input[1])
    put(made, node.input[0], np.round(value / scale).clip(-(2**31), 2**31 - 1).astype(np.int32))


def round_on_grid(target: Doubles, products: Doubles, largest: int) -> Doubles:
    """Integers whose product with the inputs is nearest to that of ``target``, column by column.

    Args:
        target: weights in units of the grid, ``(groups, outputs, features)``.
        products: of inputs with inputs, ``(groups, features, features)``, positive definite.
        largest: integers are kept between minus that and that.

    Returns:
        ``(groups, outputs, features)``.
    """
    # the upper Cholesky factor of the inverse holds, row by row, how an error is made good by later columns
    inverse = np.linalg.inv(products)
    factor = np.linalg.cholesky((inverse + inverse.transpose(0, 2, 1)) / 2).transpose(0, 2, 1)
    left, found = target.copy(), np.empty_like(target)
    for column in range(target.shape[-1]):
        found[..., column] = left[..., column].round().clip(-largest, largest)
        error = (left[..., column] - found[..., column]) / factor[:, column, column, None]
        left[..., column + 1 :] -= error[..., None] * factor[:, None, column, column + 1 :]
    return found
