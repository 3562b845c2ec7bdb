"""What torch's CPU allocator sees of a forward: the check of the peak that ``profile`` computes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.profiler import ProfilerActivity
from torch.profiler import profile as torch_profile

# Convolutions allocate room of their own to reorder operands; it differs by processor and library version.
_WITH_WORKSPACE = ("aten::convolution", "aten::_convolution", "aten::mkldnn_convolution")


@dataclass(frozen=True)
class AllocatorPeak:
    """Peaks in bytes, inputs included, parameters not.

    ``live_bytes`` leaves out what a convolution allocates and frees within itself, ``all_bytes`` does not.
    """

    live_bytes: int
    all_bytes: int


def allocator_peak(run: Callable[[], Any], inputs: Sequence[Tensor]) -> AllocatorPeak:
    """Run something and follow the allocator through it.

    Args:
        run: a forward without arguments.
        inputs: allocated before and held throughout.
    """
    with torch.no_grad(), torch_profile(activities=[ProfilerActivity.CPU], profile_memory=True) as recorded:
        output = run()
    del output
    assert recorded.profiler is not None and recorded.profiler.kineto_results is not None
    events = recorded.profiler.kineto_results.events()
    memory = [
        (event.start_ns(), event.nbytes())  # pyright: ignore[reportAttributeAccessIssue] missing in the stub
        for event in events
        if event.name() == "[memory]"
    ]
    spans = [
        (event.start_ns(), event.start_ns() + event.duration_ns())
        for event in events
        if event.name() in _WITH_WORKSPACE
    ]
    held = sum(tensor.untyped_storage().nbytes() for tensor in inputs)
    return AllocatorPeak(held + _peak(memory, spans), held + _peak(memory, []))


def run_graph(model: nn.Module, args: tuple[Any, ...]) -> Callable[[], Any]:
    """A forward that frees every value after its last use, as runtimes do: the exported graph, interpreted.

    A forward in Python may hold values longer, in local variables of functions that are not finished.
    """
    graph = torch.export.export(model.eval(), args, strict=False).module()
    interpreter = torch.fx.Interpreter(graph)
    return lambda: interpreter.run(*args)


def _peak(memory: Sequence[tuple[int, int]], spans: Sequence[tuple[int, int]]) -> int:
    """The highest sum of ``memory`` (time, bytes), not looked at within ``spans`` but at their ends."""
    # At one time, changes come before the end of a span.
    changes = [(time, 0, size) for time, size in memory]
    starts = [(start, 2, 1) for start, _ in spans]
    ends = [(end, 1, -1) for _, end in spans]
    live = peak = inside = 0
    for _, kind, value in sorted([*changes, *starts, *ends]):
        if kind == 0:
            live += value
        else:
            inside += value
        if inside == 0:
            peak = max(peak, live)
    return peak
