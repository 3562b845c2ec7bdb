"""Which layers can be solved, and what is solved of those that people write in their own way."""

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
import torchvision
from torch import Tensor, nn

from lissom.graph import capture, couple
from lissom.steps.pruning.prune import without
from lissom.steps.repair.layers import find_layers, unsolved
from lissom.steps.repair.reconstruct import Reconstruct
from lissom.testing import tiny_context, tiny_workload
from lissom.workload.workload import Batch


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)


def batch_of(*inputs: Tensor) -> Batch:
    return Batch(inputs, None, torch.arange(len(inputs[0])))


class Tied(nn.Module):
    """Tokens are looked up in the table that scores them."""

    def __init__(self) -> None:
        super().__init__()
        self.table, self.inner = nn.Embedding(20, 8), nn.Linear(8, 8)
        self.scores = nn.Linear(8, 20, bias=False)
        self.scores.weight = self.table.weight

    def forward(self, tokens: Tensor) -> Tensor:
        return self.scores(torch.relu(self.inner(self.table(tokens))))


@pytest.mark.parametrize("names", [("scores.weight", "inner.weight"), ("table.weight", "inner.weight")])
def test_a_table_of_embeddings_is_no_layer_to_solve(names: tuple[str, ...]) -> None:
    tokens = torch.randint(20, (4, 5))
    assert [layer.name for layer in find_layers(Tied().eval(), names, batch_of(tokens))] == ["inner.weight"]


def test_a_layer_of_two_names_that_nothing_else_reads_is_solved() -> None:
    model = nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 3)).eval()
    model.add_module("head", nn.Identity())
    model.head.alias = model[2]
    assert [layer.name for layer in find_layers(model, ["2.weight"], batch_of(torch.randn(5, 4)))] == ["2.weight"]


class Matrices(nn.Module):
    """Weights stored as ``(inputs, outputs)``, as GPT-2 has them, and one of which a part is used."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Parameter(torch.randn(192, width) / 14)
        self.second = nn.Parameter(torch.randn(width, 24) / 5)
        self.bias = nn.Parameter(torch.randn(24))
        self.third = nn.Parameter(torch.randn(8, 24))

    def forward(self, x: Tensor) -> Tensor:
        x = torch.addmm(self.bias, torch.relu(x.flatten(1) @ self.first), self.second)
        return F.linear(torch.relu(x), self.third[:4])


@pytest.mark.parametrize("width", [12, 24])
def test_weights_that_are_stored_otherwise_are_left(tmp_path: Path, width: int) -> None:
    original = tiny_workload(Matrices(width).eval())
    names = ("first", "second", "third")
    assert not find_layers(original.module, names, original.splits.train.take(range(8)))
    cut = without(original, {0: (0, 1, 2)})
    repaired = Reconstruct(examples=64, batch=64).apply(cut, tiny_context(tmp_path, original))
    for name, tensor in cut.module.named_parameters():
        assert torch.equal(repaired.module.get_parameter(name), tensor), name
    assert repaired.notes == ("not reconstructed: second, which is stored as (inputs, outputs)",)  # first lost outputs


class Worded(nn.Module):
    """Looks tokens up, and scores them by the same table or by one of its own; places are added."""

    def __init__(self, tied: bool) -> None:
        super().__init__()
        self.table, self.inner = nn.Embedding(20, 8), nn.Linear(8, 8)
        self.places = nn.Parameter(torch.randn(1, 5, 8))
        self.scores = nn.Linear(8, 20, bias=False)
        if tied:
            self.scores.weight = self.table.weight

    def forward(self, tokens: Tensor) -> Tensor:
        return self.scores(torch.relu(self.inner(self.table(tokens) + self.places)))


def test_only_what_lost_inputs_is_said_to_be_left() -> None:
    """A table of embeddings loses outputs, which nothing has to make good; tied, it scores as well, and lost inputs."""
    cut = {name: {1} for name in ("table.weight", "scores.weight", "inner.weight", "places")}
    batch = batch_of(torch.randint(20, (4, 5)))
    assert unsolved(Worded(tied=False).eval(), cut, batch) == {}
    del cut["scores.weight"]
    told = {"table.weight": "aten.embedding reads as well"}
    assert unsolved(Worded(tied=True).eval(), cut, batch) == told
    assert unsolved(Worded(tied=True).eval(), {"table.weight": {0}}, batch) == {}


class Odd(nn.Module):
    """Layers that cannot be solved."""

    def __init__(self) -> None:
        super().__init__()
        self.up = nn.ConvTranspose2d(3, 8, 2, stride=2)
        self.grouped = nn.Conv2d(8, 8, 3, groups=2)
        self.wide = nn.Linear(8 * 28 * 28, 4)
        self.memory = nn.LSTM(4, 4, batch_first=True)
        self.unused = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = self.wide(self.grouped(self.up(x)).flatten(1))
        return self.memory(x[:, None])[0]


def test_why_a_layer_is_left_is_said() -> None:
    names = ("up.weight", "grouped.weight", "wide.weight", "memory.weight_ih_l0", "unused.weight")
    batch = batch_of(torch.randn(2, 3, 15, 15))
    found = unsolved(Odd().eval(), {name: {0, 1} for name in names}, batch)
    assert found.pop("memory.weight_ih_l0").startswith("aten.")
    assert found == {
        "up.weight": "is a transposed convolution",
        "grouped.weight": "is a convolution of 2 groups",
        "wide.weight": "has 6,272 inputs, over 6,000",
    }


class Biases(nn.Module):
    """Biases called otherwise than their weights' modules would have it; one of them is computed."""

    def __init__(self) -> None:
        super().__init__()
        self.kernel, self.shift = nn.Parameter(torch.randn(12, 3, 3, 3)), nn.Parameter(torch.randn(12))
        self.w1, self.b1 = nn.Parameter(torch.randn(16, 12)), nn.Parameter(torch.randn(16))
        self.w2, self.b2 = nn.Parameter(torch.randn(4, 16)), nn.Parameter(torch.randn(4))
        with torch.no_grad():
            self.w1[:, :2] = self.w2[:, :2] = 0

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(F.conv2d(x, self.kernel, self.shift)).mean((2, 3))
        return F.linear(torch.relu(F.linear(x, self.w1, self.b1)), self.w2, 3 * self.b2)


