"""Which weights stay: masks from scores, by a share of the weights or N of every M."""

from collections.abc import Mapping

import torch
from torch import Tensor

SCOPES = ("row", "layer", "global")


def by_share(scores: Mapping[str, Tensor], share: float, scope: str) -> dict[str, Tensor]:
    """Masks that drop the lowest ``share`` of the scores.

    Args:
        scores: by weight, each ``(outputs, ...)``.
        share: of the weights that go, rounded down in each part.
        scope: the part in which scores are compared: every ``"row"`` (what one output reads), every ``"layer"``,
            or all layers together (``"global"``).

    Returns:
        Masks of the shapes of the scores, true where a weight stays.
    """
    if scope == "global":
        order = torch.cat([score.flatten() for score in scores.values()])
        kept = _highest(order[None], share)[0]
        parts = kept.split([score.numel() for score in scores.values()])
        return {name: part.reshape(scores[name].shape) for name, part in zip(scores, parts, strict=True)}
    masks: dict[str, Tensor] = {}
    for name, score in scores.items():
        rows = score.flatten(1) if scope == "row" else score.reshape(1, -1)
        masks[name] = _highest(rows, share).reshape(score.shape)
    return masks


def n_of_m(score: Tensor, n: int, m: int) -> Tensor:
    """A mask that keeps the ``n`` highest of every ``m`` neighbours along the inputs (Mishra et al., 2021,
    "Accelerating sparse deep neural networks", section 3).

    Args:
        score: ``(outputs, inputs, *kernel)`` with a number of inputs that ``m`` divides.
        n: how many stay.
        m: of how many.

    Returns:
        Of the shape of ``score``, true where a weight stays.
    """
    rows = score.movedim(1, -1)
    groups = rows.reshape(-1, m)
    kept = torch.zeros_like(groups, dtype=torch.bool)
    kept.scatter_(1, groups.topk(n, dim=1).indices, True)
    return kept.reshape(rows.shape).movedim(-1, 1).contiguous()


def _highest(rows: Tensor, share: float) -> Tensor:
    """True for all but the lowest ``share`` of each row, ``(rows, entries)``."""
    gone = int(rows.shape[1] * share + 1e-9)
    order = rows.argsort(dim=1, stable=True)
    kept = torch.ones_like(rows, dtype=torch.bool)
    return kept.scatter_(1, order[:, :gone], False)
