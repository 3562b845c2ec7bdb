"""Backward elimination of groups of inputs from least-squares problems, by the exact growth of the error."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

_POOL = 640
_SHARE = 3


@dataclass(frozen=True)
class System:
    """One reader of the units: the inverse of its normal equations ``(features, features)``, its best weights
    ``(features, outputs)``, and the features of each unit ``(units, features of a unit)``."""

    inverse: Tensor
    weights: Tensor
    features: Tensor


def system(normal: Tensor, right: Tensor, before: Tensor, features: Tensor, ridge: float) -> System:
    """Solve a reader with all its inputs.

    Args:
        normal: ``(features, features)``.
        right, before: ``(features, outputs)``; the fit is held to ``before``.
        features: ``(units, features of a unit)``.
        ridge: how strongly, in parts of the mean square of an input.
    """
    scale = ridge * float(normal.diagonal().mean())
    lower = torch.linalg.cholesky(normal + scale * torch.eye(len(normal), dtype=normal.dtype))
    weights = torch.cholesky_solve(right + scale * before, lower)
    return System(torch.cholesky_inverse(lower), weights, features)


def eliminate(systems: Sequence[System], left: int) -> tuple[list[int], list[float]]:
    """Take units away one after the other, each time the one whose loss raises the error least.

    When a unit's features q go and all other weights are solved anew, the error grows by
    ``trace(W_q^T (H_qq)^-1 W_q)``, H the inverse of what is left of the normal equations (Hassibi and Stork,
    1993, "Optimal brain surgeon", equation 5; for blocks Kurtic, Frantar and Alistarh, 2023, "ZipLM",
    equation 2). Wide groups are done in rounds: the elimination is exact within a pool of the least units, and
    all others follow after each round.

    Args:
        systems: the readers; their errors are summed.
        left: units that stay.

    Returns:
        The units that go, in this order, and the growth of the error by each.
    """
    states = [_State(item.inverse.clone(), item.weights.clone(), item.features) for item in systems]
    alive = torch.arange(len(systems[0].features))
    gone: list[int] = []
    errors: list[float] = []
    while len(alive) > left:
        widest = max(item.features.shape[1] for item in states)
        size = max(_SHARE, _POOL // widest)
        need = len(alive) - left
        if len(alive) <= size:
            pool, count = alive, need
        else:
            scores = torch.stack([item.scores(alive) for item in states]).sum(0)
            pool, count = alive[scores.argsort(stable=True)[:size]], min(need, max(1, size // _SHARE))
        order, growth = _within([item.part(pool) for item in states], count)
        units = pool[torch.tensor(order)]
        gone += units.tolist()
        errors += growth
        alive = alive[~torch.isin(alive, units)]
        if len(alive) > left:
            states = [item.without(units) for item in states]
    return gone, errors


@dataclass(frozen=True)
class _State:
    inverse: Tensor
    weights: Tensor
    features: Tensor

    def scores(self, units: Tensor) -> Tensor:
        """The growth of the error when one of ``units`` goes, ``(units,)``."""
        places = self.features[units]
        blocks = self.inverse[places[:, :, None], places[:, None, :]]
        weights = self.weights[places]
        return (weights * torch.linalg.solve(_guarded(blocks), weights)).sum((1, 2))

    def part(self, units: Tensor) -> "_State":
        """The rows and columns of some units; exact for eliminations among them."""
        places = self.features[units].flatten()
        numbers = torch.arange(len(places)).reshape(len(units), -1)
        return _State(self.inverse[places][:, places].contiguous(), self.weights[places].contiguous(), numbers)

    def remove(self, unit: int) -> None:
        """Take one unit away, in place; its rows and columns become zero."""
        places = self.features[unit]
        block = _guarded(self.inverse[places][:, places])
        column = self.inverse[:, places]
        solved = torch.linalg.solve(block, torch.cat([column.T, self.weights[places]], 1))
        self.weights.sub_(column @ solved[:, len(column) :])
        self.inverse.sub_(column @ solved[:, : len(column)])

    def without(self, units: Tensor) -> "_State":
        """Take units away for good; ``features`` keeps its numbering of units, those that went are invalid."""
        places = self.features[units].flatten()
        rest = torch.ones(len(self.inverse), dtype=torch.bool)
        rest[places] = False
        column = self.inverse[rest][:, places]
        block = _guarded(self.inverse[places][:, places])
        solved = torch.linalg.solve(block, torch.cat([column.T, self.weights[places]], 1))
        inverse = self.inverse[rest][:, rest] - column @ solved[:, : len(column)]
        weights = self.weights[rest] - column @ solved[:, len(column) :]
        return _State(inverse, weights, (rest.cumsum(0) - 1)[self.features])


def _guarded(blocks: Tensor) -> Tensor:
    """Blocks that rounding cannot make singular."""
    size = blocks.shape[-1]
    mean = blocks.diagonal(dim1=-2, dim2=-1).mean(-1).abs()
    return blocks + (1e-10 * mean + 1e-300)[..., None, None] * torch.eye(size, dtype=blocks.dtype)


def _within(states: Sequence[_State], count: int) -> tuple[list[int], list[float]]:
    """Exact elimination of ``count`` units, one at a time."""
    alive = torch.arange(len(states[0].features))
    gone: list[int] = []
    errors: list[float] = []
    for _ in range(count):
        scores = torch.stack([item.scores(alive) for item in states]).sum(0)
        best = int(scores.argmin())
        gone.append(int(alive[best]))
        errors.append(float(scores[best]))
        alive = alive[torch.arange(len(alive)) != best]
        for item in states:
            item.remove(gone[-1])
    return gone, errors
