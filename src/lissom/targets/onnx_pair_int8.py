"""INT8 for an encoder and a decoder on ONNX Runtime: weights in 8 bits, activations scaled anew for each input.

Where words are read and said by one table, as in Whisper and Marian, the file holds it once, in 8 bits, with a scale
for each word.
"""

import tempfile
from pathlib import Path

import numpy as np
import onnx
from onnx import helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic

from lissom.core.files import whole_file
from lissom.core.machine import has_int8_dot_product
from lissom.export.onnx_file import quiet
from lissom.export.pair_files import decoder_of, word_lists_of
from lissom.targets.onnx_attention import fuse_attention
from lissom.targets.onnx_int8 import shorten_names
from lissom.targets.onnx_products import convolutions_as_products
from lissom.targets.target import RefusedError

TABLE = "shared_table"
BY_BATCH = "activations are scaled by batch: what is asked with others may be answered otherwise than alone, as scored"


def quantize_pair(source: Path, target: Path) -> tuple[str, ...]:
    """Write the INT8 files of the float32 pair whose main file is ``source`` to ``target``, its own main file.

    Returns:
        What a user should know.

    Raises:
        RefusedError: its decoder has a shortlist already.
    """
    if word_lists_of(source).is_file():
        raise RefusedError(
            f"{source.name} has a shortlist, which comes behind INT8", hint="put the step int8 before shortlist"
        )
    narrow = not has_int8_dot_product()
    target.parent.mkdir(parents=True, exist_ok=True)
    for before, after in ((decoder_of(source), decoder_of(target)), (source, target)):  # whole once the main file is
        model = onnx.load(before)
        told = {item.key: item.value for item in model.metadata_props}
        shared = share_table(model, bits=7 if narrow else 8)
        fuse_attention(model)
        convolutions_as_products(model)
        with tempfile.TemporaryDirectory() as folder, quiet():
            begun, done = Path(folder) / "begun.onnx", Path(folder) / "done.onnx"
            onnx.save(model, begun)
            kinds = ["MatMul"] if shared else ["MatMul", "Gather"]
            quantize_dynamic(
                begun,
                done,
                op_types_to_quantize=kinds,
                per_channel=True,
                reduce_range=narrow,
                weight_type=QuantType.QInt8,
                extra_options={"DefaultTensorType": onnx.TensorProto.FLOAT},  # what own nodes of the runtime give
            )
            model = onnx.load(done)
        shorten_names(model)
        helper.set_model_props(model, told)
        with whole_file(after) as temporary:
            onnx.save(model, temporary)
    return ("dynamic INT8" + (", weights in 7 bits: no VNNI here" if narrow else ""), BY_BATCH)


def share_table(model: onnx.ModelProto, bits: int = 8) -> bool:
    """Put a table that words are looked up in and that gives their scores into whole numbers, in place.

    Args:
        model: the step of a decoder.
        bits: of a weight, its sign among them.

    Returns:
        Whether there is one; otherwise nothing is changed.
    """
    graph = model.graph
    held = {item.name: item for item in graph.initializer}
    reads = [node for node in graph.node if node.op_type == "Gather" and node.input[0] in held]
    says = {node.input[1]: node for node in graph.node if node.op_type == "Gemm" and len(node.input) == 2}
    read = next((node for node in reads if node.input[0] in says), None)
    if read is None:
        return False
    said = says[read.input[0]]
    assert any(item.name == "transB" and item.i == 1 for item in said.attribute), "the scores are one for each row"
    table = numpy_helper.to_array(held[read.input[0]])
    most = 2 ** (bits - 1) - 1
    scales = np.maximum(np.abs(table).max(axis=1, keepdims=True) / most, np.finfo(np.float32).tiny).astype(np.float32)
    whole = np.clip(np.rint(table / scales), -most, most).astype(np.int8)
    nodes = [*graph.node]
    _replace(nodes, read, _looked_up(read))
    _replace(nodes, said, _scored(said))
    del graph.node[:]
    graph.node.extend(nodes)
    graph.initializer.remove(held[read.input[0]])
    shape = np.asarray([1, -1], dtype=np.int64)
    values = {TABLE: whole, f"{TABLE}_scales": scales, f"{TABLE}_row": shape}
    graph.initializer.extend(numpy_helper.from_array(value, name) for name, value in values.items())
    return True


def _replace(nodes: list[onnx.NodeProto], old: onnx.NodeProto, new: list[onnx.NodeProto]) -> None:
    place = nodes.index(old)
    nodes[place : place + 1] = new


def _looked_up(old: onnx.NodeProto) -> list[onnx.NodeProto]:
    """Rows of the table times their scales."""
    rows, scales, real = (f"{TABLE}_{name}" for name in ("rows", "row_scales", "rows_real"))
    return [
        helper.make_node("Gather", [TABLE, old.input[1]], [rows], axis=0),
        helper.make_node("Gather", [f"{TABLE}_scales", old.input[1]], [scales], axis=0),
        helper.make_node("Cast", [rows], [real], to=onnx.TensorProto.FLOAT),
        helper.make_node("Mul", [real, scales], list(old.output)),
    ]


def _scored(old: onnx.NodeProto) -> list[onnx.NodeProto]:
    """Products of the hidden state with each row in whole numbers, times both scales."""
    hidden, scale, zero, columns, sums, real, row, both = (
        f"{TABLE}_{name}" for name in ("hidden", "scale", "zero", "columns", "sums", "real", "scale_row", "both")
    )
    return [
        helper.make_node("DynamicQuantizeLinear", [old.input[0]], [hidden, scale, zero]),
        helper.make_node("Transpose", [TABLE], [columns], perm=[1, 0]),
        helper.make_node("MatMulInteger", [hidden, columns, zero], [sums]),
        helper.make_node("Cast", [sums], [real], to=onnx.TensorProto.FLOAT),
        helper.make_node("Reshape", [f"{TABLE}_scales", f"{TABLE}_row"], [row]),
        helper.make_node("Mul", [scale, row], [both]),
        helper.make_node("Mul", [real, both], list(old.output)),
    ]
