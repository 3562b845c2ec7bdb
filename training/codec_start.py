"""Where the training of the codec begins: its transforms by principal components, layer by layer.

What strided convolutions keep of 2x2 patches of their inputs is what loses the least in squares (the Karhunen-Loève
transform; Jain 1989, "Fundamentals of digital image processing", section 5.11), so that the codec is a fair linear one
before its first step. Blocks begin as the identity (Zhang, Dauphin and Ma 2019, "Fixup initialization", section 3).
"""

import math

import torch
from torch import Tensor, nn

from lissom.zoo.codec import PACKED, QUALITIES, WEIGHTS, Block, Codec


def begin(model: Codec, frames: Tensor) -> None:
    """Set the weights of the transforms.

    Args:
        model: new.
        frames: packed, ``(count, 6, height, width)``, of the films and photos that it will learn from.
    """
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, Block):
                nn.init.zeros_(module.project.weight)
                nn.init.zeros_(_bias(module.project))
        down = [layer for layer in model.analysis if isinstance(layer, nn.Conv2d)]
        up = [layer for layer in model.synthesis.modules() if isinstance(layer, nn.ConvTranspose2d)]
        maps, bases = frames, list[Tensor]()
        for layer in down[:-1]:
            bases.append(components(patches(maps), min(layer.out_channels, 4 * maps.shape[1])))
            maps = reduced(maps, bases[-1])
        flat = maps.permute(0, 2, 3, 1).flatten(0, 2)
        last = components(flat, down[-1].out_channels)
        _look_at_difference(down[0], bases[0])
        for layer, basis in zip(down[1:-1], bases[1:], strict=True):
            _place(layer.weight, _as_patches(basis), 1)
            nn.init.zeros_(_bias(layer))
        for layer, basis in zip(reversed(up), bases, strict=True):
            nn.init.zeros_(layer.weight)
            part = _as_patches(basis)  # (kept, channels, 2, 2)
            layer.weight[: part.shape[0], : part.shape[1], 1:3, 1:3] = part
            nn.init.zeros_(_bias(layer))
        _set(down[-1], last / usual_step())
        entrance = model.synthesis.deep[0]
        assert isinstance(entrance, nn.Conv2d)
        _set(entrance, last.T * usual_step())
        join = model.synthesis.join
        _set(join, torch.eye(join.out_channels, join.in_channels))


def usual_step() -> float:
    """How far values of latents are apart that cost the least at the middle quality, of a range of 1.

    Bits of a value fall by the logarithm of the step, its squared error is a twelfth of the step's square.
    """
    worth = QUALITIES[len(QUALITIES) // 2] * 255**2 * WEIGHTS[0] / 8  # of a squared error, in bits a pixel
    return math.sqrt(6 / (4 * math.log(2) * worth))


def patches(maps: Tensor) -> Tensor:
    """``(count, channels, height, width)`` to its 2x2 patches, ``(patches, channels * 4)``."""
    return nn.functional.unfold(maps, 2, stride=2).movedim(1, 2).flatten(0, 1)


def components(rows: Tensor, kept: int) -> Tensor:
    """The directions, ``(kept, numbers)``, in which rows ``(count, numbers)`` are largest in squares."""
    wide = rows.double()
    _, vectors = torch.linalg.eigh(wide.T @ wide)
    return vectors.flip(1)[:, :kept].T.float()


def reduced(maps: Tensor, basis: Tensor) -> Tensor:
    """What is kept of the 2x2 patches of maps: ``(count, kept, height / 2, width / 2)``."""
    found = basis @ nn.functional.unfold(maps, 2, stride=2)
    return found.unflatten(2, (maps.shape[2] // 2, maps.shape[3] // 2))


def _as_patches(basis: Tensor) -> Tensor:
    return basis.reshape(len(basis), -1, 2, 2)


def _look_at_difference(layer: nn.Conv2d, basis: Tensor) -> None:
    """The frame less its prediction; where there are channels left, the prediction itself."""
    part = _as_patches(basis)
    left = min(layer.out_channels - len(part), len(part))
    _place(layer.weight, torch.cat([part, -part], 1), 2)
    if left > 0:
        layer.weight[len(part) : len(part) + left, PACKED:, 2:4, 2:4] = part[:left]
    nn.init.zeros_(_bias(layer))


def _place(weight: Tensor, part: Tensor, at: int) -> None:
    """Zeros, but for 2x2 patches at a place of the kernel."""
    nn.init.zeros_(weight)
    weight[: part.shape[0], : part.shape[1], at : at + 2, at : at + 2] = part


def _set(layer: nn.Conv2d, matrix: Tensor) -> None:
    """The weight of a pointwise convolution."""
    nn.init.zeros_(layer.weight)
    layer.weight[: matrix.shape[0], : matrix.shape[1], 0, 0] = matrix
    nn.init.zeros_(_bias(layer))


def _bias(layer: nn.Module) -> Tensor:
    bias = layer.bias
    assert isinstance(bias, Tensor)
    return bias
