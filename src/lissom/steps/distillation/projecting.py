"""Learnt projections of a student's features to the width of the teacher's: for training only."""

from torch import Tensor, nn


class Projection(nn.Module):
    """A linear map over channels of ``(batch, channels, height, width)`` or over the last dimension.

    Romero et al., 2015, section 2.2 (the regressor); Jiao et al., 2020, section 3.1.

    Args:
        student: the student's width.
        teacher: the teacher's.
    """

    def __init__(self, student: int, teacher: int) -> None:
        super().__init__()
        self.linear = nn.Linear(student, teacher, bias=False)
        nn.init.orthogonal_(self.linear.weight)

    def forward(self, features: Tensor) -> Tensor:
        """The features at the teacher's width."""
        if features.dim() == 4:
            return self.linear(features.movedim(1, -1)).movedim(-1, 1)
        return self.linear(features)
