"""Importance knows idle units, and a cut removes what it says."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from lissom.core.errors import LissomError
from lissom.graph import Coupling, capture, couple
from lissom.steps.pruning.criteria import Sample, fisher, l2, weakest
from lissom.steps.pruning.prune import Prune, without
from lissom.testing import TinyNet, tiny_context, tiny_workload, trained_net
from lissom.workload.workload import Workload


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def coupled(workload: Workload) -> Coupling:
    return couple(capture(workload.module, workload.example))


def net() -> TinyNet:
    made = trained_net()
    assert isinstance(made, TinyNet)
    return made


def test_a_unit_that_nobody_reads_does_not_matter() -> None:
    model = net()
    with torch.no_grad():
        model.features[3].weight[:, [2, 7]] = 0
        model.classifier.weight[:, 11] = 0
    workload = tiny_workload(model)
    found = fisher(workload, coupled(workload), Sample(examples=64))
    assert np.flatnonzero(found[0] == 0).tolist() == [2, 7]
    assert found[2][11] == 0 and (found[1] > 0).all()


def test_a_unit_that_says_nothing_does_not_matter() -> None:
    model = net()
    with torch.no_grad():
        model.features[1].weight[5], model.features[1].bias[5] = 0.0, -1.0  # ReLU stops it
    workload = tiny_workload(model)
    assert fisher(workload, coupled(workload), Sample(examples=64))[0][5] == pytest.approx(0, abs=1e-12)


def test_importance_is_what_the_mask_of_a_unit_does_to_the_answer() -> None:
    """Checked against the derivative by explicit masks, answers drawn alike."""
    workload = tiny_workload()
    found = fisher(workload, coupled(workload), Sample(examples=32, batch=8, seed=3))[0]
    model, total, generator = workload.module, np.zeros(16), torch.Generator().manual_seed(3)
    order = torch.randperm(len(workload.splits.train), generator=torch.Generator().manual_seed(3))[:32].tolist()
    for start in range(0, 32, 8):
        batch = workload.splits.train.take(order[start : start + 8])
        mask = torch.ones(16, requires_grad=True)
        inner = model.features[:3](*batch.inputs) * mask[None, :, None, None]
        outputs = model.classifier(model.features[3:](inner).mean((2, 3)))
        (gradient,) = torch.autograd.grad(workload.task.probe(outputs, generator), mask)
        total += gradient.double().square().numpy()
    assert np.allclose(found, total / 32, rtol=1e-3, atol=1e-6 * total.max())


def test_importance_needs_no_labels_and_leaves_the_model_alone() -> None:
    workload = tiny_workload()
    workload.module.requires_grad_(False)
    found = fisher(workload, coupled(workload), Sample(examples=32))
    assert {index: len(values) for index, values in found.items()} == {0: 16, 1: 32, 2: 32}
    assert all(p.grad is None and not p.requires_grad for p in workload.module.parameters())


def test_the_sample_decides_by_its_seed() -> None:
    workload = tiny_workload()
    coupling = coupled(workload)
    one, same, other = (fisher(workload, coupling, Sample(examples=32, seed=seed))[1] for seed in (0, 0, 1))
    assert np.array_equal(one, same) and not np.array_equal(one, other)


def test_magnitude_is_the_norm_of_what_makes_a_unit() -> None:
    workload = tiny_workload()
    conv = workload.module.features[3]
    expected = (conv.weight.detach().flatten(1).square().sum(1) + conv.bias.detach().square()).sqrt()
    assert np.allclose(l2(workload, coupled(workload), Sample())[1], expected.numpy(), rtol=1e-5)


def test_what_loses_least_goes_first() -> None:
    assert weakest({0: np.array([3.0, 1.0, 2.0, 1.0])}, {0: 2}) == {0: (1, 3)}
    assert weakest({0: np.array([3.0, 1.0])}, {0: 2}) == {}
    assert weakest({0: np.array([1.0, 1.0, 1.0])}, {0: 1}) == {0: (0, 1)}, "ties by number"


@given(st.lists(st.floats(0, 9), min_size=1, max_size=20), st.integers(1, 25))
def test_the_most_important_units_are_kept(importance: list[float], left: int) -> None:
    removed = weakest({4: np.array(importance)}, {4: left}).get(4, ())
    kept = [value for unit, value in enumerate(importance) if unit not in removed]
    assert len(kept) == min(left, len(importance))
    assert sorted(kept) == sorted(importance)[len(importance) - len(kept) :]


def test_a_cut_is_equal_to_masking() -> None:
    workload = tiny_workload()
    gone = {0: (1, 4, 9), 1: (0, 31), 2: (7,)}
    cut = without(workload, gone)
    masked = net()
    with torch.no_grad():
        for number, units in gone.items():
            masked.features[3 * number + 1].weight[list(units)] = 0
            masked.features[3 * number + 1].bias[list(units)] = 0
        inputs = workload.splits.test.take(range(20)).inputs
        assert torch.allclose(cut.module(*inputs), masked.eval()(*inputs), atol=1e-5)
    assert cut.module.get_parameter("features.3.weight").shape == (30, 13, 3, 3)
    assert cut.cut is not None and cut.cut.kept["classifier.weight"][1] == tuple(u for u in range(32) if u != 7)


def test_a_layer_that_is_to_be_kept_is_kept() -> None:
    workload = tiny_workload()
    kept = Workload(**{**vars(workload), "keep": ("features.3*",)})
    names = {group.name for group in couple(capture(kept.module, kept.example), keep=kept.keep).groups}
    assert "features.3" not in names and names


def test_cutting_twice_is_refused(tmp_path: Path) -> None:
    cut = without(tiny_workload(), {0: (1,)})
    with pytest.raises(LissomError, match="cut already"):
        Prune(((0, "features.0", (2,)),)).apply(cut, tiny_context(tmp_path, tiny_workload()))


@pytest.mark.parametrize("gone", [{0: tuple(range(16))}, {9: (0,)}, {0: (16,)}])
def test_what_cannot_be_cut_is_explained(gone: dict[int, tuple[int, ...]]) -> None:
    with pytest.raises(LissomError):
        without(tiny_workload(), gone)


def test_a_model_with_nothing_to_cut() -> None:
    workload = tiny_workload(nn.Sequential(nn.Flatten(), nn.Linear(192, 4)))
    assert fisher(workload, coupled(workload), Sample(examples=8)) == {}


def test_a_cut_that_was_planned_for_another_model_is_refused(tmp_path: Path) -> None:
    workload = tiny_workload()
    with pytest.raises(LissomError, match=r"no group 0 called encoder\.conv1"):
        Prune(((0, "encoder.conv1", (0,)),)).apply(workload, tiny_context(tmp_path, workload))
