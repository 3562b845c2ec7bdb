"""Backward elimination against what can be computed directly."""

import itertools
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from lissom.core.errors import LissomError
from lissom.steps.pruning import elimination
from lissom.steps.pruning.eliminate import Eliminate
from lissom.steps.pruning.elimination import System, eliminate, system
from lissom.steps.pruning.prune import without
from lissom.steps.repair.reconstruct import Reconstruct
from lissom.testing import TinyNet, tiny_context, tiny_workload, trained_net
from lissom.workload.workload import Workload


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def drawn(units: int, features: int, outputs: int, seed: int = 0, rows: int = 400) -> tuple[Tensor, Tensor, Tensor]:
    """Inputs ``(rows, units * features)`` that depend on each other, what is wanted, and features by unit."""
    generator = torch.Generator().manual_seed(seed)
    size = units * features
    mix = torch.randn(size, size, generator=generator, dtype=torch.float64) + torch.eye(size) * 2
    read = torch.randn(rows, size, generator=generator, dtype=torch.float64) @ mix
    wanted = read @ torch.randn(size, outputs, generator=generator, dtype=torch.float64)
    order = torch.randperm(size, generator=generator)
    return read, wanted, order.reshape(units, features)


def solved(read: Tensor, wanted: Tensor, features: Tensor, ridge: float = 1e-12) -> System:
    normal, right = read.T @ read, read.T @ wanted
    return system(normal, right, torch.zeros_like(right), features, ridge)


def error(read: Tensor, wanted: Tensor, features: Tensor, gone: list[int]) -> float:
    """The least-squares error without some units, by another solver."""
    left = [unit for unit in range(len(features)) if unit not in gone]
    matrix = read[:, features[left].flatten()]
    fitted = matrix @ torch.linalg.lstsq(matrix, wanted, driver="gelsd").solution
    return float((wanted - fitted).square().sum())


@pytest.mark.parametrize("features", [1, 3, 9])
def test_each_step_grows_the_error_as_computed_directly(features: int) -> None:
    read, wanted, places = drawn(8, features, 5)
    gone, growth = eliminate([solved(read, wanted, places)], 2)
    assert len(gone) == len(set(gone)) == 6
    for number in range(1, 7):
        direct = error(read, wanted, places, gone[:number])
        assert sum(growth[:number]) == pytest.approx(direct, rel=1e-6)


def test_each_step_takes_the_unit_that_costs_least() -> None:
    read, wanted, places = drawn(7, 2, 3, seed=1)
    gone, _ = eliminate([solved(read, wanted, places)], 3)
    for number, unit in enumerate(gone):
        costs = {u: error(read, wanted, places, [*gone[:number], u]) for u in range(7) if u not in gone[:number]}
        assert min(costs, key=lambda u: costs[u]) == unit


def test_errors_of_several_readers_are_summed() -> None:
    """Two layers that read the same units: what one can spare the other may need."""
    one, other = drawn(6, 1, 2, seed=2), drawn(6, 4, 3, seed=3)
    gone, growth = eliminate([solved(*one), solved(*other)], 2)
    assert sum(growth) == pytest.approx(error(*one, gone) + error(*other, gone), rel=1e-6)
    first = {u: error(*one, [u]) + error(*other, [u]) for u in range(6)}
    assert min(first, key=lambda u: first[u]) == gone[0]


