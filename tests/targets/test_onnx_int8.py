"""INT8 for ONNX Runtime: types that are fast on x86, ranges that do not saturate, short names, same answers."""

from collections import OrderedDict
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, numpy_helper
from torch import nn

from lissom.core.errors import LissomError
from lissom.export.onnx_file import export_onnx
from lissom.export.runners.onnx_runner import Runner as Session
from lissom.targets import onnx_int8
from lissom.targets.onnx_int8 import quantize_static_int8, shorten_names
from lissom.targets.onnx_runtime import OnnxRuntime
from lissom.targets.quantizing.layers import prepared, weighted_layers
from lissom.targets.quantizing.recipes import RECIPES
from lissom.targets.target import Artefact, Recipe, Source
from lissom.testing import tiny_workload
from lissom.workload.workload import Workload


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def workload() -> Workload:
    return tiny_workload()


@pytest.fixture(scope="module")
def plain(workload: Workload, tmp_path_factory: pytest.TempPathFactory) -> Artefact:
    path = tmp_path_factory.mktemp("plain") / "model.onnx"
    return Artefact(path, notes=export_onnx(workload.module, workload.example, path))


def inputs(workload: Workload, count: int) -> list[np.ndarray]:
    return [tensor.numpy() for tensor in workload.splits.train.take(range(count)).inputs]


def weights(path: Path) -> list[np.ndarray]:
    """The INT8 weights of two and more dimensions."""
    found = [numpy_helper.to_array(item) for item in onnx.load(path).graph.initializer]
    return [item for item in found if item.dtype == np.int8 and item.ndim > 1]


def test_weights_keep_to_seven_bits_where_products_saturate(
    plain: Artefact, workload: Workload, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    largest, notes = {}, {}
    for dot in (False, True):
        monkeypatch.setattr(onnx_int8, "has_int8_dot_product", lambda dot=dot: dot)
        made = quantize_static_int8(plain, [inputs(workload, 32)], tmp_path / f"{dot}.onnx")
        largest[dot] = max(int(np.abs(item.astype(int)).max()) for item in weights(made.path))
        notes[dot] = made.notes[-1]
    assert largest[False] <= 64 < 120 <= largest[True] <= 128
    assert "no VNNI" in notes[False] and "no VNNI" not in notes[True]


def test_depthwise_weights_have_a_scale_for_each_channel_and_all_bits_without_vnni(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 6, 1), nn.ReLU(), nn.Conv2d(6, 6, 3, groups=6)).eval()
    example = torch.randn(4, 3, 8, 8)
    plain = OnnxRuntime().export(net, (example,), tmp_path / "plain.onnx")
    monkeypatch.setattr(onnx_int8, "has_int8_dot_product", lambda: False)
    for number, recipe in enumerate(RECIPES):
        made = quantize_static_int8(plain, [[example.numpy()]], tmp_path / f"{number}.onnx", recipe)
        graph = onnx.load(made.path).graph
        held = {item.name: numpy_helper.to_array(item) for item in graph.initializer}
        name = next(name for name, item in held.items() if item.shape == (6, 1, 3, 3))
        scale = next(node.input[1] for node in graph.node if node.input[0] == name)
        assert held[scale].shape == (6,) and np.abs(held[name].astype(int)).max() > 120


def test_activations_are_unsigned_and_weights_signed_per_channel(
    plain: Artefact, workload: Workload, tmp_path: Path
) -> None:
    made = quantize_static_int8(plain, [inputs(workload, 32)], tmp_path / "x.onnx")
    graph = onnx.load(made.path).graph
    zero_points = {item.name: item for item in graph.initializer}
    kinds = {zero_points[node.input[2]].data_type for node in graph.node if node.op_type == "QuantizeLinear"}
    assert kinds == {TensorProto.UINT8}
    shapes = [tuple(item.shape) for item in weights(made.path)]
    assert (16, 3, 3, 3) in shapes and (32, 16, 3, 3) in shapes
    scales = [numpy_helper.to_array(item).size for item in graph.initializer if item.data_type == TensorProto.FLOAT]
    assert 16 in scales and 32 in scales


@pytest.mark.parametrize("recipe", RECIPES, ids=str)
def test_every_recipe_agrees_with_the_original(
    plain: Artefact, workload: Workload, tmp_path: Path, recipe: Recipe
) -> None:
    made = quantize_static_int8(plain, [inputs(workload, 64)], tmp_path / "x.onnx", recipe)
    test = [tensor.numpy() for tensor in workload.splits.test.take(range(120)).inputs]
    ours, theirs = (Session(path, 1).run(test)[0].argmax(1) for path in (made.path, plain.path))
    assert (ours == theirs).mean() > 0.9
    assert str(recipe) in made.notes[-1] and made.precision == "int8"


@pytest.mark.parametrize("number", [0, 1, 2, 3])
def test_a_layer_in_float_reads_what_was_not_rounded(
    plain: Artefact, workload: Workload, tmp_path: Path, number: int
) -> None:
    name = weighted_layers(prepared(plain.path))[number].name
    made = quantize_static_int8(plain, [inputs(workload, 32)], tmp_path / "x.onnx", Recipe(floats=(name,)))
    graph = onnx.load(made.path).graph
    makers = {output: node for node in graph.node for output in node.output}
    read = {value for node in graph.node for value in node.input} | {item.name for item in graph.output}
    assert all(node.output[0] in read for node in graph.node), "nothing is left that nobody reads"
    weighted = [node for node in graph.node if node.op_type in ("Conv", "Gemm", "MatMul")]
    rounded = [[makers[value].op_type for value in node.input[:2] if value in makers] for node in weighted]
    assert ["DequantizeLinear" in kinds for kinds in rounded] == [place != number for place in range(4)]
    test = inputs(workload, 64)
    ours, theirs = (Session(path, 1).run(test)[0].argmax(1) for path in (made.path, plain.path))
    assert (ours == theirs).mean() > 0.9


