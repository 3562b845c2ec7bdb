"""Factorised layers: nothing is lost at full rank, ranks follow what is read, and nothing becomes dearer."""

import itertools
from dataclasses import replace
from pathlib import Path

import onnxruntime
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from lissom.core.errors import LissomError
from lissom.core.progress import Progress
from lissom.cost import profile
from lissom.export.onnx_file import export_onnx
from lissom.steps.distillation.distill import Distill
from lissom.steps.factorization.decomposing import best_weights, separable
from lissom.steps.factorization.factoring import judged
from lissom.steps.factorization.kinds import KINDS, LOW_RANK
from lissom.steps.factorization.low_rank import LowRank, choose_low_rank
from lissom.steps.factorization.moments import moments
from lissom.steps.factorization.separable import SeparableConvolution, choose_separable
from lissom.steps.factorization.sites import Site, find_sites
from lissom.steps.pruning.prune import without
from lissom.steps.repair.least_squares import Problem
from lissom.steps.sparsity.sparsify import Sparsify
from lissom.testing import TinyNet, fresh_net, tiny_context, tiny_workload
from lissom.workload.storage import load_model, save_model
from lissom.workload.workload import Workload, calibration_batches


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


class Convolution(nn.Module):
    """One convolution between a normalisation and a head that shows all that it writes."""

    def __init__(self, conv: nn.Module, normed: bool) -> None:
        super().__init__()
        self.before = nn.Conv2d(3, 4, 1)
        self.conv = conv
        self.norm = nn.BatchNorm2d(6) if normed else nn.Identity()

    def forward(self, pictures: Tensor) -> Tensor:
        return self.norm(self.conv(torch.relu(self.before(pictures)))).flatten(1)


def convolution(seed: int, *, kernel: object = 3, bias: bool = True, normed: bool = True, **walk: object) -> Workload:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = Convolution(nn.Conv2d(4, 6, kernel, bias=bias, **walk), normed).eval()  # pyright: ignore[reportArgumentType]
        for name, buffer in model.named_buffers():
            if name == "norm.running_mean":
                buffer.normal_()
            if name == "norm.running_var":
                buffer.uniform_(0.5, 2)
    return tiny_workload(model)


def site_of(workload: Workload, module: str) -> Site:
    batch = calibration_batches(workload.splits.train, examples=4, batch=4, seed=0)[0]
    return find_sites(workload.module, [module], batch)[0]


@torch.no_grad()
def far(one: Workload, other: Workload) -> float:
    """The squared difference of two models' answers, relative to their variance."""
    inputs = one.splits.test.take(range(40)).inputs
    ours, theirs = one.module(*inputs), other.module(*inputs)
    return float((ours - theirs).square().mean() / ours.var())


def changed(tmp_path: Path, workload: Workload, step: LowRank | SeparableConvolution) -> Workload:
    return step.apply(workload, tiny_context(tmp_path, workload))


def step_of(kind: str, module: str, ranks: tuple[int, ...], **more: float) -> LowRank | SeparableConvolution:
    settings_ = {"examples": 128, "batch": 64, **more}
    if kind == "separable":
        return SeparableConvolution(((module, ranks[0]),), **settings_)  # pyright: ignore[reportArgumentType]
    return LowRank(((module, kind, ranks),), **settings_)  # pyright: ignore[reportArgumentType]


WALKS = st.fixed_dictionaries(
    {
        "kernel": st.sampled_from([(3, 3), (2, 3), (3, 1), (1, 1), (5, 3)]),
        "stride": st.sampled_from([(1, 1), (2, 1), (2, 2)]),
        "padding": st.sampled_from([(0, 0), (1, 2), "same"]),
        "dilation": st.sampled_from([(1, 1), (1, 2)]),
        "bias": st.booleans(),
        "normed": st.booleans(),
    }
)


@given(kind=st.sampled_from(sorted(set(KINDS) - {"linear"})), walk=WALKS, seed=st.integers(0, 99))
@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_nothing_is_lost_at_full_rank(tmp_path: Path, kind: str, walk: dict[str, object], seed: int) -> None:
    if walk["padding"] == "same":
        walk = {**walk, "stride": (1, 1), "kernel": (3, 3)}
    workload = convolution(seed, **walk)  # pyright: ignore[reportArgumentType]
    site = site_of(workload, "conv")
    if not KINDS[kind].fits(site):
        return
    result = changed(tmp_path, workload, step_of(kind, "conv", KINDS[kind].full(site)))
    assert far(workload, result) < 1e-9
    assert type(result.module) is Convolution and len(list(result.module.get_submodule("conv").children())) > 1


