"""Take kept positions out of parameters and buffers."""

from collections.abc import Mapping

import torch
from torch import nn

from lissom.graph.cut import Cut
from lissom.graph.exciting import copied


def sliced(tensor: torch.Tensor, kept: Mapping[int, tuple[int, ...]]) -> torch.Tensor:
    """The kept positions of a tensor, as a tensor of its own; a parameter of a parameter."""
    new = tensor.detach() if kept else tensor.detach().clone()
    for dim, places in kept.items():
        new = new.index_select(dim, torch.tensor(places, device=tensor.device))
    return nn.Parameter(new, requires_grad=tensor.requires_grad) if isinstance(tensor, nn.Parameter) else new


def sliced_copy(module: nn.Module, cut: Cut) -> nn.Module:
    """A deep copy of a module without what the cut removes; tensors with two names stay one tensor."""
    return copied(module, {id(old): new for _, old, new in _new_tensors(module, cut)})


def slice_state(module: nn.Module, cut: Cut) -> None:
    """Replace, in place, every parameter and buffer that the cut names; tensors with two names stay one tensor."""
    for name, _, new in _new_tensors(module, cut):
        owner, leaf = locate(module, name)
        setattr(owner, leaf, new)


def _new_tensors(module: nn.Module, cut: Cut) -> list[tuple[str, torch.Tensor, torch.Tensor]]:
    """Names of tensors that lose something, the tensors, and what is left of them."""
    new: dict[int, torch.Tensor] = {}
    found = []
    for name, kept in cut.kept.items():
        owner, leaf = locate(module, name)
        old = None if owner is None else getattr(owner, leaf)
        if old is None or all(old.shape[dim] == len(places) for dim, places in kept.items()):
            continue  # in a graph that is sliced already
        if id(old) not in new:
            new[id(old)] = sliced(old, kept)
        found.append((name, old, new[id(old)]))
    return found


def locate(module: nn.Module, name: str) -> tuple[nn.Module | None, str]:
    """The module that holds the tensor ``name``, and what it calls it; None when there is none."""
    path, _, leaf = name.rpartition(".")
    for part in path.split(".") if path else []:
        child = module._modules.get(part)
        if child is None:
            return None, leaf
        module = child
    holds = leaf in module._parameters or leaf in module._buffers or isinstance(vars(module).get(leaf), torch.Tensor)
    return (module if holds else None), leaf