def test_some_layers_alone_become_int8_with_what_lies_between_them(tmp_path: Path) -> None:
    torch.manual_seed(0)
    names = ("stem", "expand", "between", "project", "after", "head")
    layers = (nn.Conv2d(3, 8, 3), nn.Conv2d(8, 8, 1), nn.ReLU(), nn.Conv2d(8, 8, 1), nn.ReLU(), nn.Conv2d(8, 4, 1))
    net = nn.Sequential(OrderedDict(zip(names, layers, strict=True))).eval()
    example = torch.randn(16, 3, 9, 9)
    plain = OnnxRuntime().export(net, (example,), tmp_path / "plain.onnx")
    source = Source(net, (example[:1],), plain, ("expand*", "*project*"))
    made = OnnxRuntime().quantize(source, [[example.numpy()]], tmp_path / "part.onnx", Recipe())
    assert "in 2 of 4 layers" in made.notes[-1]
    graph = onnx.load(made.path).graph
    makers = {output: node for node in graph.node for output in node.output}
    kinds = [[makers[value].op_type for value in node.input[:2] if value in makers] for node in graph.node]
    read = {node.op_type: kind for node, kind in zip(graph.node, kinds, strict=True) if node.op_type != "Conv"}
    convolutions = [kind for node, kind in zip(graph.node, kinds, strict=True) if node.op_type == "Conv"]
    assert [kind.count("DequantizeLinear") for kind in convolutions] == [0, 2, 2, 0]
    assert read["Relu"] == ["Conv"], "the last ReLU reads what was not rounded; the one between is in the rounding"
    assert sum(node.op_type == "Relu" for node in graph.node) == 1
    ours, theirs = (Session(path, 1).run([example.numpy()])[0] for path in (made.path, plain.path))
    assert 0 < np.abs(ours - theirs).max() < 0.05 * np.abs(theirs).max()
    missing = Source(net, (example[:1],), plain, ("tail*",))
    with pytest.raises(LissomError, match="none of the layers that may be in INT8 is left"):
        OnnxRuntime().quantize(missing, [[example.numpy()]], tmp_path / "none.onnx", Recipe())


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_calibration_that_is_no_number_is_refused(
    plain: Artefact, workload: Workload, tmp_path: Path, bad: float
) -> None:
    batch = [array.copy() for array in inputs(workload, 4)]
    batch[0][1, 2, 3, 4] = bad
    with pytest.raises(LissomError, match="calibration batch 0 holds NaN or infinity"):
        quantize_static_int8(plain, [batch], tmp_path / "x.onnx")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("nothing", [[], [[np.zeros((0, 3, 8, 8), np.float32)]]])
def test_calibration_needs_inputs(plain: Artefact, tmp_path: Path, nothing: list) -> None:
    with pytest.raises(LissomError, match="no inputs to calibrate"):
        quantize_static_int8(plain, nothing, tmp_path / "x.onnx")


def test_the_calibration_decides(plain: Artefact, workload: Workload, tmp_path: Path) -> None:
    narrow, wide = inputs(workload, 32), [3 * array for array in inputs(workload, 32)]
    files = [
        quantize_static_int8(plain, [batch], tmp_path / f"{number}.onnx").path.read_bytes()
        for number, batch in enumerate((narrow, wide, narrow))
    ]
    assert files[0] != files[1] and files[0] == files[2]


def test_short_names_change_no_answer(plain: Artefact, workload: Workload, tmp_path: Path) -> None:
    model = onnx.load(plain.path)
    shorten_names(model)
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, tmp_path / "short.onnx")
    test = inputs(workload, 16)
    one, other = (Session(path, 1).run(test)[0] for path in (plain.path, tmp_path / "short.onnx"))
    assert np.array_equal(one, other)
    names = [name for node in model.graph.node for name in (*node.input, *node.output)]
    assert max(map(len, names)) <= len("output")
    assert (tmp_path / "short.onnx").stat().st_size < plain.size_bytes


def test_a_value_that_is_both_inner_and_outer_keeps_its_name() -> None:
    node = onnx.helper.make_node("Identity", ["v0"], ["v1"], name="anything at all")
    outer = [onnx.helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in ("v0", "v2")]
    last = onnx.helper.make_node("Add", ["v1", "w"], ["v2"])
    weight = numpy_helper.from_array(np.ones(1, np.float32), "w")
    model = onnx.helper.make_model(onnx.helper.make_graph([node, last], "g", outer[:1], outer[1:], [weight]))
    shorten_names(model)
    onnx.checker.check_model(model)
    assert [item.name for item in (*model.graph.input, *model.graph.output)] == ["v0", "v2"]
    inner = {*model.graph.node[0].output, model.graph.initializer[0].name}
    assert len(inner) == 2 and not inner & {"v0", "v2"}


def test_a_model_of_linear_layers(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(192, 64), nn.ReLU(), nn.Linear(64, 4)).eval()
    workload = tiny_workload(model)
    plain = Artefact(tmp_path / "m.onnx", notes=export_onnx(model, workload.example, tmp_path / "m.onnx"))
    made = quantize_static_int8(plain, [inputs(workload, 64)], tmp_path / "q.onnx")
    assert made.size_bytes < 0.5 * plain.size_bytes
    assert Session(made.path, 1).run(inputs(workload, 5))[0].shape == (5, 4)
