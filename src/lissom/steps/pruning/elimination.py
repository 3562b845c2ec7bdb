"""Backward elimination of groups of inputs from least-squares problems, by the exact growth of the error."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

_POOL = 768  # features
_SHARE = 2  # one unit of so many in a pool goes in a round


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
        order, growth = _within([item.pool(pool) for item in states], count)
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
        weights = self.weights[places]
        return _growth(self.inverse[places[:, :, None], places[:, None, :]], weights @ weights.mT)

    def pool(self, units: Tensor) -> "_Pool":
        """What eliminations among some units depend on."""
        places = self.features[units].flatten()
        weights = self.weights[places]
        numbers = torch.arange(len(places)).reshape(len(units), -1)
        return _Pool(self.inverse[places][:, places].contiguous(), weights @ weights.T, numbers)

    def without(self, units: Tensor) -> "_State":
        """Take units away for good; ``features`` keeps its numbering of units, those that went are invalid."""
        places = self.features[units].flatten()
        stays = torch.ones(len(self.inverse), dtype=torch.bool)
        stays[places] = False
        rest = stays.nonzero()[:, 0]
        rows = self.inverse.index_select(0, places)
        column = rows.index_select(1, rest)
        solved = torch.linalg.solve(_guarded(rows[:, places]), column).T
        inverse = self.inverse.index_select(0, rest).index_select(1, rest).addmm_(solved, column, alpha=-1)
        weights = self.weights.index_select(0, rest).addmm_(solved, self.weights[places], alpha=-1)
        return _State(inverse, weights, (stays.cumsum(0) - 1)[self.features])


@dataclass(frozen=True)
class _Pool:
    """Rows and columns of some units. Of the weights only their products with each other count, ``(features,
    features)``, so that the number of outputs does not."""

    inverse: Tensor
    products: Tensor
    features: Tensor

    def scores(self, units: Tensor) -> Tensor:
        """The growth of the error when one of ``units`` goes, ``(units,)``."""
        places = self.features[units]
        where = places[:, :, None], places[:, None, :]
        return _growth(self.inverse[where], self.products[where])

    def remove(self, unit: int) -> None:
        """Take one unit away, in place; its rows and columns become zero.

        All weights W become W - C W_q, with C the part of each feature that the unit's own can stand in for.
        """
        places = self.features[unit]
        column = self.inverse[:, places]
        part = torch.linalg.solve(_guarded(column[places]), column.T).T
        products = self.products[places]
        half = part @ (products - 0.5 * products[:, places] @ part.T)
        self.products.sub_(half + half.T)
        self.inverse.sub_(part @ column.T)


def _growth(inverse: Tensor, products: Tensor) -> Tensor:
    """``trace(inverse^-1 products)`` of blocks ``(units, features, features)``."""
    return torch.linalg.solve(_guarded(inverse), products).diagonal(dim1=-2, dim2=-1).sum(-1)


def _guarded(blocks: Tensor) -> Tensor:
    """Blocks that rounding cannot make singular."""
    size = blocks.shape[-1]
    mean = blocks.diagonal(dim1=-2, dim2=-1).mean(-1).abs()
    return blocks + (1e-10 * mean + 1e-300)[..., None, None] * torch.eye(size, dtype=blocks.dtype)


def _within(pools: Sequence[_Pool], count: int) -> tuple[list[int], list[float]]:
    """Exact elimination of ``count`` units, one at a time."""
    alive = torch.arange(len(pools[0].features))
    gone: list[int] = []
    errors: list[float] = []
    for _ in range(count):
        scores = torch.stack([item.scores(alive) for item in pools]).sum(0)
        best = int(scores.argmin())
        gone.append(int(alive[best]))
        errors.append(float(scores[best]))
        alive = alive[torch.arange(len(alive)) != best]
        for item in pools:
            item.remove(gone[-1])
    return gone, errors
