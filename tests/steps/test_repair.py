"""Reconstruction and BatchNorm re-estimation against what can be computed by hand."""

import itertools
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, fx, nn

from lissom.core.errors import LissomError
from lissom.graph import capture
from lissom.steps.depth.drop_layers import DropLayers
from lissom.steps.pruning.prune import without
from lissom.steps.repair.batchnorm import ReestimateBatchNorm
from lissom.steps.repair.least_squares import fit
from lissom.steps.repair.observe import observe
from lissom.steps.repair.reconstruct import Reconstruct
from lissom.testing import TinyNet, fresh_net, tiny_context, tiny_workload, trained_net
from lissom.testing.tiny import residual_workload
from lissom.workload.workload import Workload, calibration_batches


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@torch.no_grad()
def difference(one: Workload, other: Workload) -> float:
    """Of two models' answers on the test split, relative to the spread of the first one's."""
    inputs = one.splits.test.take(range(60)).inputs
    mine, theirs = one.module.eval()(*inputs), other.module.eval()(*inputs)
    return float((mine - theirs).square().mean() / mine.var())


def with_copies() -> Workload:
    """A network in which units 3 and 9 of the first layer are copies of units 0 and 1."""
    model = trained_net()
    assert isinstance(model, TinyNet)
    with torch.no_grad():
        for copy, of in ((3, 0), (9, 1)):
            model.features[0].weight[copy] = model.features[0].weight[of]
            for tensor in model.features[1].state_dict().values():
                if tensor.dim():
                    tensor[copy] = tensor[of]
    return tiny_workload(model)


def with_zeros() -> Workload:
    model = trained_net()
    assert isinstance(model, TinyNet)
    with torch.no_grad():
        model.features[3].weight[:, [3, 9]] = 0
    return tiny_workload(model)


def test_removed_copies_are_made_up_for(tmp_path: Path) -> None:
    original = with_copies()
    cut = without(original, {0: (3, 9)})
    repaired = Reconstruct(examples=128, batch=64, ridge=1e-9).apply(cut, tiny_context(tmp_path, original))
    assert difference(original, cut) > 1e-3
    assert difference(original, repaired) < 1e-8


def test_where_nothing_was_lost_nothing_changes(tmp_path: Path) -> None:
    original = with_zeros()
    cut = without(original, {0: (3, 9)})
    repaired = Reconstruct(examples=128, batch=64).apply(cut, tiny_context(tmp_path, original))
    assert difference(original, repaired) < 1e-8
    before, after = (w.module.get_parameter("features.3.weight") for w in (cut, repaired))
    assert torch.allclose(before, after, atol=1e-4)


def test_it_comes_nearer_to_the_original_than_the_cut_alone(tmp_path: Path) -> None:
    original = tiny_workload()
    cut = without(original, {0: tuple(range(0, 16, 2)), 1: tuple(range(0, 32, 2))})
    repaired = Reconstruct(examples=256, batch=64).apply(cut, tiny_context(tmp_path, original))
    assert difference(original, repaired) < 0.8 * difference(original, cut)
    assert repaired.cut == cut.cut and repaired.notes == cut.notes


def test_only_layers_that_lost_inputs_are_solved(tmp_path: Path) -> None:
    original = tiny_workload()
    cut = without(original, {0: (1, 2, 3)})
    repaired = Reconstruct(examples=64, batch=64).apply(cut, tiny_context(tmp_path, original))
    changed = {
        name
        for name, tensor in cut.module.state_dict().items()
        if not torch.equal(tensor, repaired.module.state_dict()[name])
    }
    assert changed == {"features.3.weight", "features.3.bias"}


@torch.no_grad()
def test_what_reads_otherwise_without_a_block_is_solved(tmp_path: Path) -> None:
    original = residual_workload()
    for number, half in itertools.product((1, 2), ("first", "second")):  # both add half of what they are given
        weight = original.module.get_parameter(f"blocks.{number}.{half}.0.weight")
        weight.zero_()
        weight[range(12), range(12), 1, 1] = 1.0
        original.module.get_parameter(f"blocks.{number}.second.1.weight").fill_(0.5)
    context, repair = tiny_context(tmp_path, original), Reconstruct(examples=128, batch=64, ridge=1e-9)
    before = original.module.state_dict()
    for dropped, exact, untouched in (("blocks.1", 0.2, ("stem", "blocks.0")), ("blocks.2", 1e-6, ("stem", "blocks"))):
        short = DropLayers((dropped,)).apply(original, context)
        repaired = repair.apply(short, context)
        assert difference(original, short) > 0.01 and difference(original, repaired) < exact * difference(
            original, short
        )
        after = repaired.module.state_dict()
        changed = {name for name, tensor in after.items() if not torch.equal(tensor, before[name])}
        assert "classifier.weight" in changed and not any(name.startswith(untouched) for name in changed)
        assert repaired.left_out == (dropped,)