def test_a_linear_layer_of_full_rank_is_as_it_was(tmp_path: Path) -> None:
    workload = tiny_workload()
    result = changed(tmp_path, workload, step_of("linear", "classifier", (4,)))
    assert far(workload, result) < 1e-9
    assert [tuple(p.shape) for p in result.module.get_submodule("classifier").parameters()] == [(4, 32), (4, 4), (4,)]


@pytest.mark.parametrize("noise", [1e-2, 1e-4, 0.0])
def test_what_hardly_varies_beside_its_mean_still_has_moments(noise: float) -> None:
    torch.manual_seed(0)
    line, problem, seen = 100 + 20 * torch.randn(12), Problem.empty(13, 4), []
    for _ in range(5):
        seen.append(line + noise * torch.randn(500, 12))
        problem.add(torch.cat([seen[-1], torch.ones(500, 1)], 1), seen[-1][:, :4] + 1)
    problem.finish()
    found = moments(problem, torch.zeros(13, 4, dtype=torch.float64), shifts=True, ridge=1e-6)
    rows = torch.cat(seen).double()
    exact = (rows - rows.mean(0)).T @ (rows - rows.mean(0))
    assert torch.allclose(found.read, exact, rtol=1e-3, atol=5e-6)
    assert torch.allclose(problem.normal[:12, :12], rows.T @ rows) and found.lower.isfinite().all()
    assert torch.allclose(problem.square, (rows[:, :4] + 1).square().sum(0))
    assert torch.allclose(problem.total, (rows[:, :4] + 1).sum(0))


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_more_rank_loses_less(tmp_path: Path, kind: str) -> None:
    workload = tiny_workload()
    module = "classifier" if kind == "linear" else "features.6"
    full = KINDS[kind].full(site_of(workload, module))
    ranks = sorted({tuple(max(1, most * part // 4) for most in full) for part in (0, 1, 2, 4)})
    lost = [far(workload, changed(tmp_path, workload, step_of(kind, module, some))) for some in ranks]
    assert all(one > other for one, other in itertools.pairwise(lost)), lost
    assert lost[0] > 1e-4 and lost[-1] < 1e-9


def test_low_rank_layers_are_found_out(tmp_path: Path) -> None:
    """Weights of full rank that read something of rank two: two are enough, where the weights alone need all four."""
    workload = convolution(0, kernel=1)
    module = workload.module
    with torch.no_grad():
        module.get_parameter("before.weight")[2:] = module.get_parameter("before.weight")[:2] * 3
        module.get_parameter("before.bias")[2:] = module.get_parameter("before.bias")[:2] * 3
    assert int(torch.linalg.matrix_rank(module.get_parameter("conv.weight").flatten(1))) == 4
    result = changed(tmp_path, workload, step_of("channels", "conv", (2,), ridge=1e-6))
    assert far(workload, result) < 1e-6


def test_a_separable_layer_is_found_out(tmp_path: Path) -> None:
    workload = convolution(3, padding=1)
    with torch.no_grad():
        depth, points = torch.randn(1, 4, 3, 3), torch.randn(6, 4, 1, 1)
        workload.module.get_parameter("conv.weight").copy_(depth * points)
    result = changed(tmp_path, workload, step_of("separable", "conv", (1,)))
    assert far(workload, result) < 1e-9


def test_alternating_least_squares_is_better_than_each_channel_by_itself() -> None:
    """The first guess decomposes each channel alone; solving in turn takes in what channels have in common."""
    workload = tiny_workload()
    batches = calibration_batches(workload.splits.train, examples=128, batch=64, seed=0)
    for site, item in judged(workload, batches, 0.01, Progress(False)):
        if site.module == "features.6":
            errors = [
                item.error(separable(item, best_weights(item), site.kernel, 1, rounds).product)
                for rounds in (0, 1, 3, 8)
            ]
            assert errors == sorted(errors, reverse=True) and errors[-1] < 0.9 * errors[0]
            return
    raise AssertionError("the layer was not found")


def test_errors_are_those_of_the_outputs(tmp_path: Path) -> None:
    """What the moments promise is what happens: without BatchNorm, on the inputs that were looked at."""
    workload = convolution(1, normed=False, padding=1)
    batches = calibration_batches(workload.splits.train, examples=320, batch=64, seed=0)
    ((site, item),) = [found for found in judged(workload, batches, 1e-6, Progress(False)) if found[0].module == "conv"]
    promised = item.error(KINDS["channels"].solve(item, best_weights(item), site, (2,)).product)
    result = changed(tmp_path, workload, step_of("channels", "conv", (2,), examples=320, ridge=1e-6))
    with torch.no_grad():
        pairs = [(workload.module(*batch.inputs), result.module(*batch.inputs)) for batch in batches]
        ours, theirs = (torch.cat(maps).reshape(320, 6, -1) for maps in zip(*pairs, strict=True))
    spread = (ours - ours.mean((0, 2), keepdim=True)).square().sum()
    assert float((ours - theirs).square().sum() / spread) == pytest.approx(promised, rel=1e-3)


@pytest.mark.parametrize(
    "walk", [{}, {"stride": (2, 2), "padding": 1}, {"stride": (2, 1), "kernel": (3, 5), "padding": (1, 2)}]
)
@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"linear"}))
def test_multiply_adds_are_counted_rightly(tmp_path: Path, kind: str, walk: dict[str, object]) -> None:
    workload = convolution(0, **walk)  # pyright: ignore[reportArgumentType]
    site = site_of(workload, "conv")
    ranks = tuple(max(1, rank // 2) for rank in KINDS[kind].full(site))
    result = changed(tmp_path, workload, step_of(kind, "conv", ranks))
    found = profile(result.module, workload.example).macs - profile(workload.module, workload.example).macs
    assert KINDS[kind].macs(site, ranks) - site.macs == found


@pytest.mark.parametrize("error", [0.02, 0.2])
def test_chosen_ranks_keep_to_the_error_and_cost_less(tmp_path: Path, error: float) -> None:
    workload = tiny_workload()
    step = choose_low_rank(workload, error, multiple=1, examples=128, batch=64)
    batches = calibration_batches(workload.splits.train, examples=128, batch=64, seed=0)
    known = {site.module: (site, item) for site, item in judged(workload, batches, step.ridge, Progress(False))}
    for module, kind, ranks in step.layers:
        site, item = known[module]
        assert kind in LOW_RANK and KINDS[kind].macs(site, ranks) < site.macs
        best = best_weights(item)
        assert item.error(KINDS[kind].solve(item, best, site, ranks).product) <= error + 1e-9
        if len(ranks) == 1 and ranks[0] > 1:
            fewer = item.error(KINDS[kind].solve(item, best, site, (ranks[0] - 1,)).product)
            assert fewer > error, "one less is too few"
    before, after = (
        profile(found.module, workload.example).macs for found in (workload, changed(tmp_path, workload, step))
    )
    assert after < before


def test_a_larger_error_allows_a_smaller_model(tmp_path: Path) -> None:
    workload = tiny_workload()
    macs = [
        profile(
            changed(tmp_path, workload, choose_low_rank(workload, error, multiple=1, examples=128)).module,
            workload.example,
        ).macs
        for error in (0.02, 0.1, 0.4)
    ]
    assert macs[0] > macs[1] > macs[2]


def test_the_network_becomes_a_mobilenet(tmp_path: Path) -> None:
    workload = tiny_workload()
    step = choose_separable(workload, saving=0.85, examples=128, batch=64)
    assert step.layers == (("features.3", 1), ("features.6", 1)), "the first layer would save 83 %"
    result = changed(tmp_path, workload, step)
    depthwise = result.module.get_submodule("features.3.0")
    assert isinstance(depthwise, nn.Conv2d) and depthwise.groups == depthwise.in_channels == 16
    assert profile(result.module, workload.example).macs < 0.35 * profile(workload.module, workload.example).macs


def test_factorised_models_learn_come_back_and_export(tmp_path: Path) -> None:
    original = tiny_workload()
    context = tiny_context(tmp_path, original)
    low = LowRank((("features.3", "tucker2", (8, 12)), ("classifier", "linear", (3,))), examples=128)
    both = SeparableConvolution((("features.6", 2),), examples=128).apply(low.apply(original, context), context)
    learnt = Distill(epochs=1, batch=64, views=1).apply(both, context)
    assert learnt.changes == both.changes and far(both, learnt) > 1e-4
    save_model(tmp_path / "m.safetensors", learnt.module, learnt.changes)
    again, changes = load_model(tmp_path / "m.safetensors", fresh_net)
    assert changes == learnt.changes and type(again) is TinyNet
    inputs = original.splits.test.take(range(5)).inputs
    with torch.no_grad():
        answers = learnt.module(*inputs)
        assert torch.equal(again.eval()(*inputs), answers)
    export_onnx(learnt.module, inputs, tmp_path / "m.onnx")
    session = onnxruntime.InferenceSession(str(tmp_path / "m.onnx"))
    found = session.run(None, {session.get_inputs()[0].name: inputs[0].numpy()})[0]
    assert torch.allclose(torch.from_numpy(found), answers, atol=1e-4)


def test_cut_models_are_factorised_and_factorised_models_are_cut(tmp_path: Path) -> None:
    original = tiny_workload()
    cut = without(original, {1: (0, 1, 2)})
    step = LowRank((("features.6", "channels", (10,)),), examples=128)
    one = changed(tmp_path, cut, step)
    other = without(changed(tmp_path, original, step), {1: (0, 1, 2)})
    for number, result in enumerate((one, other)):
        save_model(tmp_path / f"{number}.safetensors", result.module, result.changes)
        again, changes = load_model(tmp_path / f"{number}.safetensors", fresh_net)
        assert len(changes) == 2 and changes == result.changes
        inputs = original.example
        with torch.no_grad():
            assert torch.equal(again.eval()(*inputs), result.module.eval()(*inputs))


class Awkward(nn.Module):
    """Layers that nothing may stand in for: shared, in groups, called twice, read by others, mirrored."""

    def __init__(self) -> None:
        super().__init__()
        self.grouped = nn.Conv2d(3, 6, 3, groups=3, padding=1)
        self.mirrored = nn.Conv2d(6, 6, 3, padding=1, padding_mode="reflect")
        self.twice = nn.Conv2d(6, 6, 1)
        self.one, self.other = nn.Linear(6, 6), nn.Linear(6, 6)
        self.other.weight = self.one.weight
        self.looked_into = nn.Linear(6, 6)
        self.plain = nn.Linear(6, 4)

    def forward(self, pictures: Tensor) -> Tensor:
        x = self.twice(self.twice(self.mirrored(self.grouped(pictures)))).mean((2, 3))
        x = self.other(torch.relu(self.one(x)))
        return self.plain(nn.functional.linear(x, self.looked_into.weight))


def test_only_plain_layers_are_replaced(tmp_path: Path) -> None:
    workload = tiny_workload(Awkward().eval())
    batch = calibration_batches(workload.splits.train, examples=4, batch=4, seed=0)[0]
    names = [name for name, _ in workload.module.named_modules() if name]
    assert [site.module for site in find_sites(workload.module, names, batch)] == ["plain"]
    with pytest.raises(LissomError, match="'grouped' is no layer that can be factorised"):
        changed(tmp_path, workload, step_of("channels", "grouped", (2,)))


def test_what_cannot_be_is_refused(tmp_path: Path) -> None:
    workload = tiny_workload()
    with pytest.raises(LissomError, match="cannot become 'tucker3'"):
        LowRank((("features.3", "tucker3", (2,)),))
    with pytest.raises(LissomError, match="cannot have rank") as caught:
        changed(tmp_path, workload, step_of("channels", "features.3", (33,)))
    assert "at most (32,)" in caught.value.hints[0]
    with pytest.raises(LissomError, match="does not fit"):
        changed(tmp_path, workload, step_of("separable", "classifier", (1,)))
    with pytest.raises(LissomError, match="needs fewer multiply-adds"):
        choose_low_rank(workload, 1e-9, multiple=1, examples=64)
    with pytest.raises(LissomError, match="holds nothing"):
        LowRank((), ridge=0.0)
    with pytest.raises(LissomError, match="saves 99%"):
        choose_separable(workload, saving=0.99)
    kept = replace(workload, keep=("features", "classifier"))
    with pytest.raises(LissomError, match="no convolution"):
        choose_separable(kept)
    masked = Sparsify(examples=64).apply(workload, tiny_context(tmp_path, workload))
    with pytest.raises(LissomError, match="held at zero"):
        changed(tmp_path, masked, step_of("channels", "features.3", (3,)))


def test_layers_whose_weights_their_owner_reads_itself_are_replaced_too(tmp_path: Path) -> None:
    """In eval mode an encoder layer of PyTorch hands its weights to one operator; those of low rank, as one."""
    rows, encoder = nn.Flatten(2), nn.TransformerEncoderLayer(64, 4, 32, batch_first=True)
    model = nn.Sequential(rows, nn.Linear(64, 64), encoder, nn.Flatten(1), nn.Linear(192, 4)).eval()
    names = [name for name, _ in model.named_modules() if name]
    batch = tiny_workload(model).splits.train.take(range(4))
    assert [site.module for site in find_sites(model, names, batch)] == ["1", "2.linear1", "2.linear2", "4"]
    small = changed(
        tmp_path, tiny_workload(model), LowRank((("2.linear1", "linear", (6,)),), examples=64)
    ).module.eval()
    assert isinstance(small[2].linear1, nn.Sequential) and small[2].linear1.weight.shape == (32, 64)
    with torch.no_grad():
        fused = small(*batch.inputs)
        torch.backends.mha.set_fastpath_enabled(False)
        try:
            plain = small(*batch.inputs)
        finally:
            torch.backends.mha.set_fastpath_enabled(True)
    torch.testing.assert_close(fused, plain, rtol=1e-4, atol=1e-5)
