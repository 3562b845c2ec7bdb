"""A block that is left out is the identity, and the blocks that go are those that matter least."""

import copy
from dataclasses import replace
from pathlib import Path

import onnxruntime
import pytest
import torch
import torchvision
from torch import Tensor, nn

from lissom.core.errors import LissomError
from lissom.core.progress import Progress
from lissom.export.onnx_file import export_onnx
from lissom.graph import capture, couple
from lissom.steps.depth import drop_layers
from lissom.steps.depth.blocks import Block, find_blocks
from lissom.steps.depth.drop_layers import DropLayers, least_needed
from lissom.steps.distillation.distill import Distill
from lissom.steps.pruning.prune import without
from lissom.testing import tiny_context, tiny_workload
from lissom.testing.tiny import TinyResidual, residual_workload
from lissom.workload.storage import load_model, save_model
from lissom.workload.workload import Workload


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)


def dropped(tmp_path: Path, workload: Workload, *layers: str) -> Workload:
    return DropLayers(layers).apply(workload, tiny_context(tmp_path, workload))


def idle_but(*weights: float) -> Workload:
    """Residual blocks that add ``weight`` times what they did."""
    workload = residual_workload()
    with torch.no_grad():
        for block, weight in zip(workload.module.get_submodule("blocks").children(), weights, strict=True):
            block.get_parameter("second.1.weight").fill_(weight)
            block.get_parameter("second.1.bias").zero_()
    return workload


@torch.no_grad()
def test_a_dropped_block_is_the_identity(tmp_path: Path) -> None:
    workload = residual_workload()
    module = workload.module
    assert isinstance(module, TinyResidual)
    inputs = workload.splits.test.take(range(9)).inputs[0]
    x = torch.relu(module.stem(inputs))
    expected = module.classifier(module.blocks[0](x).mean((2, 3)))
    result = dropped(tmp_path, workload, "blocks.1", "blocks.2")
    assert type(result.module) is TinyResidual
    assert torch.allclose(result.module(inputs), expected, atol=1e-6)
    assert [name for name, _ in result.module.named_parameters()] == [
        name for name, _ in module.named_parameters() if not name.startswith(("blocks.1", "blocks.2"))
    ]


@torch.no_grad()
def test_blocks_that_add_nothing_cost_nothing(tmp_path: Path) -> None:
    workload = idle_but(0.0, 1.0, 0.0)
    inputs = workload.splits.test.take(range(9)).inputs[0]
    result = dropped(tmp_path, workload, "blocks.0", "blocks.2")
    assert torch.allclose(result.module(inputs), workload.module(inputs), atol=1e-6)


def test_the_least_needed_go_first(tmp_path: Path) -> None:
    assert least_needed(idle_but(0.5, 0.01, 0.1), 2).layers == ("blocks.1", "blocks.2")
    kept = replace(idle_but(0.5, 0.01, 0.1), keep=("blocks.1",))
    assert least_needed(kept, 2).layers == ("blocks.2", "blocks.0")
    with pytest.raises(LissomError, match="has 3 blocks"):
        least_needed(residual_workload(), 4)


def test_every_block_is_judged_again_after_each_one() -> None:
    """By themselves the last two matter least; but they shrink what the first one enlarged, and without the second
    the first is needed less than the last."""
    workload = residual_workload()
    with torch.no_grad():
        for number, added in enumerate((0.5, -0.2, -0.22)):
            block = workload.module.get_submodule(f"blocks.{number}")
            for half, share in (("first", 1.0), ("second", added)):
                weight = block.get_parameter(f"{half}.0.weight")
                weight.zero_()
                weight[range(12), range(12), 1, 1] = 1.0
                block.get_buffer(f"{half}.1.running_var").fill_(1 - 1e-5)
                block.get_parameter(f"{half}.1.weight").fill_(share)
    alone = [least_needed(replace(workload, keep=keep), 1).layers[0] for keep in ((), ("blocks.1",))]
    assert alone == ["blocks.1", "blocks.2"]
    assert least_needed(workload, 2).layers == ("blocks.1", "blocks.0")


