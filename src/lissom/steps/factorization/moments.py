"""What a layer reads and should write, as centred second moments, and the error of any weights against it."""

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from lissom.steps.repair.least_squares import Problem, ridge_of

_NOTHING = 1e-12  # where a layer reads nothing but zeros
_ROUNDING = 1e-14  # of the sum of squares, where it reads nothing but constants


@dataclass(frozen=True)
class Moments:
    """A layer as a linear map of ``features`` to ``outputs``, in float64.

    Args:
        read: ``(features, features)``, of what is read, with a ridge that holds to the weights before.
        wanted: ``(features, outputs)``, of what is read with what should be written.
        spread: of what should be written, ``(outputs,)``.
        scale: what BatchNorm multiplies each output by, ``(outputs,)``: errors are weighed so.
        mean_read, mean_wanted: means that were taken off; none where the layer cannot add a constant.
    """

    read: Tensor
    wanted: Tensor
    spread: Tensor
    scale: Tensor
    mean_read: Tensor | None = None
    mean_wanted: Tensor | None = None

    @cached_property
    def lower(self) -> Tensor:
        """The lower triangular root of ``read`` (Cholesky)."""
        return torch.linalg.cholesky(self.read)

    def error(self, weights: Tensor) -> float:
        """The squared error of ``(features, outputs)``, as a share of the spread."""
        squares = (weights * (self.read @ weights - 2 * self.wanted)).sum(0) + self.spread
        weight = self.scale.square()
        return float((squares.clamp(min=0) * weight).sum() / (self.spread * weight).sum().clamp(min=1e-300))

    def shift(self, weights: Tensor) -> Tensor | None:
        """The constant to add to each output, ``(outputs,)``."""
        if self.mean_read is None or self.mean_wanted is None:
            return None
        return self.mean_wanted - self.mean_read @ weights


def moments(problem: Problem, before: Tensor, *, shifts: bool, ridge: float = 0.01) -> Moments:
    """Centre a problem and hold it to the weights before.

    Args:
        problem: with a last feature that is always one where ``shifts``.
        before: the weights before ``(features, outputs)``, likewise.
        shifts: whether the layer can add a constant.
        ridge: how strongly it is held, in parts of the mean square of a feature.
    """
    normal, right, spread = problem.normal, problem.right, problem.square
    mean_read = mean_wanted = None
    if shifts:
        sums, total, rows = normal[:-1, -1], right[-1], max(problem.rows, 1)
        normal = normal[:-1, :-1] - torch.outer(sums, sums) / rows
        right = right[:-1] - torch.outer(sums, total) / rows
        before, spread = before[:-1], problem.spread
        mean_read, mean_wanted = sums / rows, total / rows
    hold = ridge_of(normal, ridge) + _ROUNDING * float(problem.normal.diagonal().sum()) + _NOTHING
    held = normal + hold * torch.eye(len(normal), dtype=normal.dtype)
    spread = spread + hold * before.square().sum(0)
    scale = problem.factor.abs()
    scale = scale.clamp(min=1e-3 * float(scale.mean()) + 1e-300)
    return Moments(held, right + hold * before, spread, scale, mean_read, mean_wanted)
