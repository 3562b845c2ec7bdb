"""The residual blocks of a model: what can be left out so that its input goes through."""

import copy
from collections import Counter
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.modules.batchnorm import _NormBase

_ALIKE = 0.8
_SAME = 0.9999
_NORMS = (_NormBase, nn.LayerNorm, nn.GroupNorm, nn.RMSNorm)


@dataclass(frozen=True)
class Block:
    """A module that adds something to what it is given.

    ``items`` is the length of the tuple that it answers with, 0 where it answers with a tensor alone;
    ``parameters`` is how many go with it.
    """

    name: str
    items: int
    parameters: int


@dataclass(frozen=True)
class _Call:
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    output: Any

    @property
    def read(self) -> Tensor | None:
        return next((v for v in (*self.args, *self.kwargs.values()) if isinstance(v, Tensor)), None)

    @property
    def written(self) -> Tensor | None:
        """The one tensor that it answers with."""
        items: Any = self.output if isinstance(self.output, tuple) else (self.output,)
        first, *others = items or (None,)
        return first if isinstance(first, Tensor) and all(other is None for other in others) else None

    @property
    def keeps_shape(self) -> bool:
        read, written = self.read, self.written
        return read is not None and written is not None and read.shape == written.shape and read.is_floating_point()


@torch.no_grad()
def find_blocks(module: nn.Module, inputs: tuple[Tensor, ...]) -> list[Block]:
    """The residual blocks and transformer layers of ``module``, in the order in which they are defined.

    A block is called once, answers with a tensor of the shape that it was given, and, with its weights at zero,
    still hands on what it was given. It is as large as possible, but holds no two of a kind: those are blocks.

    Args:
        module: the model; it is not changed.
        inputs: a batch of positional inputs.
    """
    model = copy.deepcopy(module).eval()
    calls = {name: call for name, call in _calls(model, inputs).items() if _passes(model.get_submodule(name), call)}
    kinds = {name: type(model.get_submodule(name)) for name in calls}
    single = {name for name in calls if not _holds_two(name, kinds) and not _is_shell(name, kinds, model)}
    outermost = [name for name in calls if name in single and not any(_inside(name, other) for other in single)]
    return [Block(name, _items(calls[name].output), _parameters(model.get_submodule(name))) for name in outermost]


def _items(output: Any) -> int:
    return len(output) if isinstance(output, tuple) else 0  # pyright: ignore[reportUnknownArgumentType]


def _parameters(part: nn.Module) -> int:
    return sum(parameter.numel() for parameter in part.parameters())


def _inside(name: str, other: str) -> bool:
    return name.startswith(f"{other}.")


def _holds_two(name: str, kinds: dict[str, type]) -> bool:
    inner = Counter(kind for other, kind in kinds.items() if _inside(other, name))
    return any(count > 1 for count in inner.values())


def _is_shell(name: str, kinds: dict[str, type], model: nn.Module) -> bool:
    """Whether it is a sequence around a single block."""
    part = model.get_submodule(name)
    return isinstance(part, nn.Sequential) and len(part) == 1 and any(_inside(other, name) for other in kinds)


def _calls(model: nn.Module, inputs: tuple[Tensor, ...]) -> dict[str, _Call]:
    """The one call of each module that is called once, holds weights, and keeps the shape."""
    seen: dict[str, list[_Call]] = {}
    for name, part in model.named_modules():
        if name and any(parameter.dim() > 1 for parameter in part.parameters()):

            def hook(_: nn.Module, args: Any, kwargs: Any, output: Any, name: str = name) -> None:
                seen.setdefault(name, []).append(_Call(args, kwargs, output))

            part.register_forward_hook(hook, with_kwargs=True)  # the model is a copy of our own
    model(*inputs)
    for part in model.modules():
        part._forward_hooks.clear()
        part._forward_hooks_with_kwargs.clear()
    order = [name for name, _ in model.named_modules() if name in seen]
    return {name: seen[name][0] for name in order if len(seen[name]) == 1 and seen[name][0].keeps_shape}


def _passes(part: nn.Module, call: _Call) -> bool:
    """Whether it hands on what it is given when all it computes itself is zero; a gate only scales it."""
    written = _Call((), {}, functional_call(part, _idle(part), call.args, call.kwargs)).written
    assert call.read is not None and written is not None
    alike = float(F.cosine_similarity(call.read.flatten(), written.flatten(), dim=0))
    scaled = float(written.norm() / call.read.norm().clamp(min=1e-12))
    return alike > _ALIKE and not (alike > _SAME and abs(scaled - 1) > 0.1)


def _idle(part: nn.Module) -> dict[str, Tensor]:
    """The state with all weights at zero and normalisation that changes nothing but scale."""
    state: dict[str, Tensor] = {}
    for owner, layer in part.named_modules():
        weights = dict(layer.named_parameters(recurse=False))
        for leaf, tensor in {**weights, **dict(layer.named_buffers(recurse=False))}.items():
            name = f"{owner}.{leaf}" if owner else leaf
            norm = isinstance(layer, _NORMS) or "RMSNorm" in type(layer).__name__
            if norm and leaf in ("weight", "running_var"):
                state[name] = torch.ones_like(tensor)
            elif leaf in weights or (norm and tensor.is_floating_point()):
                state[name] = torch.zeros_like(tensor)
            else:
                state[name] = tensor
    return state
