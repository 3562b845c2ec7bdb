"""Classification as a task, of pictures, sounds and videos alike: cross entropy, distillation, accuracy in percent."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from lissom.tasks.class_order import check_original
from lissom.tasks.divergence import divergence
from lissom.tasks.softened import softened_distance, softened_probe
from lissom.workload.workload import Grades

Loss = Callable[[Tensor, Tensor], Tensor]
Metric = Callable[[npt.NDArray[Any], npt.NDArray[Any]], Grades]


@dataclass(frozen=True)
class Classification:
    """One class out of several for each picture or other example; outputs are ``(batch, classes)`` before the softmax.

    Args:
        num_classes: how many classes there are.
        label_smoothing: share of the target that is spread over all classes while training.
        temperature: softens both sides of the distillation distance (Hinton et al. 2015, section 2).
        own_loss: replaces cross entropy; from ``(outputs, targets)`` to a scalar.
        own_metric: replaces "is the likeliest class right"; from ``(outputs, targets)`` to a grade between 0
            and 1 for each example.
        name: as in the table of tasks.
        examples: what they are called in messages.
        settings: the options that say how they are prepared, for hints.
    """

    num_classes: int
    label_smoothing: float = 0.0
    temperature: float = 4.0
    own_loss: Loss | None = None
    own_metric: Metric | None = None
    name: str = "image"
    examples: str = "pictures"
    settings: str = "--size, --mean and --std"

    def loss(self, outputs: Any, targets: Tensor) -> Tensor:
        """The mean loss of a batch, a scalar."""
        if self.own_loss is not None:
            return self.own_loss(logits(outputs), targets)
        return F.cross_entropy(logits(outputs), targets, label_smoothing=self.label_smoothing)

    def distance(self, outputs: Any, teacher: Any) -> Tensor:
        """Kullback-Leibler divergence from the teacher's softened answer, times the temperature squared."""
        return softened_distance(logits(outputs), logits(teacher), self.temperature)

    def probe(self, outputs: Any, generator: torch.Generator) -> Tensor:
        """The log-probability of classes drawn from the softened answers: see :func:`softened_probe`."""
        return softened_probe(logits(outputs), self.temperature, generator)

    def grade(self, outputs: npt.NDArray[Any], targets: npt.NDArray[Any] | None) -> Grades:
        """1 where the likeliest class is the target, else 0, ``(batch,)``."""
        assert targets is not None, "grading needs labels; without them use agreement"
        if self.own_metric is not None:
            return np.asarray(self.own_metric(outputs, targets), dtype=np.float64)
        return (outputs.argmax(1) == targets).astype(np.float64)

    def score(self, grades: Grades) -> float:
        """Accuracy in percent (100 times the mean grade)."""
        return 100.0 * float(grades.mean())

    def agreement(self, outputs: npt.NDArray[Any], original: npt.NDArray[Any]) -> Grades:
        """1 where the likeliest class is the original's, else 0, ``(batch,)``."""
        return (outputs.argmax(1) == original.argmax(1)).astype(np.float64)

    def divergence(self, outputs: npt.NDArray[Any], original: npt.NDArray[Any]) -> float:
        """The mean Kullback-Leibler divergence from the original's probabilities, in nats."""
        return divergence(outputs, original)

    def chance(self, targets: npt.NDArray[Any]) -> float:
        """The accuracy in percent of always answering the most frequent class."""
        return 100.0 * float(np.bincount(targets).max()) / len(targets)

    def check(self, outputs: npt.NDArray[Any], targets: npt.NDArray[Any], classes: tuple[str, ...] = ()) -> None:
        """Refuse an original that guesses, or whose classes are in another order than the data's.

        Args:
            outputs: of the original on the select split, ``(examples, classes)``.
            targets: ``(examples,)``.
            classes: names of the outputs.

        Raises:
            LissomError: saying which, with the order that its answers suggest.
        """
        check_original(outputs, targets, classes, what=self.examples, settings=self.settings)

    def classes(self, grades: Grades, targets: npt.NDArray[Any]) -> tuple[float | None, ...]:
        """The accuracy in percent of each class, in class order; ``None`` where it has no example."""
        counts = np.bincount(targets, minlength=self.num_classes)
        sums = np.bincount(targets, weights=grades, minlength=self.num_classes)
        return tuple(100.0 * float(total) / int(n) if n else None for total, n in zip(sums, counts, strict=True))


def logits(outputs: Any) -> Tensor:
    """The scores of the classes among what a model returns: the tensor itself, the first one, or ``logits``."""
    if isinstance(outputs, Tensor):
        return outputs
    if isinstance(outputs, Mapping):
        return outputs["logits"]  # pyright: ignore[reportUnknownVariableType]
    return outputs[0]