def made_up_for() -> Workload:
    """The first block doubles all that is positive, which the layers behind it can make up for by themselves; the
    second adds half of its neighbour to each channel where another is positive, which they cannot."""
    workload = residual_workload()
    with torch.no_grad():
        for number, (added, shift) in enumerate(((1.0, 0), (0.3, 5), (0.0, 0))):
            block = workload.module.get_submodule(f"blocks.{number}")
            for half in ("first", "second"):
                weight = block.get_parameter(f"{half}.0.weight")
                weight.zero_()
                weight[range(12), [(place + shift) % 12 for place in range(12)], 1, 1] = 1.0
                block.get_buffer(f"{half}.1.running_var").fill_(1 - 1e-5)
            block.get_parameter("second.1.weight").fill_(added)
            block.get_parameter("first.1.bias").fill_(-0.1 * number)  # what is below it is cut off
    return replace(workload, keep=("blocks.2",))


def test_after_a_repair_a_block_that_others_can_make_up_for_is_needed_least() -> None:
    workload = made_up_for()
    assert least_needed(workload, 1).layers == ("blocks.1",)
    assert least_needed(workload, 1, repaired=True).layers == ("blocks.0",)
    assert set(least_needed(workload, 2, repaired=True).layers) == {"blocks.0", "blocks.1"}


def test_with_a_repair_no_more_are_judged_again_than_may_be_next(monkeypatch: pytest.MonkeyPatch) -> None:
    judged: list[tuple[str, ...]] = []
    far = {("0",): 3.0, ("1",): 1.0, ("2",): 2.0, ("1", "2"): 2.5, ("1", "0"): 4.0, ("1", "2", "0"): 6.0}

    def distance(_: Workload, gone: list[Block], *given: object) -> float:
        judged.append(tuple(block.name[-1] for block in gone))
        return far[judged[-1]]

    monkeypatch.setattr(drop_layers, "_distance", distance)
    assert least_needed(residual_workload(), 3, repaired=True).layers == ("blocks.1", "blocks.2", "blocks.0")
    assert judged == [("0",), ("1",), ("2",), ("1", "2"), ("1", "2", "0")], "3.0 was more than 2.5 already"
    far["1", "2"] = 5.0
    judged.clear()
    assert least_needed(residual_workload(), 2, repaired=True).layers == ("blocks.1", "blocks.0")
    assert judged[3:] == [("1", "2"), ("1", "0")], "two of them are in question now"


def test_what_was_cut_is_judged_as_it_is() -> None:
    workload = residual_workload()
    coupling = couple(capture(workload.module, workload.example))
    inner = next(group for group in coupling.groups if "blocks.2.first" in group.name)
    narrow = without(workload, {inner.index: (0, 3, 5, 11)})
    assert narrow.cut is not None
    found = [step.layers for step in drop_layers.levels(narrow, 0, Progress(False))]
    assert found == [least_needed(narrow, 1).layers]
    assert len(least_needed(narrow, 2, repaired=True).layers) == 2, "a repair would be of this model"


MODELS = {
    "resnet18": ({"layer1.0", "layer1.1", "layer2.1", "layer3.1", "layer4.1"}, 64),
    "mobilenet_v2": ({f"features.{i}" for i in (3, 5, 6, 8, 9, 10, 12, 13, 15, 16)}, 64),
    "squeezenet1_1": (set[str](), 64),
}


@pytest.mark.parametrize("name", MODELS)
def test_blocks_of_convolutional_networks(name: str) -> None:
    expected, side = MODELS[name]
    model = torchvision.models.get_model(name, weights=None).eval()
    before = copy.deepcopy(model.state_dict())
    assert {block.name for block in find_blocks(model, (torch.rand(1, 3, side, side),))} == expected
    assert all(torch.equal(tensor, before[key]) for key, tensor in model.state_dict().items())
    assert not any(part._forward_hooks for part in model.modules())


