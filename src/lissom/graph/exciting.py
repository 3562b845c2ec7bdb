"""Copies of models that show differences: in double precision, and with noise where a fresh model is constant."""

import copy
import zlib
from collections.abc import Container, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import fx, nn
from torch.overrides import TorchFunctionMode
from torch.utils import _pytree as pytree

from lissom.graph.forgetting import forget


def in_double(module: nn.Module) -> nn.Module:
    """A copy in double precision and evaluation mode. Precisions written into a captured graph follow."""
    result = copied(module, {id(tensor): _double(tensor) for tensor in (*module.parameters(), *module.buffers())})
    for graph in [m for m in result.modules() if isinstance(m, fx.GraphModule)]:
        for node in graph.graph.nodes:
            if node.op == "call_function":
                node.args, node.kwargs = pytree.tree_map(precise, (node.args, node.kwargs))
        graph.recompile()
    return result.double().eval()


def copied(module: nn.Module, tensors: Mapping[int, torch.Tensor]) -> nn.Module:
    """A deep copy of a module with other tensors in the place of some, which are known by their ``id``. What modules
    keep of their weights is forgotten first, since it cannot be copied with a history of gradients."""
    forget(module)
    return copy.deepcopy(module, dict(tensors))


def precise(value: Any) -> Any:
    """A precision that is written into a graph, doubled."""
    return torch.float64 if isinstance(value, torch.dtype) and value.is_floating_point else value


@contextmanager
def double_by_default() -> Iterator[None]:
    """Whatever a forward makes is in double precision, also where it names another one, as in ``x.float()``."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        with _Precise():
            yield
    finally:
        torch.set_default_dtype(before)


class _Precise(TorchFunctionMode):
    """Calls that name a precision name the double one."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func in (torch.Tensor.float, torch.Tensor.half, torch.Tensor.bfloat16):
            return args[0].double()
        return func(*(precise(value) for value in args), **{name: precise(v) for name, v in (kwargs or {}).items()})


def inputs_in_double(*values: Any) -> Any:
    """Nested inputs with every floating-point tensor in double precision."""
    return pytree.tree_map(_double, values)


def _double(value: Any) -> Any:
    if not isinstance(value, torch.Tensor) or not value.is_floating_point():
        return value.clone() if isinstance(value, torch.Tensor) else value
    wide = value.detach().to(torch.float64, copy=True)
    return nn.Parameter(wide, value.requires_grad) if isinstance(value, nn.Parameter) else wide


def excite(module: nn.Module, names: Container[str] | None = None) -> nn.Module:
    """Change the tensors of a module, in place, such that its outputs depend on all of them.

    Constant tensors (zeros, ones, fresh statistics) get noise; matrices and kernels that are so small that what
    follows hardly sees them (attention is uniform then) are scaled to the usual size. Tensors of the same name and
    values become the same.

    Args:
        module: what is changed, and returned.
        names: the parameters and buffers to change; all by default.
    """
    tensors = {**dict(module.named_parameters()), **dict(module.named_buffers())}
    with torch.no_grad():
        for name, tensor in tensors.items():
            if not tensor.is_floating_point() or tensor.numel() < 2 or (names is not None and name not in names):
                continue
            if _constant(tensor):
                generator = torch.Generator().manual_seed(zlib.crc32(name.encode()))
                noise = torch.rand(tensor.shape, generator=generator, dtype=torch.float64).to(tensor)
                tensor.add_(noise * 0.5 if name.endswith("var") else (noise - 0.5) * 0.5)
            elif tensor.dim() > 1:
                tensor.mul_(max(1.0, (len(tensor) / tensor.numel()) ** 0.5 / _size(tensor)))
    return module


def _constant(tensor: torch.Tensor) -> bool:
    flat = tensor.flatten()
    return all(bool(((part - flat[0]).abs() <= 1e-6 * flat[0].abs()).all()) for part in (flat[:64], flat))


def _size(tensor: torch.Tensor) -> float:
    return tensor.norm().item() / tensor.numel() ** 0.5