def test_biases_are_known_by_what_is_added_and_count_once(tmp_path: Path) -> None:
    original = tiny_workload(Biases().eval())
    batch = original.splits.train.take(range(8))
    found = find_layers(original.module, ["kernel", "w1", "w2"], batch)
    assert [(layer.name, layer.bias) for layer in found] == [("kernel", "shift"), ("w1", "b1"), ("w2", None)]
    cut = without(original, {0: (0, 1), 1: (0, 1)})
    repaired = Reconstruct(examples=128, batch=64).apply(cut, tiny_context(tmp_path, original))
    with torch.no_grad():
        assert torch.allclose(original.module(*batch.inputs), cut.module(*batch.inputs), rtol=1e-4, atol=1e-4)
        assert torch.allclose(original.module(*batch.inputs), repaired.module(*batch.inputs), rtol=1e-3, atol=1e-3)
    assert torch.allclose(repaired.module.get_parameter("b1"), cut.module.get_parameter("b1"), atol=1e-3)


class Block(nn.Module):
    """A residual block as torchvision writes it, or with new tensors for every result."""

    def __init__(self, *, inplace: bool, first: bool) -> None:
        super().__init__()
        self.inplace, self.first = inplace, first
        self.bn1, self.bn2 = nn.BatchNorm2d(8 if first else 6), nn.BatchNorm2d(6 if first else 8)
        self.conv1, self.conv2 = (nn.Conv2d(*sizes, 3, padding=1, bias=False) for sizes in ((8, 6), (6, 8)))
        self.relu = nn.ReLU(inplace=inplace)

    def forward(self, x: Tensor) -> Tensor:
        if self.first:  # He et al., 2016, "Identity mappings": BatchNorm before the convolution
            out = self.conv2(self.relu(self.bn2(self.conv1(self.relu(self.bn1(x))))))
        else:
            out = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        if self.inplace:
            out += x
        else:
            out = out + x
        return out if self.first else self.relu(out)


def residual(*, inplace: bool, first: bool) -> nn.Module:
    torch.manual_seed(1)
    stem = nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(inplace)
    blocks = [Block(inplace=inplace, first=first) for _ in range(3)]
    model = nn.Sequential(*stem, *blocks, nn.ReLU(inplace), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 4))
    with torch.no_grad():
        model.train()(torch.randn(64, 3, 8, 8))
    return model.eval()


