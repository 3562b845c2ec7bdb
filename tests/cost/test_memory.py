"""Peak memory by arithmetic on small networks: views, in-place operators, last uses, branches."""

import torch
from torch import Tensor, nn

from lissom.cost import profile
from lissom.cost.memory import Lifetimes

KB = 1000  # of 250 numbers


class Chain(nn.Module):
    """``x`` -> a -> b -> c, each 1 kB."""

    def forward(self, x: Tensor) -> Tensor:
        return ((x + 1) * 2).abs()


class Branch(nn.Module):
    """The first result is used again at the end."""

    def forward(self, x: Tensor) -> Tensor:
        kept = x + 1
        return ((kept * 2).abs() - 1) + kept


class Views(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.view(10, 25).t().flatten()[:10].relu_()


class Held(nn.Module):
    """A local variable that is never used again does not count."""

    def forward(self, x: Tensor) -> Tensor:
        forgotten = x + 1
        result = x * 2
        result = result + 1
        del forgotten
        return result


def _peak(model: nn.Module) -> int:
    return profile(model, (torch.zeros(250),)).peak_memory_bytes


def test_a_chain_holds_input_and_two_results() -> None:
    assert _peak(Chain()) == 3 * KB


def test_in_place_operators_make_nothing() -> None:
    assert _peak(nn.Sequential(nn.ReLU(inplace=True), nn.ReLU(inplace=True))) == KB


def test_a_branch_is_held_until_it_is_used() -> None:
    assert _peak(Branch()) == 4 * KB


def test_views_make_nothing_but_a_copy_does() -> None:
    assert _peak(Views()) == 2 * KB


def test_what_is_not_used_again_is_freed() -> None:
    assert _peak(Held()) == 3 * KB


def test_parameters_are_not_activations() -> None:
    assert _peak(nn.Linear(250, 250)) == 2 * KB


def test_the_place_of_the_peak_is_named() -> None:
    model = nn.Sequential(nn.Linear(250, 10), nn.Linear(10, 1000), nn.Linear(1000, 2))
    result = profile(model, (torch.zeros(1, 250),))
    assert (result.peak_memory_bytes, result.peak_layer) == (KB + 40 + 4 * KB, "1")


def test_a_reused_address_is_another_tensor() -> None:
    lifetimes = Lifetimes()
    for _ in range(50):
        made = torch.empty(1000)
        assert lifetimes.record([], [made]) == 4000
        del made
    assert lifetimes.peak() == (4000, 1)


def test_a_tensor_that_the_model_keeps_elsewhere_is_no_activation() -> None:
    kept = torch.zeros(250, 250)

    class Closure(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x @ kept

    result = profile(Closure(), (torch.zeros(1, 250),))
    assert (result.peak_memory_bytes, result.macs, result.attention_macs) == (2 * KB, 250 * 250, 0)
