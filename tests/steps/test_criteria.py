"""Each criterion against what it is by definition, and rankings that never empty a layer."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from lissom.core.errors import LissomError
from lissom.graph import Coupling, Group, capture, couple
from lissom.steps.pruning.choosing import choose
from lissom.steps.pruning.criteria import CRITERIA, Sample
from lissom.steps.pruning.prune import without
from lissom.steps.pruning.ranking import RANKINGS, widths
from lissom.testing import tiny_workload
from lissom.workload.workload import Workload, calibration_batches


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def coupled(workload: Workload) -> Coupling:
    return couple(capture(workload.module, workload.example))


def scored(name: str, workload: Workload, **options: int) -> dict[int, np.ndarray]:
    return CRITERIA.get(name)(workload, coupled(workload), Sample(**options))


def filters(workload: Workload) -> Tensor:
    """What makes the units of the first group, ``(16, 27)``."""
    return workload.module.get_parameter("features.0.weight").detach().flatten(1).double()


@pytest.mark.parametrize("name", list(CRITERIA))
def test_every_criterion_gives_a_figure_for_every_unit(name: str) -> None:
    workload = tiny_workload()
    found = scored(name, workload, examples=32)
    assert {index: values.shape for index, values in found.items()} == {0: (16,), 1: (32,), 2: (32,)}
    assert all(np.isfinite(values).all() and (values >= 0).all() for values in found.values())
    assert all(parameter.grad is None for parameter in workload.module.parameters())


class Keeping(nn.Module):
    """Scales its channels by what it computes from a weight once, in evaluation mode."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Conv2d(3, 8, 3), nn.Linear(8, 4)
        self.table, self.kept = nn.Parameter(torch.ones(8)), dict[str, Tensor]()

    def train(self, mode: bool = True) -> nn.Module:
        self.kept = {}
        return super().train(mode)

    def forward(self, x: Tensor) -> Tensor:
        if not self.kept:
            self.kept["scale"] = self.table.exp()
        return self.last(self.first(x).mean((2, 3)) * self.kept["scale"])


@pytest.mark.parametrize("name", ["fisher", "obd", "taylor"])
def test_what_a_model_keeps_of_one_batch_has_no_part_in_the_gradients_of_the_next(name: str) -> None:
    found = scored(name, tiny_workload(Keeping().eval()), examples=64)
    assert np.isfinite(found[0]).all() and (found[0] > 0).any()


def test_norms_are_those_of_what_makes_a_unit() -> None:
    workload = tiny_workload()
    assert np.allclose(scored("l1", workload)[0], filters(workload).abs().sum(1), rtol=1e-5)
    assert np.allclose(scored("l2", workload)[0], filters(workload).norm(dim=1), rtol=1e-5)


def test_the_scale_of_batchnorm() -> None:
    workload = tiny_workload()
    expected = workload.module.get_parameter("features.1.weight").detach().abs()
    assert np.allclose(scored("batchnorm-scale", workload)[0], expected, rtol=1e-5)


def test_what_lies_in_the_middle_of_the_others_matters_least_to_fpgm() -> None:
    workload = tiny_workload()
    weight = workload.module.get_parameter("features.0.weight")
    with torch.no_grad():
        weight[5] = weight.mean(0)
    found = scored("fpgm", workload)[0]
    distances = torch.cdist(filters(workload), filters(workload)).sum(1)
    assert np.allclose(found, distances, rtol=1e-3) and found.argmin() == 5


def test_lamp_is_a_share_of_all_that_are_no_smaller() -> None:
    workload = tiny_workload()
    squares = filters(workload).square().sum(1).numpy()
    expected = [square / squares[squares >= square].sum() for square in squares]
    assert np.allclose(scored("lamp", workload)[0], expected, rtol=1e-5)


def test_wanda_is_weights_times_the_norm_of_what_is_read() -> None:
    workload = tiny_workload()
    batches = calibration_batches(workload.splits.train, examples=48, batch=16, seed=0)
    with torch.no_grad():
        read = torch.cat([workload.module.get_submodule("features")[:6](*batch.inputs) for batch in batches])
    norms = read.double().square().sum((0, 2, 3)).sqrt()
    weights = workload.module.get_parameter("features.6.weight").detach().abs().sum((0, 2, 3))
    assert np.allclose(scored("wanda", workload, examples=48)[1], weights * norms, rtol=1e-4)