def test_gates_are_no_blocks() -> None:
    model = torchvision.models.mobilenet_v3_small(weights=None).eval()
    found = {block.name for block in find_blocks(model, (torch.rand(1, 3, 64, 64),))}
    assert found == {f"features.{i}" for i in (3, 5, 6, 8, 10, 11)}


def vit() -> nn.Module:
    return torchvision.models.VisionTransformer(8, 4, 3, 2, 16, 32, num_classes=4)


class Answers(nn.Module):
    """The scores of a transformer for tokens that are made from a picture."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, pictures: Tensor) -> Tensor:
        tokens = (pictures[:, 0, 0] * 3).long().clamp(0, 9)
        return self.model(input_ids=tokens).logits


def transformer(kind: str) -> nn.Module:
    transformers = pytest.importorskip("transformers", reason="pip install 'lissom[text]'")
    sizes = {"vocab_size": 10, "num_labels": 4}
    if kind == "bert":
        wide = {"hidden_size": 16, "num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 32}
        return Answers(transformers.BertForSequenceClassification(transformers.BertConfig(**wide, **sizes)))
    wide = {"dim": 16, "n_layers": 3, "n_heads": 2, "hidden_dim": 32}
    return Answers(transformers.DistilBertForSequenceClassification(transformers.DistilBertConfig(**wide, **sizes)))


TRANSFORMERS = {
    "vit": (vit, "encoder.layers.encoder_layer_{}"),
    "bert": (lambda: transformer("bert"), "model.bert.encoder.layer.{}"),
    "distilbert": (lambda: transformer("distilbert"), "model.distilbert.transformer.layer.{}"),
}


@pytest.mark.parametrize(
    "name", ["bert", *(pytest.param(name, marks=pytest.mark.slow) for name in ("vit", "distilbert"))]
)
def test_transformers_lose_a_layer_learn_come_back_and_export(tmp_path: Path, name: str) -> None:
    make, layer = TRANSFORMERS[name]
    original = tiny_workload(make().eval())
    assert [block.name for block in find_blocks(original.module, original.example)] == [
        layer.format(number) for number in range(3)
    ]
    context = tiny_context(tmp_path, original)
    short = DropLayers((layer.format(1),)).apply(original, context)
    learnt = Distill(epochs=1, batch=64, views=0, share=0.3).apply(short, context)
    save_model(tmp_path / "m.safetensors", learnt.module, learnt.changes)
    again, changes = load_model(tmp_path / "m.safetensors", make)
    assert changes == short.changes and type(again) is type(original.module)
    inputs = original.splits.test.take(range(1)).inputs
    with torch.no_grad():
        answers = learnt.module(*inputs)
        assert torch.equal(again.eval()(*inputs), answers)
        assert not torch.allclose(original.module(*inputs), answers, atol=1e-4)
    path = tmp_path / "m.onnx"
    export_onnx(learnt.module, inputs, path)
    session = onnxruntime.InferenceSession(str(path))
    found = session.run(None, {session.get_inputs()[0].name: inputs[0].numpy()})[0]
    assert torch.allclose(torch.from_numpy(found), answers, atol=1e-4)


def test_what_is_no_block_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LissomError, match="'stem' is no block"):
        dropped(tmp_path, residual_workload(), "stem")
    with pytest.raises(LissomError, match="no block") as caught:
        dropped(tmp_path, tiny_workload(), "features.3")
    assert "no residual blocks" in caught.value.hints[0]


class Curious(TinyResidual):
    """Looks into its blocks."""

    def forward(self, pictures: Tensor) -> Tensor:
        x = torch.relu(self.stem(pictures))
        for block in self.blocks:
            x = block(x) + block.first[0].weight.sum() * 0
        return self.classifier(x.mean((2, 3)))


def test_a_model_that_looks_into_its_layers_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LissomError, match="does not run without blocks"):
        dropped(tmp_path, tiny_workload(Curious().eval()), "blocks.1")
