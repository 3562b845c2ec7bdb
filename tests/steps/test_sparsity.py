"""Masks have exactly the zeros asked for, in the right places, and the zeros stay."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from lissom.core.errors import LissomError
from lissom.steps.depth.drop_layers import DropLayers
from lissom.steps.distillation.distill import Distill
from lissom.steps.pruning.prune import without
from lissom.steps.repair.reconstruct import Reconstruct
from lissom.steps.sparsity.masks import by_share, n_of_m
from lissom.steps.sparsity.scores import score, what_is_read
from lissom.steps.sparsity.sparsify import Sparsify
from lissom.testing import TinyNet, tiny_context, tiny_workload
from lissom.testing.tiny import residual_workload
from lissom.workload.storage import load_model, save_model
from lissom.workload.workload import Batch, Workload


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def sparse(tmp_path: Path, step: Sparsify, workload: Workload | None = None) -> Workload:
    workload = tiny_workload() if workload is None else workload
    return step.apply(workload, tiny_context(tmp_path, workload))


def zeros(module: nn.Module, name: str) -> Tensor:
    return module.get_parameter(name) == 0


@given(
    outputs=st.integers(1, 5),
    groups=st.integers(1, 4),
    kernel=st.sampled_from([(), (1,), (3, 3), (2, 1, 2)]),
    pattern=st.sampled_from([(1, 2), (2, 4), (1, 4), (3, 4), (4, 8)]),
    seed=st.integers(0, 1000),
)
@settings(deadline=None, max_examples=60)
def test_exactly_n_of_m_stay_along_the_inputs(
    outputs: int, groups: int, kernel: tuple[int, ...], pattern: tuple[int, int], seed: int
) -> None:
    n, m = pattern
    values = torch.rand(outputs, groups * m, *kernel, generator=torch.Generator().manual_seed(seed))
    mask = n_of_m(values, n, m)
    assert mask.shape == values.shape
    split = mask.reshape(outputs, groups, m, *kernel)
    assert (split.sum(2) == n).all()
    scores = values.reshape(outputs, groups, m, *kernel)
    least = scores.masked_fill(~split, 2).amin(2)
    most = scores.masked_fill(split, -1).amax(2)
    assert (least >= most).all(), "those that stay are the highest of their M"


@given(
    shapes=st.lists(st.tuples(st.integers(1, 6), st.integers(1, 9)), min_size=1, max_size=3),
    share=st.floats(0.01, 0.99),
    scope=st.sampled_from(["row", "layer", "global"]),
    same=st.booleans(),
    seed=st.integers(0, 1000),
)
@settings(deadline=None, max_examples=80)
def test_the_share_that_goes_is_exact_and_the_lowest(
    shapes: list[tuple[int, int]], share: float, scope: str, same: bool, seed: int
) -> None:
    generator = torch.Generator().manual_seed(seed)
    scores = {
        str(number): torch.ones(shape) if same else torch.rand(shape, generator=generator)
        for number, shape in enumerate(shapes)
    }
    masks = by_share(scores, share, scope)
    parts = {
        "row": [(scores[name][row], masks[name][row]) for name in scores for row in range(len(scores[name]))],
        "layer": [(scores[name].flatten(), masks[name].flatten()) for name in scores],
        "global": [
            (torch.cat([s.flatten() for s in scores.values()]), torch.cat([m.flatten() for m in masks.values()]))
        ],
    }[scope]
    for values, mask in parts:
        gone = int(len(values) * share + 1e-9)
        assert int((~mask).sum()) == gone
        if 0 < gone < len(values):
            assert values[~mask].max() <= values[mask].min()


class Layers(nn.Module):
    """A strided, dilated convolution in groups, a depthwise one, and two kinds of linear layers."""

    def __init__(self) -> None:
        super().__init__()
        self.grouped = nn.Conv2d(6, 8, 3, stride=2, padding=(1, 2), dilation=(1, 2), groups=2)
        self.depth = nn.Conv1d(8, 8, 3, groups=8)
        self.linear = nn.Linear(8, 5)
        self.first = nn.Parameter(torch.randn(5, 5))
        self.table = nn.Embedding(4, 4)

    def forward(self, pictures: Tensor) -> Tensor:
        x = self.depth(torch.relu(self.grouped(pictures)).flatten(2))
        return torch.relu(self.linear(x.mean(2))) @ self.first


def test_what_is_read_is_the_mean_square_of_every_feature() -> None:
    torch.manual_seed(0)
    model = Layers().eval()
    pictures = torch.randn(4, 6, 9, 7)
    names = [name for name, tensor in model.named_parameters() if tensor.dim() > 1]
    batches = [Batch((pictures[:2],), None, torch.arange(2)), Batch((pictures[2:],), None, torch.arange(2))]
    read = what_is_read(model, names, batches)
    assert set(read) == {"grouped.weight", "depth.weight", "linear.weight", "first"}
    with torch.no_grad():
        first = torch.relu(model.grouped(pictures))
        columns = nn.functional.unfold(pictures, 3, dilation=(1, 2), padding=(1, 2), stride=2)
        expected = columns.square().mean((0, 2)).reshape(2, 3, 3, 3)
        assert torch.allclose(read["grouped.weight"].squares.float(), expected, rtol=1e-4)
        flat = first.flatten(2)
        windows = flat.unfold(2, 3, 1).square().mean((0, 2))
        assert torch.allclose(read["depth.weight"].squares.float(), windows[:, None], rtol=1e-4)
        middle = model.depth(flat).mean(2)
        assert torch.allclose(read["linear.weight"].squares.float()[0], middle.square().mean(0), rtol=1e-4)
        last = torch.relu(model.linear(middle))
        assert torch.allclose(read["first"].squares.float()[0], last.square().mean(0), rtol=1e-4, atol=1e-7)
    assert read["first"].inputs_first and not read["linear.weight"].inputs_first
    assert torch.equal(score(model.first, read["first"], "magnitude"), model.first.detach().abs().T)
    weights = model.grouped.weight.detach().abs()
    found = score(model.grouped.weight, read["grouped.weight"], "wanda")
    assert torch.allclose(found[:4], weights[:4] * expected[0].sqrt(), rtol=1e-4)
    assert torch.allclose(found[4:], weights[4:] * expected[1].sqrt(), rtol=1e-4)


@pytest.mark.parametrize("criterion", ["magnitude", "wanda"])
def test_zeros_are_those_asked_for(tmp_path: Path, criterion: str) -> None:
    result = sparse(tmp_path, Sparsify(0.75, criterion=criterion, scope="row", examples=64))
    assert set(result.zeros) == {f"{name}.weight" for name in ("features.0", "features.3", "features.6", "classifier")}
    for name in result.zeros:
        gone = zeros(result.module, name)
        assert (gone.flatten(1).sum(1) == int(gone[0].numel() * 0.75)).all()
    assert any("no faster" in note for note in result.notes)
    original = dict(tiny_workload().module.named_parameters())
    for name, tensor in result.module.named_parameters():
        kept = tensor != 0
        assert torch.equal(tensor[kept], original[name][kept]), "what stays is as it was"


def test_two_of_four_leave_the_first_layer_whole_and_say_so(tmp_path: Path) -> None:
    result = sparse(tmp_path, Sparsify(pattern=(2, 4), examples=64))
    assert "features.0.weight" not in result.zeros and not zeros(result.module, "features.0.weight").any()
    assert any("left without zeros: features.0.weight" in note for note in result.notes)
    gone = zeros(result.module, "features.3.weight").reshape(32, 4, 4, 3, 3)
    assert (gone.sum(2) == 2).all()


def test_layers_that_are_kept_stay_whole(tmp_path: Path) -> None:
    result = sparse(tmp_path, Sparsify(examples=64), replace(tiny_workload(), keep=("classifier", "features.[03]")))
    assert result.zeros == ("features.6.weight",)


def test_wanda_beats_magnitude_where_inputs_differ_in_size(tmp_path: Path) -> None:
    workload = replace(tiny_workload(), keep=("features.0", "features.6", "classifier"))
    assert isinstance(workload.module, TinyNet)
    with torch.no_grad():  # the same function, with loud and quiet channels between the first two layers
        loud = torch.logspace(-2, 2, 16)
        workload.module.features[1].weight.mul_(loud)
        workload.module.features[1].bias.mul_(loud)
        workload.module.features[3].weight.div_(loud[None, :, None, None])
        inputs = workload.splits.test.take(range(60)).inputs
        right = workload.module(*inputs)
        far = {
            criterion: float(
                (
                    sparse(tmp_path, Sparsify(0.5, criterion=criterion, scope="row"), workload).module(*inputs) - right
                ).norm()
            )
            for criterion in ("magnitude", "wanda")
        }
    assert far["wanda"] < 0.5 * far["magnitude"]


def test_zeros_stay_through_distillation_and_storage(tmp_path: Path) -> None:
    original = tiny_workload()
    context = tiny_context(tmp_path, original)
    masked = Sparsify(0.8, scope="global", criterion="magnitude", examples=64).apply(original, context)
    learnt = Distill(epochs=1, batch=64, views=1).apply(masked, context)
    assert learnt.zeros == masked.zeros
    for name in masked.zeros:
        before, after = masked.module.get_parameter(name), learnt.module.get_parameter(name)
        assert torch.equal(before == 0, after == 0) and not torch.equal(before, after)
    save_model(tmp_path / "m.safetensors", learnt.module, learnt.changes)
    module, changes = load_model(tmp_path / "m.safetensors", TinyNet)
    assert changes == learnt.changes
    assert torch.equal(zeros(module, "features.6.weight"), zeros(masked.module, "features.6.weight"))


def test_zeros_of_what_is_left_out_are_forgotten(tmp_path: Path) -> None:
    original = residual_workload()
    context = tiny_context(tmp_path, original)
    masked = Sparsify(0.5, scope="global", criterion="magnitude", examples=64).apply(original, context)
    short = DropLayers(("blocks.1",)).apply(masked, context)
    assert any(name.startswith("blocks.1.") for name in masked.zeros)
    assert set(short.zeros) == {name for name in masked.zeros if not name.startswith("blocks.1.")}
    Distill(epochs=1, batch=64, views=1).apply(short, context)


def test_what_cannot_be_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LissomError, match="cannot be zero"):
        Sparsify(1.0)
    with pytest.raises(LissomError, match="not N of M"):
        Sparsify(pattern=(4, 4))
    with pytest.raises(LissomError, match="the criterion 'wander' is not known"):
        Sparsify(criterion="wander")
    original = tiny_workload()
    masked = sparse(tmp_path, Sparsify(examples=64), without(original, {0: (1,)}))
    with pytest.raises(LissomError, match="held at zero"):
        Reconstruct().apply(masked, tiny_context(tmp_path, original))
    with pytest.raises(LissomError, match="no layer can be made sparse"):
        sparse(tmp_path, Sparsify(pattern=(5, 7), examples=64))