@pytest.mark.parametrize("first", [False, True], ids=["BatchNorm after", "BatchNorm first"])
def test_operators_in_place_change_nothing_in_what_is_found_and_solved(tmp_path: Path, first: bool) -> None:
    found, repaired = [], []
    for inplace in (True, False):
        original = tiny_workload(residual(inplace=inplace, first=first))
        names = [name for name, tensor in original.module.named_parameters() if tensor.dim() == 4]
        found.append(find_layers(original.module, names, original.splits.train.take(range(4))))
        cut = without(original, {1: (0, 1), 2: (0, 1), 3: (0, 1)})
        step = Reconstruct(examples=128, batch=64)
        repaired.append(step.apply(cut, tiny_context(tmp_path / str(inplace), original)).module.state_dict())
    assert found[0] == found[1]
    assert sum(layer.summed for layer in found[0]) == 3, "every block mends its stream"
    assert {layer.mean for layer in found[0] if layer.summed} == (
        {None} if first else {f"{number}.bn2.running_mean" for number in (2, 3, 4)}
    )
    for name, tensor in repaired[0].items():
        torch.testing.assert_close(tensor, repaired[1][name], rtol=1e-3, atol=1e-4, msg=name)


def test_what_a_mean_of_batchnorm_has_mended_is_not_mended_again(tmp_path: Path) -> None:
    """The inputs that go are constant, and the layer that read them has no bias: BatchNorm takes it all."""
    model = nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 6, 3, bias=False), nn.BatchNorm2d(6), nn.Flatten()
    )
    model.append(nn.Linear(6 * 16, 4)).eval()
    with torch.no_grad():
        model[0].weight[:2], model[0].bias[:2] = 0, 3
    original = tiny_workload(model)
    context = tiny_context(tmp_path, original)
    step = Reconstruct(examples=128, batch=64, ridge=1e-6)
    once = step.apply(without(original, {0: (0, 1)}), context)
    twice = step.apply(once, context)
    inputs = original.splits.test.take(range(20)).inputs
    with torch.no_grad():
        for repaired in (once, twice):
            torch.testing.assert_close(repaired.module(*inputs), model(*inputs), rtol=1e-2, atol=1e-2)
    assert not torch.equal(once.module[3].running_mean, model[3].running_mean)
    torch.testing.assert_close(twice.module[3].running_mean, once.module[3].running_mean, rtol=1e-2, atol=1e-2)


class Encoder(nn.Module):
    """PyTorch's own encoder over the rows of a picture, which in eval mode may run as one operator."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.head = nn.Linear(24, 16), nn.Linear(16, 4)
        layer = nn.TransformerEncoderLayer(16, 4, dim_feedforward=32, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.encoder(self.embed(x.transpose(1, 2).flatten(2))).mean(1))


def test_layers_of_attention_are_seen_and_solved(tmp_path: Path) -> None:
    original = tiny_workload(Encoder().eval())
    names = [name for name, tensor in original.module.named_parameters() if tensor.dim() == 2]
    found = find_layers(original.module, names, original.splits.train.take(range(4)))
    assert {layer.name for layer in found} == set(names)
    groups = couple(capture(original.module, original.example)).groups
    cut = without(original, {group.index: tuple(range(group.units // 2)) for group in groups if group.kind == "heads"})
    repaired = Reconstruct(examples=128, batch=64).apply(cut, tiny_context(tmp_path, original))
    inputs = original.splits.test.take(range(40)).inputs
    with torch.no_grad():
        wanted, before, after = (workload.module.eval()(*inputs) for workload in (original, cut, repaired))
    assert not [note for note in repaired.notes if note.startswith("not reconstructed")], repaired.notes
    assert (after - wanted).norm() < 0.7 * (before - wanted).norm()


def test_a_sum_in_a_block_that_is_gone_is_no_sum_of_the_layer() -> None:
    model = torchvision.models.mobilenet_v2(weights=None).eval()
    pictures = torch.rand(2, 3, 32, 32)
    batch = Batch((pictures,), None, torch.arange(2))
    name = "features.4.conv.2.weight"  # is added to first in the block behind it
    for gone, summed in (((), True), (("features.6",), True), (("features.5",), False)):
        (layer,) = find_layers(model, [name], batch, gone=gone)
        assert layer.summed is summed
    assert not any(part._forward_hooks or part._forward_pre_hooks for part in model.modules())
