"""Example inputs as data, so that a captured graph can be captured again elsewhere."""

from collections.abc import Mapping
from typing import Any

import torch
from torch.utils import _pytree as pytree


def describe_inputs(args: Any, kwargs: Any) -> dict[str, Any]:
    """The structure of example inputs as JSON: shapes and types for tensors, values for the rest."""
    leaves, spec = pytree.tree_flatten((tuple(args), dict(kwargs)))
    return {"spec": pytree.treespec_dumps(spec), "leaves": [_leaf(leaf) for leaf in leaves]}


def _leaf(leaf: Any) -> Any:
    if isinstance(leaf, torch.Tensor):
        return {"shape": list(leaf.shape), "dtype": str(leaf.dtype).removeprefix("torch.")}
    return {"value": leaf}


def example_inputs(described: Mapping[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Example inputs (of ones) from their description."""
    leaves = [torch.ones(leaf["shape"], dtype=getattr(torch, leaf["dtype"])) if "shape" in leaf else leaf["value"]
              for leaf in described["leaves"]]  # fmt: skip
    args, kwargs = pytree.tree_unflatten(leaves, pytree.treespec_loads(described["spec"]))
    return args, kwargs
