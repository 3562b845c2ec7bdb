"""Distillation of how the examples of a batch lie to each other: distances and angles."""

import torch
import torch.nn.functional as F
from torch import Tensor


def rkd(student: Tensor, teacher: Tensor, *, distance: float = 1.0, angle: float = 2.0) -> Tensor:
    """The difference of all distances and angles between examples, a scalar. Widths may differ.

    Park, Kim, Lu and Cho, 2019, "Relational knowledge distillation", sections 3.2.1 and 3.2.2.

    Args:
        student: features of the examples, ``(batch, ...)``, flattened.
        teacher: likewise, of any width.
        distance: weight of the distances.
        angle: weight of the angles.
    """
    ours, theirs = student.flatten(1), teacher.flatten(1)
    far = F.smooth_l1_loss(_distances(ours), _distances(theirs))
    turned = F.smooth_l1_loss(_angles(ours), _angles(theirs))
    return distance * far + angle * turned


def _distances(features: Tensor) -> Tensor:
    """Distances between all examples in units of their mean, ``(batch, batch)``."""
    apart = features[:, None] - features[None]
    distances = (apart.square().sum(-1) + 1e-12).sqrt() * (1 - torch.eye(len(features), device=features.device))
    positive = distances[distances > 1e-5]
    return distances / (positive.mean() if len(positive) else 1.0)


def _angles(features: Tensor) -> Tensor:
    """Cosines of the angles at each example between all pairs of others, ``(batch, batch, batch)``."""
    towards = F.normalize(features[None] - features[:, None], dim=-1)
    return towards @ towards.mT
