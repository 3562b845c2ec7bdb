"""Which operators of a LiteRT file XNNPACK leaves to slow kernels."""

from typing import Any

import pytest

from lissom.targets.litert_model import left_over

# a convolution and a sum, with an operator between them: 0 -> 2 -> 3 -> 5; 1 and 4 are weights
CHAIN = (("CONV_2D", (0, 1), (2,)), ("HARD_SWISH", (2,), (3,)), ("ADD", (3, 4), (5,)))


def listed(*operators: tuple[str, tuple[int, ...], tuple[int, ...]]) -> list[dict[str, Any]]:
    return [
        {"index": number, "op_name": name, "inputs": inputs, "outputs": outputs}
        for number, (name, inputs, outputs) in enumerate(operators)
    ]


@pytest.mark.parametrize(
    ("delegates", "left"),
    [
        ((), {"ADD": 1, "CONV_2D": 1, "HARD_SWISH": 1}),
        ((("DELEGATE", (0, 1, 4), (5,)),), {}),
        ((("DELEGATE", (0, 1), (2,)), ("DELEGATE", (3, 4), (5,))), {"HARD_SWISH": 1}),
    ],
    ids=["nothing is taken over", "everything", "what stands between two parts is left"],
)
def test_what_no_delegate_takes_over_is_left(delegates: tuple[Any, ...], left: dict[str, int]) -> None:
    assert left_over(listed(*CHAIN, *delegates)) == left
