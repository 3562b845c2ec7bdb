"""Distillation by contrast: a student's view of an example is nearer to the teacher's of it than to any other's."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Contrast(nn.Module):
    """Contrastive representation distillation with the other examples of the batch, and earlier ones, as negatives.

    Tian, Krishnan and Isola, 2020, "Contrastive representation distillation", section 3.1, in the form of InfoNCE
    (their section 3.1, "contrastive loss"; van den Oord et al., 2018) with a queue of the teacher's earlier views
    instead of two memories of the whole data set, so that memory does not grow with it.

    Args:
        student: width of the student's features.
        teacher: width of the teacher's.
        size: width of the space in which they are compared.
        queue: how many earlier examples are negatives too.
        temperature: divides the similarities.
    """

    kept: Tensor
    numbers: Tensor

    def __init__(
        self, student: int, teacher: int, *, size: int = 128, queue: int = 1024, temperature: float = 0.07
    ) -> None:
        super().__init__()
        self.ours, self.theirs = nn.Linear(student, size), nn.Linear(teacher, size)
        self.temperature = temperature
        self.register_buffer("kept", torch.zeros(queue, size))
        self.register_buffer("numbers", torch.full((queue,), -1))

    def forward(self, student: Tensor, teacher: Tensor, examples: Tensor) -> Tensor:
        """The loss, a scalar.

        Args:
            student: features, ``(batch, student)``.
            teacher: ``(batch, teacher)``.
            examples: numbers of the examples, ``(batch,)``: an example is no negative of itself.
        """
        ours, theirs = F.normalize(self.ours(student), dim=1), F.normalize(self.theirs(teacher), dim=1)
        filled = self.numbers >= 0
        negatives = torch.cat([theirs, self.kept[filled]])
        numbers = torch.cat([examples, self.numbers[filled]])
        similar = ours @ negatives.T / self.temperature
        own = torch.arange(len(ours), device=ours.device)
        same = examples[:, None] == numbers[None]
        same[own, own] = False
        loss = F.cross_entropy(similar.masked_fill(same, -torch.inf), own)
        self._remember(theirs.detach(), examples)
        return loss

    def _remember(self, theirs: Tensor, examples: Tensor) -> None:
        if not self.training or not len(self.kept):
            return
        count = len(self.kept)
        self.kept = torch.cat([theirs.to(self.kept.dtype), self.kept])[:count]
        self.numbers = torch.cat([examples, self.numbers])[:count]
