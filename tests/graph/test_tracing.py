import contextlib
import logging
import sys

import pytest
import torch
from torch import nn
from torch._decomp import meta_table
from torch._export import non_strict_utils

from lissom.core.errors import CaptureError
from lissom.graph import capture
from lissom.graph.tracing import BATCH_NORM, lean_tracing, shapes_at_once


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
    with pytest.raises(
        CaptureError, match=r"depends on values: .*nonzero.* at test_tracing.py:\d+ \(return x\[x > 0\] \* 2\)"
    ):
        capture(Chosen(), (torch.randn(4),))


class Swallowing(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        with contextlib.suppress(RuntimeError):
            x = x * x[x > 0].sum()
        return x * 2


def test_a_forward_that_catches_what_tracing_raises_is_refused_all_the_same() -> None:
    with pytest.raises(CaptureError, match="size depends on values"):
        capture(Swallowing(), (torch.randn(4),))


def test_a_failed_capture_leaves_everything_as_it_was() -> None:
    def state() -> tuple[object, ...]:
        return non_strict_utils.ShapeEnv, dict(meta_table), logging.root.manager.disable, sys.stdout, sys.stderr

    before = state()
    with pytest.raises(CaptureError):
        capture(Chosen(), (torch.randn(4),))
    assert state() == before


@pytest.mark.parametrize(
    "gone",
    [
        "torch._decomp.meta_table",
        "torch._export.non_strict_utils.ShapeEnv",
        "torch.fx._lazy_graph_module._use_lazy_graph_module",
    ],
)
def test_a_private_name_that_is_gone_is_done_without(gone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(gone)
    with lean_tracing():
        pass
