"""Sums in whole numbers are the same in single and double precision, in any order, and near to what they stand for."""

import copy
from collections.abc import Callable
from dataclasses import dataclass

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from lissom.layers.exact import LIMIT, MOST, ExactConvolution, units, whole

Layer = nn.Conv2d | nn.ConvTranspose2d
LAYERS: dict[str, Callable[[], Layer]] = {
    "pointwise": lambda: nn.Conv2d(24, 10, 1),
    "wide": lambda: nn.Conv2d(640, 6, 1),
    "strided": lambda: nn.Conv2d(8, 10, 3, stride=2, padding=1),
    "no bias": lambda: nn.Conv2d(8, 10, 3, padding=1, bias=False),
    "depthwise": lambda: nn.Conv2d(8, 8, 3, padding=1, groups=8),
    "in groups": lambda: nn.Conv2d(8, 12, 3, groups=2),
    "transposed": lambda: nn.ConvTranspose2d(8, 6, 4, stride=2, padding=1),
    "transposed in groups": lambda: nn.ConvTranspose2d(8, 12, 4, stride=2, padding=1, groups=2),
    "transposed with gaps": lambda: nn.ConvTranspose2d(8, 6, 3, stride=2, dilation=2),
}


@dataclass
class Case:
    """A layer, values for it with channels of very different sizes, both in whole numbers, and units of outputs."""

    layer: Layer
    values: Tensor
    exact: ExactConvolution
    numbers: Tensor
    after: Tensor


def case(kind: str, seed: int = 0, *, rectified: bool = False, rectify: bool = False) -> Case:
    torch.manual_seed(seed)
    layer = LAYERS[kind]().requires_grad_(requires_grad=False)
    sizes = torch.logspace(-2, 2, layer.in_channels)[torch.randperm(layer.in_channels)]
    values = torch.randn(2, layer.in_channels, 9, 7) * sizes[:, None, None]
    values = values.clamp(min=0) if rectified else values
    before, after = (units(maps.abs().amax((0, 2, 3))) for maps in (values, layer(values)))
    exact = ExactConvolution(layer, before, after, rectified=rectified, rectify=rectify)
    return Case(layer, values, exact, whole(values, before), after)


@pytest.mark.parametrize("kind", LAYERS)
@pytest.mark.parametrize("rectified", [False, True])
@pytest.mark.parametrize("rectify", [False, True])
def test_it_does_what_the_layer_does(kind: str, rectified: bool, rectify: bool) -> None:
    made = case(kind, rectified=rectified, rectify=rectify)
    found = made.exact(made.numbers) * made.after[:, None, None]
    whole_layer = made.layer(made.values)
    expected = whole_layer.clamp(min=0) if rectify else whole_layer
    apart, size = (maps.square().mean((0, 2, 3)).sqrt() for maps in (found - expected, whole_layer))
    assert (apart / size).max() < (0.06 if kind == "wide" else 0.02), "640 weights have few digits each"


@pytest.mark.parametrize("kind", LAYERS)
@given(seed=st.integers(0, 1000), rectified=st.booleans(), largest=st.booleans())
@settings(max_examples=20, deadline=None)
def test_single_precision_is_exact(kind: str, seed: int, rectified: bool, largest: bool) -> None:
    """Also for the largest whole numbers that there may be."""
    exact = case(kind, seed, rectified=rectified).exact
    drawn = torch.randint(0 if rectified else -int(MOST), int(MOST) + 1, (1, exact.layer.in_channels, 8, 8)).float()
    numbers = drawn.sign() * MOST if largest else drawn
    sums = copy.deepcopy(exact.layer).double()(numbers.double())
    assert sums.abs().max() < LIMIT
    assert torch.equal(exact.layer(numbers).double(), sums)
    order = torch.randperm(exact.layer.in_channels)
    if exact.layer.groups == 1:
        other = copy.deepcopy(exact.layer)
        dimension = 0 if isinstance(other, nn.ConvTranspose2d) else 1
        other.weight.copy_(other.weight.index_select(dimension, order))
        assert torch.equal(other(numbers[:, order]), exact.layer(numbers)), "added in another order"


@pytest.mark.parametrize("kind", LAYERS)
@pytest.mark.parametrize("rectified", [False, True])
def test_no_sum_is_too_large_where_all_signs_agree(kind: str, rectified: bool) -> None:
    """Every input is the largest there is, with the sign of the weight that it meets at one place of the output."""
    layer = copy.deepcopy(case(kind, rectified=rectified).exact.layer).double()
    numbers = torch.zeros(1, layer.in_channels, 8, 8, dtype=torch.float64, requires_grad=True)
    reached: list[float] = []
    for channel in range(layer.out_channels):
        for row, column in ((2, 2), (2, 3), (3, 2), (3, 3)):  # of a transposed one each meets other weights
            (slope,) = torch.autograd.grad(layer(numbers)[0, channel, row, column], numbers)
            for sign in (1, -1):
                worst = MOST * ((sign * slope > 0).double() if rectified else (sign * slope).sign())
                reached.append(float(layer(worst)[0, channel, row, column].abs()))
    assert LIMIT / 8 < max(reached) < LIMIT, "digits are used, and none too many"


def test_values_are_cut_off_and_rounded() -> None:
    unit = units(torch.tensor([1.0, 0.0]))
    assert unit[0].log2() == unit[0].log2().round() and unit[0] * MOST >= 1 and unit[1] > 0
    found = whole(torch.tensor([[[[0.0, 1e6, -1e6, 0.3]]]]), unit[:1])
    assert found.flatten().tolist()[:3] == [0, MOST, -MOST]
    assert abs(found.flatten()[3] * unit[0] - 0.3) <= unit[0] / 2
