"""Values that show differences: what is constant in a fresh model (zeros, ones, fresh statistics) gets noise."""

import zlib

import torch
from torch import nn


def excite(module: nn.Module) -> nn.Module:
    """Add noise, in place, to the constant floating-point tensors of a module; the same noise for the same name and
    shape. Returns the module."""
    tensors = {**dict(module.named_parameters()), **dict(module.named_buffers())}
    with torch.no_grad():
        for name, tensor in tensors.items():
            if tensor.is_floating_point() and tensor.numel() > 1 and _constant(tensor):
                generator = torch.Generator().manual_seed(zlib.crc32(name.encode()))
                noise = torch.rand(tensor.shape, generator=generator, dtype=torch.float64).to(tensor)
                tensor.add_(noise * 0.5 if name.endswith("var") else (noise - 0.5) * 0.2)
    return module


def _constant(tensor: torch.Tensor) -> bool:
    first = tensor.flatten()[0]
    return bool((tensor - first).abs().max() <= 1e-6 * first.abs())
