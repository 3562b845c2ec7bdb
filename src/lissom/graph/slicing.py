"""Take kept positions out of parameters and buffers."""

from collections.abc import Mapping

import torch
from torch import nn

from lissom.graph.cut import Cut


def sliced(tensor: torch.Tensor, kept: Mapping[int, tuple[int, ...]]) -> torch.Tensor:
    """The kept positions of a tensor, as a tensor of its own."""
    for dim, places in kept.items():
        tensor = tensor.index_select(dim, torch.tensor(places, device=tensor.device))
    return tensor.detach().clone()


def slice_state(module: nn.Module, cut: Cut) -> None:
    """Replace, in place, every parameter and buffer that the cut names; tensors with two names stay one tensor."""
    done: dict[int, nn.Parameter | torch.Tensor] = {}
    for name, kept in cut.kept.items():
        owner, leaf = locate(module, name)
        if owner is None:
            continue
        old = getattr(owner, leaf)
        if all(old.shape[dim] == len(places) for dim, places in kept.items()):
            continue  # in a graph that is sliced already
        if id(old) not in done:
            new = sliced(old, kept)
            is_parameter = isinstance(old, nn.Parameter)
            done[id(old)] = nn.Parameter(new, requires_grad=old.requires_grad) if is_parameter else new
        setattr(owner, leaf, done[id(old)])


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
