"""Make a copy of the user's model fit its sliced state: the sizes that its modules keep as attributes.

Layers of torch say their sizes in known attributes. Other modules may keep sizes as plain numbers; they are looked
for only in the modules through which a changed node was called, never by value alone.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import combinations
from typing import Any

import torch
from torch import fx, nn

from lissom.graph.resizing import Resized

Attributes = dict[str, dict[str, Any]]
Convolutions = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
Transposed = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)


def layer_attributes(module: nn.Module, groups: Mapping[str, int]) -> Attributes:
    """What torch's own layers in a model with sliced state have to say about themselves.

    Args:
        module: the sliced model.
        groups: module name -> groups, for convolutions and group norms of which it changed.
    """
    changes: Attributes = {}
    for name, layer in module.named_modules(remove_duplicate=False):
        wanted = {k: v for k, v in _sizes(layer, groups.get(name)).items() if k in vars(layer)}
        wanted = {k: v for k, v in wanted.items() if vars(layer)[k] != v}
        if wanted:
            changes[name] = wanted
    return changes


def _sizes(layer: nn.Module, groups: int | None) -> dict[str, Any]:
    weight = getattr(layer, "weight", None)
    shape = list(weight.shape) if isinstance(weight, torch.Tensor) else []
    if isinstance(layer, nn.Linear):
        return {"in_features": shape[1], "out_features": shape[0]}
    if isinstance(layer, Convolutions):
        g = groups or layer.groups
        return {"in_channels": shape[1] * g, "out_channels": shape[0], "groups": g}
    if isinstance(layer, Transposed):
        g = groups or layer.groups
        return {"in_channels": shape[0], "out_channels": shape[1] * g, "groups": g}
    if isinstance(layer, nn.modules.batchnorm._NormBase):
        own = weight if isinstance(weight, torch.Tensor) else layer.running_mean
        return {"num_features": own.shape[0]} if isinstance(own, torch.Tensor) else {}
    if isinstance(layer, (nn.LayerNorm, nn.RMSNorm)) and shape:
        return {"normalized_shape": tuple(shape)}
    if isinstance(layer, nn.GroupNorm):
        return {
            "num_channels": shape[0] if shape else layer.num_channels,
            "num_groups": groups or layer.num_groups,
        }
    if isinstance(layer, nn.Embedding):
        return {"num_embeddings": shape[0], "embedding_dim": shape[1]}
    if isinstance(layer, nn.RNNBase):
        read, kept = layer.get_parameter("weight_ih_l0"), layer.get_parameter("weight_hh_l0")
        return {"input_size": read.shape[1], "hidden_size": kept.shape[1]}
    if isinstance(layer, nn.MultiheadAttention) and layer.in_proj_weight is not None:
        wide, embed = layer.in_proj_weight.shape
        same = wide == 3 * embed
        return {"embed_dim": embed, "kdim": embed, "vdim": embed, "head_dim": embed // layer.num_heads} if same else {}
    return {}


def changed_groups(changed: Mapping[fx.Node, Resized], names: Mapping[str, str]) -> dict[str, int]:
    """Module name -> new number of groups, from the nodes that changed theirs."""
    result: dict[str, int] = {}
    for node, new in changed.items():
        kind = str(node.target).split(".")[1]
        value: Any = None
        if kind.startswith("conv") and new.target is node.target:
            value = new.args[6] if len(new.args) > 6 else new.kwargs.get("groups")
        elif kind == "group_norm":
            value = new.args[1]
        weight = node.args[1] if kind.startswith("conv") else None
        own = names.get(weight.name) if isinstance(weight, fx.Node) else None
        owner = innermost(node) if own is None else own.rpartition(".")[0]
        if isinstance(value, int):
            result[owner] = value
    return result


def stack(node: fx.Node) -> list[str]:
    """The names of the modules through which a node was called, the innermost first."""
    return [entry[0] for entry in reversed(list(node.meta.get("nn_module_stack", {}).values()))]


def innermost(node: fx.Node) -> str:
    """The name of the module that called the node."""
    return next(iter(stack(node)), "")


def size_changes(node: fx.Node, new: Resized) -> set[tuple[int, int]]:
    """The whole numbers that a node was called with -> what they are now."""
    before, after = list(_numbers((node.args, node.kwargs))), list(_numbers((new.args, new.kwargs)))
    return {(b, a) for b, a in zip(before, after, strict=False) if a != b and b > 1}


def _numbers(value: Any) -> Iterator[int]:
    if isinstance(value, bool):
        return
    if isinstance(value, int):
        yield value
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _numbers(item)
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _numbers(item)


def user_attributes(
    module: nn.Module, changes: Iterable[tuple[fx.Node, set[tuple[int, int]]]], depth: int
) -> Attributes:
    """Plain sizes in the ``depth`` innermost modules of changed nodes that equal what the node was called with."""
    result: Attributes = {}
    for node, sizes in changes:
        for name in stack(node)[:depth]:
            owner = module.get_submodule(name) if _has(module, name) else None
            if owner is None or type(owner).__module__.startswith("torch.nn."):
                continue
            for attribute, value in vars(owner).items():
                new = _replaced(value, dict(sizes))
                if new is not None and not attribute.startswith("_"):
                    result.setdefault(name, {})[attribute] = new
    return result


def fewer(module: nn.Module, attributes: Attributes) -> Iterator[Attributes]:
    """The same for fewer kinds of attributes (a class and a name), the most first."""
    kind_of = {(n, a): (type(module.get_submodule(n)), a) for n, values in attributes.items() for a in values}
    kinds = list(dict.fromkeys(kind_of.values()))
    for count in range(len(kinds) - 1, 0, -1):
        for chosen in combinations(kinds, count):
            some = {n: {a: v for a, v in values.items() if kind_of[n, a] in chosen} for n, values in attributes.items()}
            yield {n: values for n, values in some.items() if values}


def merged(first: Attributes, second: Attributes) -> Attributes:
    """Both; what the first says of an attribute holds."""
    result = dict(first)
    for name, values in second.items():
        result[name] = {**values, **first.get(name, {})}
    return result


def _has(module: nn.Module, name: str) -> bool:
    for part in name.split(".") if name else []:
        child = module._modules.get(part)
        if child is None:
            return False
        module = child
    return True


def _replaced(value: Any, sizes: Mapping[int, int]) -> Any:
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return sizes.get(value)
    if isinstance(value, (list, tuple)) and value and all(isinstance(v, int) for v in value):
        new = [sizes.get(v, v) for v in value]
        return type(value)(new) if list(new) != list(value) else None
    return None


def set_attributes(module: nn.Module, attributes: Attributes) -> None:
    """Write attributes into modules by name."""
    for name, values in attributes.items():
        owner = module.get_submodule(name)
        for attribute, value in values.items():
            setattr(owner, attribute, value)
