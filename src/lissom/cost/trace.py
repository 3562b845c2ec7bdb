"""Watch one forward at the level of ATen operators and write down what each module did.

Modules are followed with hooks for all modules of the process, so nothing is hung on the user's model.
"""

from collections import Counter as Tally
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules import module as module_hooks
from torch.utils._python_dispatch import TorchDispatchMode

from lissom.cost.counters import COUNTERS
from lissom.cost.free import is_free
from lissom.cost.memory import Lifetimes


@dataclass
class Work:
    """What one module did itself, without its children."""

    macs: int = 0
    attention_macs: int = 0
    activation_bytes: int = 0


@dataclass
class Trace:
    """What is written down during one forward, by module name; ``work`` in order of the first operator."""

    work: dict[str, Work] = field(default_factory=dict[str, Work])
    calls: Tally[str] = field(default_factory=Tally[str])
    output_shapes: dict[str, tuple[int, ...]] = field(default_factory=dict[str, tuple[int, ...]])
    uncounted: dict[str, Tally[str]] = field(default_factory=dict[str, Tally[str]])
    lifetimes: Lifetimes = field(default_factory=Lifetimes)
    owner_of_step: list[str] = field(default_factory=lambda: [""])


def tensors_in(value: Any) -> Iterator[Tensor]:
    """All tensors in nested lists, tuples, sets, dictionaries and dataclasses."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, list | tuple | set):
        for item in value:
            yield from tensors_in(item)
    elif isinstance(value, dict):
        yield from tensors_in(list(value.values()))
    elif is_dataclass(value) and not isinstance(value, type):
        yield from tensors_in([getattr(value, item.name) for item in fields(value)])


class OperatorWatch(TorchDispatchMode):
    """Runs each operator as it is and adds what it costs to the module that is running."""

    def __init__(self, trace: Trace, stack: list[str]) -> None:
        super().__init__()
        self.trace = trace
        self.stack = stack

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Called by torch for every operator."""
        kwargs = kwargs or {}
        out = func(*args, **kwargs)
        owner = self.stack[-1]
        work = self.trace.work.setdefault(owner, Work())
        self._count(work, owner, func, out, args, kwargs)
        inputs = tensors_in([args, kwargs])
        work.activation_bytes += self.trace.lifetimes.record(inputs, tensors_in(out))
        self.trace.owner_of_step.append(owner)
        return out

    def _count(
        self, work: Work, owner: str, func: Any, out: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        name = str(func.overloadpacket)
        counter = COUNTERS.get(name)
        if counter is None:
            if not is_free(name, func):
                self.trace.uncounted.setdefault(name, Tally())[owner] += 1
            return
        macs = counter.count(out, *args, **kwargs)
        operands = [args[position] for position in counter.operands]
        if operands and not any(self.trace.lifetimes.is_constant(operand) for operand in operands):
            work.attention_macs += macs
        else:
            work.macs += macs


@contextmanager
def module_stack(model: nn.Module, trace: Trace) -> Iterator[list[str]]:
    """Give the names of the modules of ``model`` that are running, outermost first."""
    names = {id(module): name for name, module in model.named_modules()}
    stack: list[str] = [""]

    def enter(module: nn.Module, inputs: Any) -> None:
        name = names.get(id(module))
        if name is not None:
            stack.append(name)
            trace.calls[name] += 1

    def leave(module: nn.Module, inputs: Any, output: Any) -> None:
        name = names.get(id(module))
        if name is not None and stack[-1] == name:
            stack.pop()
            shape = next((tuple(tensor.shape) for tensor in tensors_in(output)), ())
            trace.output_shapes[name] = shape

    entering = module_hooks.register_module_forward_pre_hook(enter)
    leaving = module_hooks.register_module_forward_hook(leave, always_call=True)
    try:
        yield stack
    finally:
        entering.remove()
        leaving.remove()


@contextmanager
def plain_attention() -> Iterator[None]:
    """Keep ``nn.MultiheadAttention`` from running as one operator that hides its layers."""
    enabled = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(enabled)
