"""Counters against arithmetic, operator by operator, through a real forward."""

from collections.abc import Callable, Iterator

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from lissom.core.errors import LissomError
from lissom.cost import COUNTERS, counter, profile


class Call(nn.Module):
    """A function as a module, with one weight."""

    def __init__(self, function: Callable[..., Tensor], *shape: int) -> None:
        super().__init__()
        self.function = function
        self.weight = nn.Parameter(torch.zeros(shape))

    def forward(self, *inputs: Tensor) -> Tensor:
        return self.function(*inputs, self.weight)


@pytest.mark.parametrize(
    ("layer", "shape", "macs"),
    [
        (nn.Linear(5, 7), (2, 5), 2 * 5 * 7),
        (nn.Linear(5, 7, bias=False), (2, 3, 5), 2 * 3 * 5 * 7),
        (nn.Conv2d(4, 6, 3, padding=1), (2, 4, 8, 8), 2 * 6 * 64 * 4 * 9),
        (nn.Conv2d(4, 8, 3, stride=2, padding=1, groups=4), (1, 4, 8, 8), 8 * 16 * 9),
        (nn.Conv2d(4, 6, 3, dilation=2), (1, 4, 8, 8), 6 * 16 * 4 * 9),
        (nn.Conv1d(4, 6, 3), (1, 4, 8), 6 * 6 * 4 * 3),
        (nn.Conv3d(2, 3, 2), (1, 2, 4, 4, 4), 3 * 27 * 2 * 8),
        (nn.ConvTranspose2d(4, 6, 2, stride=2), (1, 4, 5, 5), 4 * 25 * 6 * 4),
        (nn.Bilinear(3, 4, 5), (2, 3), 2 * 3 * 4 * 5),
        (nn.LSTM(3, 4), (6, 2, 3), 6 * 2 * (4 * 4 * 3 + 4 * 4 * 4)),
        (nn.LSTM(3, 4, bidirectional=True), (6, 2, 3), 2 * 6 * 2 * (4 * 4 * 3 + 4 * 4 * 4)),
        (nn.GRU(3, 4), (6, 2, 3), 6 * 2 * (3 * 4 * 3 + 3 * 4 * 4)),
    ],
)
def test_layers(layer: nn.Module, shape: tuple[int, ...], macs: int) -> None:
    inputs = (torch.zeros(shape),)
    if isinstance(layer, nn.Bilinear):
        inputs += (torch.zeros(2, 4),)
    result = profile(layer, inputs)
    assert (result.macs, result.attention_macs, result.uncounted) == (macs, 0, ())


@pytest.mark.parametrize(
    ("function", "weight", "macs"),
    [
        (torch.matmul, (5, 7), 6 * 5 * 7),
        (lambda x, w: torch.einsum("bti,io->bto", x, w), (5, 7), 6 * 5 * 7),
        (lambda x, w: torch.bmm(x, w.expand(2, 5, 7)), (5, 7), 6 * 5 * 7),
        (lambda x, w: x @ (w / w.std()), (5, 7), 6 * 5 * 7),  # standardised weights are weights
        (lambda x, w: x @ w[:, :2].t().t(), (5, 7), 6 * 5 * 2),
    ],
)
def test_products_with_a_weight(function: Callable[..., Tensor], weight: tuple[int, ...], macs: int) -> None:
    result = profile(Call(function, *weight), (torch.zeros(2, 3, 5),))
    assert (result.macs, result.attention_macs) == (macs, 0)


def test_a_product_of_two_activations_is_attention() -> None:
    result = profile(Call(lambda x, w: (x + w) @ x.transpose(1, 2), 5), (torch.zeros(2, 3, 5),))
    assert (result.macs, result.attention_macs) == (0, 2 * 3 * 3 * 5)


def test_an_empty_tensor_that_data_are_written_into_is_an_activation() -> None:
    def written(x: Tensor, weight: Tensor) -> Tensor:
        buffer = torch.zeros(5, 5)
        buffer.copy_(x)
        return buffer @ x

    assert profile(Call(written, 1), (torch.zeros(5, 5),)).attention_macs == 125


@pytest.mark.parametrize("causal", [False, True])
def test_fused_attention_counts_both_products(causal: bool) -> None:
    def attend(query: Tensor, key: Tensor, weight: Tensor) -> Tensor:
        return functional.scaled_dot_product_attention(query, key, key * weight, is_causal=causal)

    result = profile(Call(attend, 1), (torch.zeros(2, 4, 6, 8), torch.zeros(2, 4, 6, 8)))
    assert (result.macs, result.attention_macs, result.uncounted) == (0, 2 * 2 * 4 * 6 * 6 * 8, ())


def test_multihead_attention_is_split_into_layers_and_attention() -> None:
    tokens = torch.zeros(2, 6, 8)
    result = profile(nn.MultiheadAttention(8, 2, batch_first=True), (tokens, tokens, tokens))
    assert result.macs == 2 * 6 * 8 * 8 * 4
    assert result.attention_macs == 2 * 2 * 6 * 6 * 8
    assert result.all_macs == result.macs + result.attention_macs == sum(layer.all_macs for layer in result.layers)
    assert torch.backends.mha.get_fastpath_enabled()


@pytest.fixture
def added() -> Iterator[str]:
    name = "aten.relu"
    counter(name)(lambda out, *args: out.numel())
    yield name
    del COUNTERS[name]


def test_a_counter_of_ones_own(added: str) -> None:
    assert profile(nn.ReLU(), (torch.zeros(2, 3),)).macs == 6


def test_adding_twice_is_an_error(added: str) -> None:
    with pytest.raises(LissomError, match=r"a counter for aten\.relu already"):
        counter(added)(lambda out: 0)
