"""Static INT8 for ONNX Runtime: per channel, unsigned activations with signed weights.

Without 8-bit dot products (VNNI) the runtime adds pairs of products in 16 bits, which saturates; weights then
keep to 7 bits, which costs no time. The types are the ones that are fast on x86: signed activations were measured up
to 3.4 times slower than FP32.
"""

from pathlib import Path

import onnx

from lissom.core.errors import LissomError
from lissom.core.files import whole_file
from lissom.core.machine import has_int8_dot_product
from lissom.targets.quantizing.correction import correct
from lissom.targets.quantizing.layers import prepared, weighted_layers
from lissom.targets.quantizing.ranges import choose, histograms
from lissom.targets.quantizing.recipes import METHODS, RECIPES
from lissom.targets.quantizing.writing import quantized
from lissom.targets.target import INT8, Artefact, Inputs, Recipe, check_calibration


def quantize_static_int8(
    artefact: Artefact, calibration: Inputs, path: Path, recipe: Recipe | None = None, *, biases: bool = True
) -> Artefact:
    """Quantize an FP32 ONNX file.

    Args:
        artefact: the FP32 artefact.
        calibration: batches of inputs, each a list of arrays ``(batch, ...)``.
        path: where to write the INT8 file.
        recipe: how; by default the plainest way.
        biases: store biases as integers.

    Raises:
        LissomError: calibration inputs that are empty or hold NaN or infinity; a layer to be left in float that the
            model does not have.
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
    ranges = {name: choose(found, recipe.ranges) for name, found in histograms(plain, calibration).items()}
    made = quantized(plain, ranges, floats=recipe.floats, seven_bits=seven_bits, biases=biases)
    if recipe.corrected:
        correct(made, plain, layers, calibration)
    shorten_names(made)
    with whole_file(path) as temporary:
        onnx.save(made, temporary)
    note = f"static INT8, {recipe}" + (", weights in 7 bits: no VNNI here" if seven_bits else "")
    return Artefact(path, INT8, (*artefact.notes, note))


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
