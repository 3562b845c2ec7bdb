import pytest
import torch
from torch import nn
from torch._decomp import meta_table

from lissom.core.errors import CaptureError
from lissom.graph import capture
from lissom.graph.tracing import BATCH_NORM, shapes_at_once


def test_the_table_of_kernels_for_shapes_is_as_before_afterwards() -> None:
    before = dict(meta_table)
    with shapes_at_once():
        assert BATCH_NORM in meta_table
    assert meta_table == before


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_batch_norm_is_captured_with_the_shapes_and_strides_that_it_has(layout: torch.memory_format) -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU())
    inputs = torch.randn(2, 3, 8, 8).to(memory_format=layout)
    (norm,) = [n for n in capture(model, (inputs,)).parts[0].graph.nodes if "batch_norm" in str(n.target)]
    answer = model.eval()[:2](inputs)
    assert (norm.meta["val"].shape, norm.meta["val"].stride()) == (answer.shape, answer.stride())


class Chosen(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x[x > 0] * 2


def test_a_size_that_depends_on_values_is_named_with_its_line() -> None:
    with pytest.raises(CaptureError, match=r"whose size depends on values \(.*\(return x\[x > 0\] \* 2\)\)"):
        capture(Chosen(), (torch.randn(4),))
