"""Texts as a task: one class of several, or a number such as the similarity of two sentences."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from lissom.core.errors import LissomError
from lissom.tasks.class_order import check_original
from lissom.tasks.divergence import divergence
from lissom.tasks.softened import softened_distance, softened_probe
from lissom.tasks.text.metrics import METRICS, accuracy
from lissom.workload.workload import Grades

SETTINGS = "--tokenizer and --length"


@dataclass(frozen=True)
class TextClassification:
    """One class out of several for each text; outputs are ``(batch, classes)`` before the softmax.

    Args:
        num_classes: how many classes there are.
        metric: ``accuracy``, ``macro-f1`` or ``matthews``.
        label_smoothing: share of the target that is spread over all classes while training.
        temperature: softens both sides of the distillation distance (Hinton et al. 2015, section 2).
    """

    num_classes: int
    metric: str = "accuracy"
    label_smoothing: float = 0.0
    temperature: float = 2.0
    name: str = "text"

    def loss(self, outputs: Any, targets: Tensor) -> Tensor:
        """Cross entropy, a scalar."""
        return F.cross_entropy(outputs, targets, label_smoothing=self.label_smoothing)

    def distance(self, outputs: Any, teacher: Any) -> Tensor:
        """Kullback-Leibler divergence from the teacher's softened answer, times the temperature squared."""
        return softened_distance(outputs, teacher, self.temperature)

    def probe(self, outputs: Any, generator: torch.Generator) -> Tensor:
        """The log-probability of classes drawn from the softened answers: see :func:`softened_probe`."""
        return softened_probe(outputs, self.temperature, generator)

    def grade(self, outputs: npt.NDArray[Any], targets: npt.NDArray[Any] | None) -> Grades:
        """The likeliest class and the true one, ``(batch, 2)``."""
        assert targets is not None, "grading needs labels; without them use agreement"
        return np.stack([outputs.argmax(1), targets], axis=1).astype(np.float64)

    def score(self, grades: Grades) -> float:
        """The metric, in percent."""
        return METRICS[self.metric](grades[:, 0], grades[:, 1])

    def agreement(self, outputs: npt.NDArray[Any], original: npt.NDArray[Any]) -> Grades:
        """The likeliest class and the original's, ``(batch, 2)``."""
        return self.grade(outputs, original.argmax(1))

    def divergence(self, outputs: npt.NDArray[Any], original: npt.NDArray[Any]) -> float:
        """The mean Kullback-Leibler divergence from the original's probabilities, in nats."""
        return divergence(outputs, original)

    def chance(self, targets: npt.NDArray[Any]) -> float:
        """The score of always answering the most frequent class."""
        usual = np.full(len(targets), np.bincount(targets).argmax())
        return METRICS[self.metric](usual, targets)

    def check(self, outputs: npt.NDArray[Any], targets: npt.NDArray[Any], classes: tuple[str, ...] = ()) -> None:
        """Refuse an original that guesses, or whose classes are in another order than the data's.

        Raises:
            LissomError: saying which, with the order that its answers suggest.
        """
        check_original(outputs, targets, classes, what="texts", settings=SETTINGS)

    def classes(self, grades: Grades, targets: npt.NDArray[Any]) -> tuple[float | None, ...]:
        """The share of each class that is answered rightly, in percent; ``None`` where it has no example."""
        found = [grades[targets == number] for number in range(self.num_classes)]
        return tuple(accuracy(part[:, 0], part[:, 1]) if len(part) else None for part in found)


@dataclass(frozen=True)
class TextRegression:
    """A number for each text or pair, such as a similarity; outputs are ``(batch, 1)``, scored by rank."""

    metric: str = "spearman"
    name: str = "text"

    def loss(self, outputs: Any, targets: Tensor) -> Tensor:
        """The mean square error, a scalar."""
        return F.mse_loss(outputs[:, 0], targets.to(outputs.dtype))

    def distance(self, outputs: Any, teacher: Any) -> Tensor:
        """The mean square difference from the teacher."""
        return F.mse_loss(outputs, teacher)

    def probe(self, outputs: Any, generator: torch.Generator) -> Tensor:
        """The outputs times normal noise, summed: its squared derivative is the curvature of the distance."""
        noise = torch.randn(outputs.shape, generator=generator, device=generator.device)
        return 2**0.5 * (outputs * noise.to(outputs.device)).sum()

    def grade(self, outputs: npt.NDArray[Any], targets: npt.NDArray[Any] | None) -> Grades:
        """What was predicted and what is true, ``(batch, 2)``."""
        assert targets is not None, "grading needs labels; without them use agreement"
        return np.stack([outputs[:, 0], targets], axis=1).astype(np.float64)

    def score(self, grades: Grades) -> float:
        """Spearman's correlation, times 100."""
        return METRICS[self.metric](grades[:, 0], grades[:, 1])

    def agreement(self, outputs: npt.NDArray[Any], original: npt.NDArray[Any]) -> Grades:
        """What was predicted and what the original predicts, ``(batch, 2)``."""
        return self.grade(outputs, original[:, 0])

    def divergence(self, outputs: npt.NDArray[Any], original: npt.NDArray[Any]) -> None:
        """None: there are no classes."""

    def chance(self, targets: npt.NDArray[Any]) -> float:
        """The score of guessing: 0."""
        return 0.0

    def check(self, outputs: npt.NDArray[Any], targets: npt.NDArray[Any], classes: tuple[str, ...] = ()) -> None:
        """Refuse an original that guesses.

        Raises:
            LissomError: its numbers are not finite, or do not go with those of the data.
        """
        if not np.isfinite(outputs).all():
            raise LissomError("the original answers NaN or infinite numbers", hint="check its weights")
        found = self.score(self.grade(outputs, targets))
        noise = 300.0 / np.sqrt(max(2, len(targets)))
        if found <= noise:
            raise LissomError(
                f"the original's numbers do not go with those of the data: a rank correlation of {found:.1f} % "
                f"on {len(targets)} texts",
                hint=f"check --weights, the column of labels, and {SETTINGS}",
            )

    def classes(self, grades: Grades, targets: npt.NDArray[Any]) -> tuple[float | None, ...]:
        """Nothing: there are no classes."""
        return ()
