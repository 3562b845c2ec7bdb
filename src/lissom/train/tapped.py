"""A model that also gives what some of its layers put out. Nothing stays on the model between two calls."""

import difflib
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from torch import Tensor, nn

from lissom.core.errors import LissomError


class Seen(NamedTuple):
    """What a model answers, and by name of a layer what that puts out."""

    outputs: Any
    features: dict[str, Tensor]


def in_float(found: Any) -> Any:
    """Outputs in FP32, whatever they were computed in: what a loss does with them needs it."""
    if isinstance(found, Seen):
        return Seen(in_float(found.outputs), {name: in_float(value) for name, value in found.features.items()})
    return found.float() if isinstance(found, Tensor) and found.is_floating_point() else found


class Tapped(nn.Module):
    """Runs a model and gives the outputs of named layers beside its own.

    Hooks are there during a call alone, so the model can be copied, saved, exported, and wrapped for training with
    several processes as it is: everything that the loss reads comes out of ``forward``.

    Args:
        module: the model.
        names: of layers; of one that is called several times the last output counts, of one that gives several
            tensors the first.

    Raises:
        LissomError: the model has no layer of one of the names.
    """

    def __init__(self, module: nn.Module, names: Sequence[str]) -> None:
        super().__init__()
        self.module, self.names = module, tuple(dict.fromkeys(names))
        check_names(module, self.names)

    def forward(self, *inputs: Any) -> Seen:
        features: dict[str, Tensor] = {}
        handles = [
            self.module.get_submodule(name).register_forward_hook(_keeper(name, features)) for name in self.names
        ]
        try:
            outputs = self.module(*inputs)
        finally:
            for handle in handles:
                handle.remove()
        absent = [name for name in self.names if name not in features]
        if absent:
            raise LissomError(f"the layer {absent[0]!r} is not called, or gives no tensor", hint="name another one")
        return Seen(outputs, features)


def check_names(module: nn.Module, names: Sequence[str]) -> None:
    """Refuse names of layers that a model does not have.

    Raises:
        LissomError: naming near ones.
    """
    known = [name for name, _ in module.named_modules() if name]
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=3) or known[:3]
            raise LissomError(
                f"this {type(module).__name__} has no layer called {name!r}", hint=f"near: {', '.join(near)}"
            )


def _keeper(name: str, features: dict[str, Tensor]) -> Callable[[nn.Module, Any, Any], None]:
    def keep(module: nn.Module, inputs: Any, output: Any) -> None:
        first = (
            output
            if isinstance(output, Tensor)
            else next(iter(output.values() if isinstance(output, dict) else output), None)
        )
        if isinstance(first, Tensor):
            features[name] = first

    return keep
