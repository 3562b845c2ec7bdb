"""Static INT8 for ONNX Runtime: per channel, unsigned activations with signed weights.

Without 8-bit dot products (VNNI) the runtime adds pairs of products in 16 bits, which saturates; weights then
keep to 7 bits, which costs no time. The types are the ones that are fast on x86: signed activations were measured up
to 3.4 times slower than FP32.
"""

import tempfile
from collections.abc import Collection, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

import onnx

from lissom.core.errors import LissomError
from lissom.core.files import whole_file
from lissom.core.machine import has_int8_dot_product
from lissom.targets.quantizing.correction import correct
from lissom.targets.quantizing.layers import Layer, prepared, weighted_layers
from lissom.targets.quantizing.ranges import ranges
from lissom.targets.quantizing.recipes import METHODS, RECIPES
from lissom.targets.quantizing.writing import ACTIVATIONS, quantized
from lissom.targets.target import INT8, Artefact, Inputs, Recipe, RefusedError, check_calibration


def quantize_static_int8(
    artefact: Artefact,
    calibration: Inputs,
    path: Path,
    recipe: Recipe | None = None,
    *,
    biases: bool = True,
    only: Collection[str] = (),
) -> Artefact:
    """Quantize an FP32 ONNX file.

    Args:
        artefact: the FP32 artefact.
        calibration: batches of inputs, each a list of arrays ``(batch, ...)``.
        path: where to write the INT8 file.
        recipe: how; by default the plainest way.
        biases: store biases as integers.
        only: name patterns of the weights that alone become INT8; what lies between two of their layers does too.

    Raises:
        LissomError: calibration inputs that are empty or hold NaN or infinity; a layer to be left in float that the
            model does not have; no weight of those that may be in INT8.
    """
    check_calibration(calibration)
    recipe = recipe or RECIPES[0]
    assert recipe.ranges in METHODS, f"unknown ranges {recipe.ranges}"
    seven_bits = not has_int8_dot_product()
    plain = prepared(artefact.path)
    layers = weighted_layers(plain)
    unknown = set(recipe.floats) - {layer.name for layer in layers}
    if unknown:
        raise LissomError(f"{artefact.path.name} has no layer {sorted(unknown)[0]} to be left in float")
    floats = (*recipe.floats, *(outside(plain, layers, only) if only else ()))
    made = quantized(
        plain, ranges(plain, calibration, recipe.ranges), floats=floats, seven_bits=seven_bits, biases=biases
    )
    if recipe.corrected:
        correct(made, plain, layers, calibration)
    shorten_names(made)
    with whole_file(path) as temporary:
        onnx.save(made, temporary)
    part = f", in {len({layer.name for layer in layers}.difference(floats))} of {len(layers)} layers" if only else ""
    note = f"static INT8, {recipe}{part}" + (", weights in 7 bits: no VNNI here" if seven_bits else "")
    return Artefact(path, INT8, (*artefact.notes, note))


def int8_file(content: bytes, calibration: Inputs, *, only: Collection[str] = ()) -> bytes:
    """An FP32 ONNX file as one in INT8, in the plainest way.

    Args:
        content: of the file.
        calibration: batches of inputs.
        only: as :func:`quantize_static_int8` has it.
    """
    with tempfile.TemporaryDirectory() as folder:
        plain, made = Path(folder) / "plain.onnx", Path(folder) / "int8.onnx"
        plain.write_bytes(content)
        quantize_static_int8(Artefact(plain), calibration, made, only=only)
        return made.read_bytes()


def outside(model: onnx.ModelProto, layers: Sequence[Layer], only: Collection[str]) -> tuple[str, ...]:
    """The nodes that stay in float where the layers with weights of certain names alone are quantized.

    Args:
        model: the prepared graph.
        layers: of it.
        only: name patterns of weights. Activations between two such layers go with them.

    Raises:
        RefusedError: there is no such weight.
    """
    inside = {layer.name for layer in layers if any(fnmatchcase(layer.weight, pattern) for pattern in only)}
    if not inside:
        raise RefusedError("none of the layers that may be in INT8 is left")
    makers = {name: node for node in model.graph.node for name in node.output}
    for layer in [layer for layer in layers if layer.name in inside]:
        between = makers.get(layer.read)
        before = None if between is None else makers.get(between.input[0])
        if between is not None and before is not None and between.op_type in ACTIVATIONS and before.name in inside:
            inside.add(between.name)
    return tuple(node.name for node in model.graph.node if node.name not in inside)


def shorten_names(model: onnx.ModelProto) -> None:
    """Give inner values and nodes short names: in a small network the names are a tenth of the file."""
    graph = model.graph
    outer = {item.name for item in (*graph.input, *graph.output)}
    short: dict[str, str] = {"": "", **{name: name for name in outer}}

    def renamed(name: str) -> str:
        return short.setdefault(name, f"v{len(short)}")

    for node in graph.node:
        node.name = ""
        node.input[:] = [renamed(name) for name in node.input]
        node.output[:] = [renamed(name) for name in node.output]
    for initializer in graph.initializer:
        initializer.name = renamed(initializer.name)
    del graph.value_info[:]
