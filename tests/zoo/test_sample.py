"""The sample network and its separable twin: keys, counts and shapes that others rely on."""

import pytest
import torch

from lissom.zoo import build


@pytest.mark.parametrize(
    ("name", "num_classes", "parameters"),
    [
        ("sample", 1000, 7_317_224),
        ("sample", 10, 6_302_474),
        ("sample_separable", 1000, 1_739_176),
    ],
)
def test_exact_parameters(name: str, num_classes: int, parameters: int) -> None:
    model = build(name, num_classes=num_classes)
    assert sum(parameter.numel() for parameter in model.parameters()) == parameters


def test_keys_are_those_of_a_plain_sequence() -> None:
    modules = {key.partition(".")[0] for key in build("sample", num_classes=10).state_dict()}
    assert modules == {str(k) for k in (0, 1, 3, 4, 6, 7, 9, 10, 12, 13, 15, 16, 20)}


def test_a_quarter_of_the_widths() -> None:
    model = build("sample", num_classes=10, width=0.25)
    assert sum(parameter.numel() for parameter in model.parameters()) == 397_130


@pytest.mark.parametrize("name", ["sample", "sample_separable"])
@pytest.mark.parametrize("pixels", [28, 64])
def test_any_input_size(name: str, pixels: int) -> None:
    model = build(name, num_classes=10).eval()
    with torch.no_grad():
        assert model(torch.zeros(1, 3, pixels, pixels)).shape == (1, 10)