def test_taylor_is_the_derivative_of_the_loss_by_a_mask() -> None:
    workload = tiny_workload()
    found = scored("taylor", workload, examples=16)[2]
    (batch,) = calibration_batches(workload.splits.train, examples=16, batch=16, seed=0)
    mask = torch.ones(32, requires_grad=True)
    hidden = workload.module.get_submodule("features")(*batch.inputs).mean((2, 3)) * mask
    assert batch.targets is not None
    workload.task.loss(workload.module.get_submodule("classifier")(hidden), batch.targets).backward()
    assert mask.grad is not None
    assert np.allclose(found, mask.grad.abs(), rtol=1e-3, atol=1e-6)


def test_a_unit_without_curvature_does_not_matter_to_obd() -> None:
    workload = tiny_workload()
    with torch.no_grad():
        for name in ("features.0.weight", "features.1.weight", "features.1.bias"):
            workload.module.get_parameter(name)[3] = 0
    found = scored("obd", workload, examples=32)[0]
    assert found[3] == pytest.approx(0, abs=1e-12) and (np.delete(found, 3) > 0).all()


def test_random_is_decided_by_its_seed() -> None:
    workload = tiny_workload()
    one, same, other = (scored("random", workload, seed=seed)[1] for seed in (0, 0, 1))
    assert np.array_equal(one, same) and not np.array_equal(one, other)


def test_a_criterion_says_what_it_lacks() -> None:
    plain = nn.Sequential(nn.Flatten(), nn.Linear(192, 8), nn.ReLU(), nn.Linear(8, 4))
    with pytest.raises(LissomError, match="needs a BatchNorm on every group, and 1 has none"):
        scored("batchnorm-scale", tiny_workload(plain))
    with pytest.raises(LissomError, match="taylor needs labels"):
        scored("taylor", replace(tiny_workload(), labelled=False))
    with pytest.raises(LissomError, match="unknown criterion"):
        choose(tiny_workload(), 0.5, criterion="l3")


def group(index: int, units: int, least: int = 1, kind: str = "channels") -> Group:
    return Group(index, kind, f"layer {index}", units, (), least)


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.integers(2, 40), st.integers(1, 3)), min_size=1, max_size=5),
    st.floats(0, 0.99),
    st.sampled_from(RANKINGS),
    st.sampled_from([1, 2, 8]),
    st.integers(0, 9),
)
def test_no_ranking_empties_a_layer(
    sizes: list[tuple[int, int]], share: float, ranking: str, round_to: int, seed: int
) -> None:
    groups = [group(number, units, min(least, units)) for number, (units, least) in enumerate(sizes)]
    rng = np.random.default_rng(seed)
    importance = {item.index: rng.exponential(size=item.units) for item in groups}
    found = widths(importance, groups, share, ranking=ranking, round_to=round_to)
    for item in groups:
        assert max(1, item.min_units) <= found[item.index] <= item.units
        if item.units >= 4 * round_to and found[item.index] not in (item.units, item.min_units):
            assert found[item.index] % round_to == 0


def test_what_each_ranking_compares() -> None:
    groups = [group(0, 10), group(1, 10), group(2, 10, kind="heads")]
    importance = {0: np.linspace(1, 2, 10), 1: np.linspace(11, 12, 10), 2: np.linspace(5, 6, 10)}
    assert widths(importance, groups, 0.3) == {0: 1, 1: 10, 2: 10}
    assert widths(importance, groups, 0.3, ranking="local") == {0: 7, 1: 7, 2: 7}
    assert widths(importance, groups, 0.3, ranking="isomorphic") == {0: 4, 1: 10, 2: 7}
    relative = widths(importance, groups, 0.3, relative=True)
    assert relative[0] < 10 and sum(relative.values()) == 21 and relative[0] > 1


@pytest.mark.parametrize("share", [1.0, 1.5, -0.1])
def test_a_share_that_would_empty_layers_is_refused_before_anything_slow(share: float) -> None:
    with pytest.raises(LissomError, match="empty"):
        choose(tiny_workload(), share)
    with pytest.raises(LissomError, match="no ranking 'best'"):
        choose(tiny_workload(), 0.5, ranking="best")
    with pytest.raises(LissomError, match="multiples of 0"):
        choose(tiny_workload(), 0.5, round_to=0)


def test_what_is_chosen_is_data_and_can_be_cut() -> None:
    workload = tiny_workload()
    step = choose(workload, 0.5, criterion="l2", ranking="local", round_to=4, sample=Sample(32))
    cut = without(workload, {index: units for index, _, units in step.removed})
    assert cut.module.get_parameter("features.3.weight").shape == (16, 8, 3, 3)
