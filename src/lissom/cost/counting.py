"""Profile a model: run one forward, watched, and add up."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from lissom.core.errors import LissomError
from lissom.cost.records import Layer, Profile, Uncounted
from lissom.cost.trace import OperatorWatch, Trace, Work, module_stack, plain_attention, tensors_in


def profile(model: nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any] | None = None) -> Profile:
    """Count what one forward costs, by layer and in total.

    The model runs once in eval mode without gradients, on the device it is on (``meta`` works too and
    computes nothing). Afterwards it is as it was: mode restored, no hooks.

    Args:
        model: any module.
        args: positional inputs of its forward, such as ``(torch.zeros(1, 3, 224, 224),)``.
        kwargs: keyword inputs.

    Raises:
        LissomError: ``args`` is a single tensor instead of a sequence of inputs.
    """
    if isinstance(args, Tensor):
        raise LissomError(
            f"args is one tensor of shape {tuple(args.shape)}, not a sequence of inputs",
            hint="write profile(model, (x,))",
        )
    trace = run_watched(model, tuple(args), dict(kwargs or {}))
    layers = tuple(_layers(model, trace))
    peak_memory_bytes, peak_step = trace.lifetimes.peak()
    return Profile(
        model=type(model).__name__,
        inputs=tuple(tuple(tensor.shape) for tensor in tensors_in([args, kwargs])),
        layers=layers,
        parameters=sum(layer.parameters for layer in layers),
        macs=sum(layer.macs for layer in layers),
        attention_macs=sum(layer.attention_macs for layer in layers),
        peak_memory_bytes=peak_memory_bytes,
        peak_layer=trace.owner_of_step[min(peak_step, len(trace.owner_of_step) - 1)],
        size_bytes=state_dict_bytes(model),
        uncounted=tuple(
            Uncounted(operator, sum(owners.values()), tuple(owners)) for operator, owners in trace.uncounted.items()
        ),
    )


def run_watched(model: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Trace:
    """Run one forward in eval mode without gradients, and give what was written down."""
    trace = Trace()
    trace.lifetimes.add_constants([*model.parameters(), *model.buffers()])
    trace.lifetimes.add_inputs(tensors_in([args, kwargs]))
    with _eval_mode(model), torch.no_grad(), plain_attention(), module_stack(model, trace) as stack:
        with OperatorWatch(trace, stack):
            output = model(*args, **kwargs)
        trace.lifetimes.add_outputs(tensors_in(output))
    return trace


def state_dict_bytes(model: nn.Module) -> int:
    """Bytes of all parameters and buffers that are saved, tied ones once."""
    sizes: dict[tuple[object, ...], int] = {}
    for value in model.state_dict().values():
        if isinstance(value, Tensor):
            place = (value.untyped_storage()._cdata, value.storage_offset(), value.numel())
            sizes[place] = value.numel() * value.element_size()
    return sum(sizes.values())


def _layers(model: nn.Module, trace: Trace) -> Iterator[Layer]:
    modules = dict(model.named_modules())
    ran = [name for name in trace.work if name in modules]
    seen: set[int] = set()
    owned = {name: _own_parameters(module, seen) for name, module in modules.items()}
    for name in [*ran, *(name for name in modules if name not in trace.work)]:
        work = trace.work.get(name, Work())
        # A container that only calls its children has no line of its own.
        if name in trace.work or owned[name]:
            yield Layer(
                name=name,
                kind=type(modules[name]).__name__,
                output_shape=trace.output_shapes.get(name, ()),
                parameters=owned[name],
                macs=work.macs,
                attention_macs=work.attention_macs,
                activation_bytes=work.activation_bytes,
                calls=trace.calls[name],
            )


def _own_parameters(module: nn.Module, seen: set[int]) -> int:
    new = [parameter for parameter in module.parameters(recurse=False) if id(parameter) not in seen]
    seen.update(id(parameter) for parameter in new)
    return sum(parameter.numel() for parameter in new)


@contextmanager
def _eval_mode(model: nn.Module) -> Iterator[None]:
    modes = {module: module.training for module in model.modules()}
    model.eval()
    try:
        yield
    finally:
        for module, training in modes.items():
            module.training = training
