"""Weights of low rank in closed form from the second moments of a layer."""

from dataclasses import dataclass

import torch
from torch import Tensor

from lissom.steps.factorization.moments import Moments


@dataclass(frozen=True)
class Factors:
    """Weights of the layers that stand in for one, first to last, and the map that they make together.

    Args:
        weights: of each layer in turn, in its own shape.
        product: ``(features, outputs)``.
    """

    weights: tuple[Tensor, ...]
    product: Tensor


def best_weights(item: Moments) -> Tensor:
    """The least-squares weights without any limit, ``(features, outputs)``."""
    return torch.cholesky_solve(item.wanted, item.lower)


def reduced(lower: Tensor, best: Tensor, scale: Tensor, rank: int) -> tuple[Tensor, Tensor]:
    """The best weights of a rank: reduced-rank regression (Izenman, 1975; for networks Zhang et al., 2016, section
    3.1, and Chen et al., 2021, "DRONE", theorem 1).

    Args:
        lower: of what is read, the lower triangular root of ``(features, features)``.
        best: weights without the limit, ``(features, outputs)``.
        scale: how much each output counts, ``(outputs,)``.
        rank: of the product.

    Returns:
        ``(features, rank)`` and ``(rank, outputs)``.
    """
    left, values, right = torch.linalg.svd((lower.T @ best) * scale, full_matrices=False)
    root = values[:rank].sqrt()
    first = torch.linalg.solve_triangular(lower.T, left[:, :rank] * root, upper=True)
    return first, root[:, None] * right[:rank] / scale


def low_rank_linear(item: Moments, best: Tensor, rank: int) -> Factors:
    """Weights of :class:`lissom.layers.low_rank.LowRankLinear`."""
    first, second = reduced(item.lower, best, item.scale, rank)
    return Factors((first.T, second.T), first @ second)


def low_rank_channels(item: Moments, best: Tensor, kernel: tuple[int, int], rank: int) -> Factors:
    """Weights of :class:`lissom.layers.low_rank.LowRankChannels`."""
    first, second = reduced(item.lower, best, item.scale, rank)
    return Factors((first.T.reshape(rank, -1, *kernel), second.T[:, :, None, None]), first @ second)


def low_rank_spatial(item: Moments, best: Tensor, kernel: tuple[int, int], rank: int) -> Factors:
    """Weights of :class:`lissom.layers.low_rank.LowRankSpatial`: columns from a decomposition that counts what is
    read, rows by least squares on what the columns give."""
    high, wide = kernel
    inputs, outputs = len(best) // (high * wide), best.shape[1]
    lines = inputs * high
    read = item.read.reshape(lines, wide, lines, wide)
    own = read.diagonal(dim1=1, dim2=3).sum(-1)
    first, _ = reduced(torch.linalg.cholesky(own), best.reshape(lines, wide * outputs), item.scale.repeat(wide), rank)
    seen = torch.einsum("xbyd,xr,ys->rbsd", read, first, first).reshape(rank * wide, -1)
    wanted = torch.einsum("xbo,xr->rbo", item.wanted.reshape(lines, wide, outputs), first).reshape(rank * wide, -1)
    second = torch.linalg.solve(_firm(seen), wanted).reshape(rank, wide, outputs)
    product = torch.einsum("xr,rbo->xbo", first, second).reshape(best.shape)
    columns = first.T.reshape(rank, inputs, high, 1)
    return Factors((columns, second.permute(2, 0, 1)[:, :, None, :]), product)


def tucker2(item: Moments, best: Tensor, kernel: tuple[int, int], ranks: tuple[int, int]) -> Factors:
    """Weights of :class:`lissom.layers.low_rank.Tucker2`: input channels first, then the rest on what they give."""
    places = kernel[0] * kernel[1]
    inputs, outputs = len(best) // places, best.shape[1]
    read = item.read.reshape(inputs, places, inputs, places)
    own = read.diagonal(dim1=1, dim2=3).sum(-1)
    first, _ = reduced(
        torch.linalg.cholesky(own), best.reshape(inputs, places * outputs), item.scale.repeat(places), ranks[0]
    )
    thin = ranks[0] * places
    seen = _firm(torch.einsum("xbyd,xr,ys->rbsd", read, first, first).reshape(thin, thin))
    wanted = torch.einsum("xbo,xr->rbo", item.wanted.reshape(inputs, places, outputs), first).reshape(thin, -1)
    core, last = reduced(torch.linalg.cholesky(seen), torch.linalg.solve(seen, wanted), item.scale, ranks[1])
    product = torch.einsum("xr,rbo->xbo", first, (core @ last).reshape(ranks[0], places, outputs)).reshape(best.shape)
    weights = (first.T[:, :, None, None], core.T.reshape(ranks[1], ranks[0], *kernel), last.T[:, :, None, None])
    return Factors(weights, product)


def separable(item: Moments, best: Tensor, kernel: tuple[int, int], multiplier: int, rounds: int = 3) -> Factors:
    """Weights of :class:`lissom.layers.separable.Separable`.

    The best of each channel by itself to begin with; then pointwise and depthwise weights are solved in turn, each
    by least squares with the other held.
    """
    places, outputs = kernel[0] * kernel[1], best.shape[1]
    inputs, middle = len(best) // places, len(best) // places * multiplier
    read = item.read.reshape(inputs, places, inputs, places)
    own = read.diagonal(dim1=0, dim2=2).permute(2, 0, 1)
    filters = torch.stack([
        reduced(torch.linalg.cholesky(block), weights, item.scale, multiplier)[0].T
        for block, weights in zip(own, best.reshape(inputs, places, outputs), strict=True)
    ])  # (inputs, multiplier, places)  # fmt: skip
    wanted = item.wanted.reshape(inputs, places, outputs)
    points = _pointwise(read, wanted, filters)
    for _ in range(rounds):
        alike = (points * item.scale.square()) @ points.T  # (middle, middle)
        alike = alike.reshape(inputs, multiplier, inputs, multiplier)
        normal = torch.einsum("ikjl,imjn->imkjnl", read, alike).reshape(middle * places, -1)
        right = torch.einsum("iko,imo->imk", wanted * item.scale.square(), points.reshape(inputs, multiplier, outputs))
        filters = torch.linalg.solve(_firm(normal), right.reshape(-1)).reshape(filters.shape)
        points = _pointwise(read, wanted, filters)
    product = torch.einsum("imk,imo->iko", filters, points.reshape(inputs, multiplier, outputs)).reshape(best.shape)
    return Factors((filters.reshape(middle, 1, *kernel), points.T[:, :, None, None]), product)


def _pointwise(read: Tensor, wanted: Tensor, filters: Tensor) -> Tensor:
    """The best pointwise weights behind depthwise ones, ``(inputs * multiplier, outputs)``."""
    inputs, multiplier, _ = filters.shape
    half = torch.einsum("imk,ikjl->imjl", filters, read)
    normal = torch.einsum("imjl,jnl->imjn", half, filters).reshape(inputs * multiplier, -1)
    right = torch.einsum("imk,iko->imo", filters, wanted).reshape(inputs * multiplier, -1)
    return torch.linalg.solve(_firm(normal), right)


def _firm(normal: Tensor) -> Tensor:
    """Held a little, so that directions that nothing is read in do no harm."""
    return normal + 1e-9 * normal.diagonal().mean() * torch.eye(len(normal), dtype=normal.dtype)