def test_units_that_depend_on_others_go_first_and_cost_nothing() -> None:
    read, wanted, places = drawn(10, 3, 4, seed=4)
    with torch.no_grad():
        read[:, places[7]] = read[:, places[2]]
        read[:, places[4]] = 2 * read[:, places[0]] - read[:, places[5]]
    wanted = read @ torch.randn(30, 4, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    gone, growth = eliminate([solved(read, wanted, places, 1e-10)], 7)
    whole = float(wanted.square().sum())
    assert max(growth[:2]) < 1e-7 * whole < 1e-3 * growth[2]
    assert not {2, 7} <= set(gone[:2]) and error(read, wanted, places, gone[:2]) < 1e-9 * whole


def test_wide_groups_are_done_in_rounds_and_stay_exact(monkeypatch: pytest.MonkeyPatch) -> None:
    """More units than a pool holds, half of them copies: the copies go, never both of a pair."""
    monkeypatch.setattr(elimination, "_POOL", 12)
    read, wanted, places = drawn(40, 2, 6, seed=6, rows=900)
    gone, growth = eliminate([solved(read, wanted, places)], 15)
    assert sum(growth) == pytest.approx(error(read, wanted, places, gone), rel=1e-6)
    double = torch.cat([places, places + read.shape[1]])
    gone, growth = eliminate([solved(torch.cat([read, read], 1), wanted, double, 1e-9)], 40)
    assert len({unit % 40 for unit in gone}) == 40
    assert sum(growth) < 1e-5 * float(wanted.square().sum())


def test_what_it_is_given_stays_as_it_is() -> None:
    item = solved(*drawn(6, 2, 3))
    before = item.inverse.clone(), item.weights.clone()
    eliminate([item], 2)
    assert torch.equal(item.inverse, before[0]) and torch.equal(item.weights, before[1])


def test_the_fit_held_to_the_weights_before_is_the_same_one() -> None:
    """With a ridge, the growth is that of the penalised error."""
    read, wanted, places = drawn(5, 2, 3, seed=8)
    before = torch.randn(10, 3, generator=torch.Generator().manual_seed(9), dtype=torch.float64)
    normal, right = read.T @ read, read.T @ wanted
    gone, growth = eliminate([system(normal, right, before, places, 0.1)], 2)
    scale = 0.1 * float(normal.diagonal().mean())

    def penalised(units: list[int]) -> float:
        left = places[[u for u in range(5) if u not in units]].flatten()
        held = normal[left][:, left] + scale * torch.eye(len(left))
        weights = torch.zeros_like(before)
        weights[left] = torch.linalg.solve(held, right[left] + scale * before[left])
        return float((wanted - read @ weights).square().sum() + scale * (weights - before).square().sum())

    assert sum(growth) == pytest.approx(penalised(gone) - penalised([]), rel=1e-8)


@torch.no_grad()
def difference(one: Workload, other: Workload) -> float:
    """Of two models' answers on the test split, relative to the spread of the first one's."""
    inputs = one.splits.test.take(range(60)).inputs
    mine, theirs = one.module.eval()(*inputs), other.module.eval()(*inputs)
    return float((mine - theirs).square().mean() / mine.var())


def with_copies() -> Workload:
    """Units 3 and 9 of the first layer are copies of 0 and 1, unit 5 of the second of 2."""
    model = trained_net()
    assert isinstance(model, TinyNet)
    with torch.no_grad():
        for layer, copy, of in ((0, 3, 0), (0, 9, 1), (3, 5, 2)):
            for tensor in [*model.features[layer].parameters(), *model.features[layer + 1].state_dict().values()]:
                if tensor.dim():
                    tensor[copy] = tensor[of]
    return tiny_workload(model)


def test_copies_are_found_and_made_up_for(tmp_path: Path) -> None:
    original = with_copies()
    keep = ((0, "features.0", 14), (1, "features.3", 31))
    result = Eliminate(keep, examples=128, batch=64, ridge=1e-8).apply(original, tiny_context(tmp_path, original))
    assert difference(original, result) < 1e-6
    assert result.cut is not None
    kept = result.cut.kept["features.0.weight"][0]
    assert len(kept) == 14 and len({0, 3} & set(kept)) == len({1, 9} & set(kept)) == 1


def test_it_is_better_than_to_reconstruct_after_any_other_choice(tmp_path: Path) -> None:
    """One group of sixteen, two to be kept, all choices tried in a network of one consumer."""
    original = tiny_workload()
    context = tiny_context(tmp_path, original)
    step = Eliminate(((0, "features.0", 14),), examples=128, batch=64)
    ours = difference(original, step.apply(original, context))
    repair = Reconstruct(examples=128, batch=64)
    others = [
        difference(original, repair.apply(without(original, {0: pair}), context))
        for pair in list(itertools.combinations(range(16), 2))[::20]
    ]
    assert ours < sorted(others)[len(others) // 4]


class Residual(nn.Module):
    """One stream that is written and read by several layers."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 12, 3, padding=1)
        self.inner = nn.ModuleList(nn.Conv2d(12, 8, 3, padding=1, bias=False) for _ in range(2))
        self.norms = nn.ModuleList(nn.BatchNorm2d(12) for _ in range(2))
        self.outer = nn.ModuleList(nn.Conv2d(8, 12, 3, padding=1, bias=False) for _ in range(2))
        self.head = nn.Linear(12, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.stem(x))
        for inner, norm, outer in zip(self.inner, self.norms, self.outer, strict=True):
            x = torch.relu(x + norm(outer(torch.relu(inner(x)))))
        return self.head(x.mean((2, 3)))


def test_a_stream_with_several_readers(tmp_path: Path) -> None:
    torch.manual_seed(3)
    original = tiny_workload(Residual().eval())
    keep = ((0, "stem", 8), (1, "inner.0", 5), (2, "inner.1", 5))
    result = Eliminate(keep, examples=256, batch=64).apply(original, tiny_context(tmp_path, original))
    model = result.module
    assert model.get_parameter("head.weight").shape == (4, 8)
    assert model.get_parameter("outer.0.weight").shape == (8, 5, 3, 3)
    cut = without(original, {0: (0, 1, 2, 3), 1: (0, 1, 2), 2: (0, 1, 2)})
    assert difference(original, result) < 0.5 * difference(original, cut)


def test_groups_without_a_layer_to_solve_are_chosen_by_importance(tmp_path: Path) -> None:
    class Depthwise(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.stem = nn.Conv2d(3, 16, 3, padding=1)
            self.grouped = nn.Conv2d(16, 8, 3, padding=1, groups=4)
            self.head = nn.Linear(8, 4)

        def forward(self, x: Tensor) -> Tensor:
            return self.head(torch.relu(self.grouped(torch.relu(self.stem(x)))).mean((2, 3)))

    torch.manual_seed(0)
    original = tiny_workload(Depthwise().eval())
    from lissom.graph import capture, couple

    groups = couple(capture(original.module, original.example)).groups
    keep = tuple((group.index, group.name, group.units // 2) for group in groups if group.kind == "group width")
    result = Eliminate(keep, examples=64, batch=64).apply(original, tiny_context(tmp_path, original))
    assert result.cut is not None and sum(p.numel() for p in result.module.parameters()) < sum(
        p.numel() for p in original.module.parameters()
    )


def test_attention_loses_whole_heads_and_hidden_units(tmp_path: Path) -> None:
    class Attention(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed = nn.Linear(24, 16)
            self.norm = nn.LayerNorm(16)
            self.qkv, self.out = nn.Linear(16, 48), nn.Linear(16, 16)
            self.up, self.down = nn.Linear(16, 32), nn.Linear(32, 16)
            self.head = nn.Linear(16, 4)

        def forward(self, x: Tensor) -> Tensor:
            x = self.embed(x.transpose(1, 2).flatten(2))
            q, k, v = self.qkv(self.norm(x)).reshape(-1, 8, 3, 4, 4).permute(2, 0, 3, 1, 4)
            x = x + self.out(nn.functional.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(-1, 8, 16))
            return self.head((x + self.down(torch.relu(self.up(x)))).mean(1))

    torch.manual_seed(0)
    original = tiny_workload(Attention().eval())
    from lissom.graph import capture, couple

    groups = couple(capture(original.module, original.example)).groups
    wanted = [group for group in groups if group.kind == "heads" or group.name == "up"]
    assert len(wanted) == 2
    keep = tuple((group.index, group.name, group.units // 2) for group in wanted)
    context = tiny_context(tmp_path, original)
    result = Eliminate(keep, examples=256, batch=64).apply(original, context)
    assert result.module.get_parameter("down.weight").shape == (16, 16)
    assert result.module.get_parameter("out.weight").shape == (16, 8)
    first = without(original, {index: tuple(range(left)) for index, _, left in keep})
    assert difference(original, result) < 0.7 * difference(original, first)


def test_a_width_that_fits_no_group_is_refused(tmp_path: Path) -> None:
    original = tiny_workload()
    context = tiny_context(tmp_path, original)
    with pytest.raises(LissomError, match="no group 0 called nonsense"):
        Eliminate(((0, "nonsense", 4),)).apply(original, context)
    with pytest.raises(LissomError, match="too few"):
        Eliminate(((0, "features.0", 0),)).apply(original, context)
    with pytest.raises(LissomError, match="cut already"):
        Eliminate(()).apply(without(original, {0: (1,)}), context)


def test_nothing_to_remove_changes_no_answer(tmp_path: Path) -> None:
    original = tiny_workload()
    result = Eliminate(((0, "features.0", 16),), examples=64).apply(original, tiny_context(tmp_path, original))
    assert difference(original, result) < 1e-10
