"""Our peak beside what torch's allocator saw, on ten networks."""

import pytest
import torch

from lissom.cost import profile
from lissom.cost.allocator import _peak, allocator_peak, run_graph
from lissom.zoo import build

FAST = ("mobilenet_v2", "squeezenet1_1")
SLOW = (
    "sample",
    "shufflenet_v2_x0_5",
    "mobilenet_v1_x1_0",
    "mobilenet_v3_small",
    "shufflenet_v1_g3_x1_0",
    "squeezenet1_0_complex_bypass",
    "resnet18",
    "efficientnet_b0",
    "mobilenetv4_hybrid_medium",
)


@pytest.mark.parametrize("name", [*FAST, *(pytest.param(name, marks=pytest.mark.slow) for name in SLOW)])
def test_peak_is_within_five_percent(name: str) -> None:
    inputs = (torch.zeros(1, 3, 64, 64),)
    model = build(name).eval()
    seen = allocator_peak(run_graph(model, inputs), inputs)
    assert profile(model, inputs).peak_memory_bytes == pytest.approx(seen.live_bytes, rel=0.05)
    assert seen.all_bytes >= seen.live_bytes


def test_workspace_within_a_span_is_left_out() -> None:
    memory = [(1, 100), (3, 500), (4, 30), (5, -500), (9, -100)]
    assert _peak(memory, []) == 630
    assert _peak(memory, [(2, 6)]) == 130
