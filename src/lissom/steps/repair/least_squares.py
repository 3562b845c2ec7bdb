"""Layers as least-squares problems: rows of what a layer reads, what it should write, and the fit between them."""

from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor

from lissom.steps.repair.observe import Reading, inputs_first

LARGEST = 6000
_MOST_WAITING = 4096


def obstacle(reading: Reading, weight: Tensor) -> str:
    """Why a layer cannot be solved, as in "which ...": it has to be linear in its weight by rows, and not too large.

    Nothing for a linear layer with a weight ``(outputs, inputs)`` that is used whole, and a convolution of one group.
    """
    if reading.is_convolution and reading.transposed:
        return "is a transposed convolution"
    if reading.is_convolution and reading.groups != 1:
        return f"is a convolution of {reading.groups} groups"
    if reading.is_convolution and weight.dim() not in (3, 4):
        return f"is a convolution over {weight.dim() - 2} dimensions"
    if inputs_first(reading, weight):
        return "is stored as (inputs, outputs)"
    sizes = reading.read.shape[-1], reading.written.shape[-1]
    if not reading.is_convolution and sizes != (weight[0].numel(), len(weight)):
        return "is not used whole"
    if reading.bias is not None and reading.bias.dim() != 1:
        return f"has a bias of {reading.bias.dim()} dimensions"
    return f"has {weight[0].numel():,} inputs, over {LARGEST:,}" if weight[0].numel() > LARGEST else ""


def read_rows(reading: Reading, weight: Tensor, places: Tensor) -> Tensor:
    """What the layer reads at some places of its output.

    Args:
        reading: one call.
        weight: its weight, ``(outputs, inputs, *kernel)``.
        places: numbers of positions of the flattened output map, the same for every example of a batch; for a
            linear layer, numbers of rows.

    Returns:
        ``(rows, features)``; a convolution's features are ``inputs * kernel`` as in ``weight.flatten(1)``.
    """
    if not reading.is_convolution:
        return reading.read.reshape(-1, reading.read.shape[-1])[places]
    read, kernel = reading.read, weight.shape[2:]
    around = [side for padding in reversed(reading.padding) for side in (padding, padding)]
    read = F.pad(read, around)
    out = reading.written.shape[2:]
    spots = torch.unravel_index(places, out)
    where: list[Tensor] = []
    for axis, (spot, stride, dilation, size) in enumerate(
        zip(spots, reading.stride, reading.dilation, kernel, strict=True)
    ):
        steps = torch.arange(size) * dilation
        shape = [len(places)] + [1] * len(kernel)
        shape[axis + 1] = size
        where.append((spot * stride).reshape(-1, *[1] * len(kernel)) + steps.reshape(1, *shape[1:]))
    taken = read[(slice(None), slice(None), *where)]  # (batch, inputs, places, *kernel)
    return taken.movedim(2, 1).reshape(len(read) * len(places), -1)


def written_rows(written: Tensor, is_convolution: bool, places: Tensor) -> Tensor:
    """What a layer writes at the same places, ``(rows, outputs)``."""
    if not is_convolution:
        return written.reshape(-1, written.shape[-1])[places]
    return written.flatten(2)[:, :, places].transpose(1, 2).reshape(-1, written.shape[1])


@dataclass
class Problem:
    """Normal equations of a layer, summed over ``rows`` rows.

    ``normal`` is ``(features, features)``, ``right`` ``(features, outputs)``; ``total`` and ``square``
    ``(outputs,)`` are the sums of what is wanted and of its squares. ``factor`` ``(outputs,)`` is what BatchNorm
    multiplies the outputs with.
    """

    normal: Tensor
    right: Tensor
    total: Tensor
    square: Tensor
    factor: Tensor
    rows: int = 0
    _waiting: list[tuple[Tensor, Tensor]] = field(default_factory=list[tuple[Tensor, Tensor]], repr=False)

    @classmethod
    def empty(cls, features: int, outputs: int) -> "Problem":
        """A problem without rows."""
        return cls(
            normal=torch.zeros(features, features, dtype=torch.float64),
            right=torch.zeros(features, outputs, dtype=torch.float64),
            total=torch.zeros(outputs, dtype=torch.float64),
            square=torch.zeros(outputs, dtype=torch.float64),
            factor=torch.ones(outputs, dtype=torch.float64),
        )

    def add(self, read: Tensor, wanted: Tensor) -> None:
        """Add rows: ``(rows, features)`` and ``(rows, outputs)``. They count once :meth:`finish` was called."""
        self._waiting.append((read, wanted))
        if sum(len(rows) for rows, _ in self._waiting) >= min(len(self.normal), _MOST_WAITING):
            self.finish()

    def finish(self) -> None:
        """Add the rows that wait: few at a time, the products of a wide layer would cost more than its forward."""
        if not self._waiting:
            return
        read, wanted = (torch.cat(rows) for rows in zip(*self._waiting, strict=True))
        self._waiting.clear()
        near, answers = _Centred.of(read), _Centred.of(wanted)
        self.normal += near.products(near)
        self.right += near.products(answers)
        self.total += answers.total
        self.square += answers.squares
        self.rows += len(read)

    @property
    def spread(self) -> Tensor:
        """The squared deviation of what is wanted from its mean, ``(outputs,)``."""
        return (self.square - self.total.square() / max(self.rows, 1)).clamp(min=0)


@dataclass(frozen=True)
class _Centred:
    """Rows ``(rows, features)`` less their mean, and the sums of what is left. Products of what hardly varies beside
    its mean would tell nothing in single precision of how it varies."""

    rows: Tensor
    mean: Tensor
    sums: Tensor

    @classmethod
    def of(cls, rows: Tensor) -> "_Centred":
        mean = rows.mean(0, dtype=torch.float64).to(rows.dtype)
        left = rows - mean
        return cls(left, mean.double(), left.sum(0, dtype=torch.float64))

    @property
    def total(self) -> Tensor:
        """The sums of the rows as they were."""
        return self.sums + len(self.rows) * self.mean

    @property
    def squares(self) -> Tensor:
        """The sums of their squares."""
        return self.rows.square().sum(0, dtype=torch.float64) + self.mean * (self.sums + self.total)

    def products(self, other: "_Centred") -> Tensor:
        """The sums of their products with other rows, ``(features, features of the other)``."""
        return (
            (self.rows.T @ other.rows).double()
            + torch.outer(self.mean, other.total)
            + torch.outer(self.sums, other.mean)
        )


def ridge_of(normal: Tensor, ridge: float) -> float:
    """The weight of the hold to the weights before, for a ``ridge`` in parts of the mean square of an input."""
    return ridge * float(normal.diagonal().mean())


def fit(normal: Tensor, right: Tensor, before: Tensor, ridge: float) -> Tensor:
    """Least squares, held to ``before`` by ``ridge`` parts of the mean square of an input; ``before`` where every input
    is zero, of which nothing can be told.

    Args:
        normal: ``(features, features)``.
        right, before: ``(features, outputs)``.

    Returns:
        ``(features, outputs)``.
    """
    scale = ridge_of(normal, ridge)
    if scale == 0:
        return before
    system = normal + scale * torch.eye(len(normal), dtype=normal.dtype)
    return torch.linalg.solve(system, right + scale * before)