def test_the_fit_is_the_least_squares_one(tmp_path: Path) -> None:
    """One linear layer behind one cut: against numpy's own solver."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(192, 24), nn.ReLU(), nn.Linear(24, 4)).eval()
    original = tiny_workload(model)
    cut = without(original, {0: tuple(range(10))})
    repaired = Reconstruct(examples=200, batch=50, ridge=1e-10).apply(cut, tiny_context(tmp_path, original))
    rows, wanted = [], []
    with torch.no_grad():
        for batch in calibration_batches(original.splits.train, examples=200, batch=50, seed=0):
            hidden = model[:3](*batch.inputs)[:, 10:]
            rows.append(torch.cat([hidden, torch.ones(len(hidden), 1)], 1).double().numpy())
            wanted.append(model(*batch.inputs).double().numpy())
    solved, *_ = np.linalg.lstsq(np.concatenate(rows), np.concatenate(wanted), rcond=None)
    assert np.allclose(repaired.module.get_parameter("3.weight").detach().numpy(), solved[:-1].T, atol=1e-3)
    assert np.allclose(repaired.module.get_parameter("3.bias").detach().numpy(), solved[-1], atol=1e-3)


def test_what_cannot_be_solved_is_named(tmp_path: Path) -> None:
    class Grouped(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.stem = nn.Conv2d(3, 16, 3, padding=1)
            self.deep = nn.Conv2d(16, 16, 3, padding=1, groups=16)
            self.twice = nn.Conv2d(16, 16, 1)
            self.head = nn.Linear(16, 4)

        def forward(self, x: Tensor) -> Tensor:
            x = torch.relu(self.deep(torch.relu(self.stem(x))))
            return self.head(self.twice(torch.relu(self.twice(x))).mean((2, 3)))

    torch.manual_seed(0)
    original = tiny_workload(Grouped().eval())
    cut = without(original, {0: (1, 2)})
    repaired = Reconstruct(examples=64, batch=64).apply(cut, tiny_context(tmp_path, original))
    assert repaired.notes == ("not reconstructed: twice.weight, which is called 2 times",)
    assert difference(original, repaired) < 10


def test_without_a_cut_there_is_nothing_to_do(tmp_path: Path) -> None:
    with pytest.raises(LissomError, match="not cut"):
        Reconstruct().apply(tiny_workload(), tiny_context(tmp_path, tiny_workload()))


class Functional(nn.Module):
    """Calls convolutions and linear layers in every way that people do."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 5, 3, stride=2, padding=1)
        self.kernel = nn.Parameter(torch.randn(6, 5, 1, 1))
        self.hidden = nn.Linear(6, 7)
        self.head = nn.Linear(7, 4, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        x = F.conv2d(torch.relu(self.stem(x)), self.kernel).flatten(2).mean(2)
        return self.head(torch.relu(F.linear(x, self.hidden.weight, self.hidden.bias)))


@pytest.mark.parametrize("kind", ["user's class", "GraphModule", "exported"])
def test_layers_are_seen_whatever_calls_them(kind: str) -> None:
    torch.manual_seed(0)
    own = Functional().eval()
    picture = torch.randn(2, 3, 8, 8)
    model: nn.Module = own
    if kind == "GraphModule":
        model = fx.symbolic_trace(own)
    elif kind == "exported":
        model = capture(own, (picture,)).parts[0].program.module()
    names = ("stem.weight", "kernel", "hidden.weight", "head.weight")
    found = observe(model, (picture,), {name: model.get_parameter(name) for name in names})
    assert list(found) == list(names), "in the order of the forward"
    with torch.no_grad():
        stem = own.stem(picture)
        assert torch.equal(found["stem.weight"][0].read, picture)
        assert torch.allclose(found["stem.weight"][0].written, stem, atol=1e-6)
        assert found["stem.weight"][0].stride == (2, 2) and found["stem.weight"][0].is_convolution
        assert torch.allclose(found["kernel"][0].read, torch.relu(stem), atol=1e-6)
        assert torch.allclose(found["head.weight"][0].written, own(picture), atol=1e-6)
        assert not found["head.weight"][0].is_convolution


def test_a_layer_called_twice_is_seen_twice_and_one_not_called_not_at_all() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.shared, self.idle = nn.Linear(4, 4), nn.Linear(4, 4)

        def forward(self, x: Tensor) -> Tensor:
            return self.shared(self.shared(x))

    model = Twice()
    weights = {"shared.weight": model.shared.weight, "idle.weight": model.idle.weight}
    found = observe(model, (torch.randn(3, 4),), weights)
    assert {name: len(calls) for name, calls in found.items()} == {"shared.weight": 2}


def test_the_forward_stops_when_all_was_seen() -> None:
    class Explodes(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = nn.Linear(4, 4)

        def forward(self, x: Tensor) -> Tensor:
            self.first(x).sum()
            raise RuntimeError("too far")

    model = Explodes()
    assert observe(model, (torch.randn(2, 4),), {"w": model.first.weight})["w"][0].written.shape == (2, 4)
    with pytest.raises(RuntimeError, match="too far"):
        observe(model, (torch.randn(2, 4),), {"w": model.first.weight}, until_all=False)


def test_statistics_are_those_of_the_calibration_batches(tmp_path: Path) -> None:
    workload = tiny_workload()
    repaired = ReestimateBatchNorm(examples=96, batch=48).apply(workload, tiny_context(tmp_path, workload))
    means, variances = [], []
    with torch.no_grad():
        for batch in calibration_batches(workload.splits.train, examples=96, batch=48, seed=0):
            made = workload.module.features[0](*batch.inputs)
            means.append(made.mean((0, 2, 3)))
            variances.append(made.var((0, 2, 3), unbiased=True))
    norm = repaired.module.features[1]
    assert torch.allclose(norm.running_mean, torch.stack(means).mean(0), atol=1e-4)
    assert torch.allclose(norm.running_var, torch.stack(variances).mean(0), rtol=1e-3)
    assert norm.momentum == workload.module.features[1].momentum
    assert int(norm.num_batches_tracked) == 2


@pytest.mark.parametrize(("examples", "batch", "sizes"), [(130, 128, [65] * 2), (65, 64, [32] * 2), (9, 4, [3] * 3)])
def test_batches_count_alike_and_none_is_of_one_example(
    tmp_path: Path, examples: int, batch: int, sizes: list[int]
) -> None:
    model = nn.Sequential(nn.Flatten(), nn.BatchNorm1d(192), nn.Linear(192, 4)).eval()
    workload = tiny_workload(model)
    repaired = ReestimateBatchNorm(examples, batch).apply(workload, tiny_context(tmp_path, workload))
    read = calibration_batches(workload.splits.train, examples=sum(sizes), batch=sum(sizes), seed=0)[0].inputs[0]
    assert int(repaired.module[1].num_batches_tracked) == len(sizes)
    assert torch.allclose(repaired.module[1].running_mean, read.flatten(1).mean(0), atol=1e-5)


def test_two_at_a_time_leave_no_single_one(tmp_path: Path) -> None:
    workload = tiny_workload(nn.Sequential(nn.Flatten(), nn.BatchNorm1d(192), nn.Linear(192, 4)).eval())
    for examples in (2, 3, 5):
        repaired = ReestimateBatchNorm(examples, 2).apply(workload, tiny_context(tmp_path, workload))
        assert repaired.module[1].running_var.isfinite().all()


def test_wrong_statistics_are_mended_and_weights_stay(tmp_path: Path) -> None:
    model = trained_net()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean += 3.0
    broken, good = tiny_workload(model), tiny_workload()
    repaired = ReestimateBatchNorm(examples=256, batch=64).apply(broken, tiny_context(tmp_path, broken))
    assert difference(good, repaired) < 0.1 * difference(good, broken)
    assert all(torch.equal(p, q) for p, q in zip(repaired.module.parameters(), broken.module.parameters(), strict=True))


def test_dropout_stays_off_while_statistics_are_taken(tmp_path: Path) -> None:
    net = fresh_net()
    model = nn.Sequential(nn.Dropout(0.9), *net.features, nn.Flatten(), nn.Linear(128, 4)).eval()
    plain = nn.Sequential(nn.Identity(), *list(model)[1:])
    found = [
        ReestimateBatchNorm(64, 64).apply(tiny_workload(m), tiny_context(tmp_path, tiny_workload(m))).module[2]
        for m in (model, plain)
    ]
    assert torch.equal(found[0].running_mean, found[1].running_mean)


def test_a_model_without_batchnorm_is_given_back(tmp_path: Path) -> None:
    workload = tiny_workload(nn.Sequential(nn.Flatten(), nn.Linear(192, 4)))
    assert ReestimateBatchNorm().apply(workload, tiny_context(tmp_path, workload)) is workload


def test_of_inputs_that_are_all_zero_nothing_is_told() -> None:
    before = torch.randn(4, 3, dtype=torch.float64)
    nothing = torch.zeros(4, 4, dtype=torch.float64)
    assert torch.equal(fit(nothing, torch.zeros_like(before), before, ridge=0.01), before)
