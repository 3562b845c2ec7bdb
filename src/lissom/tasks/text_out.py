"""A task that is answered with a text: speech to text, text to text. What a text is worth is a measure's to say."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from lissom.core.errors import LissomError
from lissom.tasks.forcing import IGNORED
from lissom.tasks.generating import spoken
from lissom.tasks.scripts import check_script
from lissom.tasks.softened import softened_distance, softened_probe
from lissom.workload.codes import as_texts
from lissom.workload.workload import Grades

SHOWN = 2


class Measure(Protocol):
    """How good texts are, by sums over examples."""

    @property
    def least(self) -> float:
        """The score below which an original does not know its task."""
        ...

    def grade(self, answers: Sequence[str], references: Sequence[str]) -> Grades:
        """What the score needs of each example, to be summed up: ``(examples, ...)``."""
        ...

    def score(self, grades: Grades) -> float:
        """The score of graded examples, 0 to 100, higher is better."""
        ...


@dataclass(frozen=True)
class TextOut:
    """A text for each example.

    While it learns, a model gives scores ``(batch, length, words)`` of the token after each token of a given answer,
    all zero where there is padding. When it is asked, it gives the tokens that it says, ``(batch, longest)``, filled
    up as :func:`lissom.tasks.generating.said` does; references are code points.

    Args:
        name: as in the table of tasks.
        text: from tokens to what they say.
        measure: what texts are worth.
        examples: what they are called, for messages.
        blank: of a model that says a token or nothing at each place of its input (CTC): the token that is nothing. By
            default tokens are forced, one after the other.
        label_smoothing: share of the target that is spread over all words while training.
        temperature: softens both sides of the distillation distance (Hinton et al. 2015, section 2).
    """

    name: str
    text: Callable[[Sequence[int]], str]
    measure: Measure
    examples: str
    blank: int | None = None
    label_smoothing: float = 0.0
    temperature: float = 1.0

    def loss(self, outputs: Any, targets: Tensor) -> Tensor:
        """Cross entropy of the tokens, those that are ignored left out; or what all ways to say them are worth together
        (Graves et al. 2006, section 4.1)."""
        if self.blank is not None:
            places = torch.full((len(outputs),), outputs.shape[1])
            lengths = (targets != IGNORED).sum(1)
            shares = F.log_softmax(outputs.float(), dim=-1).transpose(0, 1)
            return F.ctc_loss(shares, targets.clamp(min=0), places, lengths, self.blank, zero_infinity=True)
        return F.cross_entropy(
            outputs.flatten(0, 1), targets.flatten(), ignore_index=IGNORED, label_smoothing=self.label_smoothing
        )

    def distance(self, outputs: Any, teacher: Any) -> Tensor:
        """Kullback-Leibler divergence from the teacher's softened answer, mean of the tokens, times the temperature
        squared (Kim and Rush 2016, section 3.1, word-level distillation)."""
        real = _real(teacher)
        return softened_distance(outputs[real], teacher[real], self.temperature)

    def probe(self, outputs: Any, generator: torch.Generator) -> Tensor:
        """The log-probability of tokens drawn from the softened answers: see :func:`softened_probe`."""
        return softened_probe(outputs[_real(outputs)], self.temperature, generator)

    def texts(self, outputs: npt.NDArray[Any]) -> list[str]:
        """What was said, ``(batch, longest)`` tokens."""
        return [self.text(tokens) for tokens in spoken(outputs)]

    def grade(self, outputs: npt.NDArray[Any], targets: npt.NDArray[Any] | None) -> Grades:
        """What the measure counts of each answer beside its reference, ``(batch, ...)``."""
        assert targets is not None, "grading needs references; without them use agreement"
        return self.measure.grade(self.texts(outputs), as_texts(targets))

    def score(self, grades: Grades) -> float:
        """The score of the measure."""
        return self.measure.score(grades)

    def agreement(self, outputs: npt.NDArray[Any], original: npt.NDArray[Any]) -> Grades:
        """The same with what the original says as the reference."""
        return self.measure.grade(self.texts(outputs), self.texts(original))

    def divergence(self, outputs: npt.NDArray[Any], original: npt.NDArray[Any]) -> None:
        """None: there are no classes."""

    def chance(self, targets: npt.NDArray[Any]) -> float:
        """The score of guessing: 0."""
        return 0.0

    def check(self, outputs: npt.NDArray[Any], targets: npt.NDArray[Any], classes: tuple[str, ...] = ()) -> None:
        """Refuse an original that says something else.

        Raises:
            LissomError: it writes another script than the references, or its score is next to nothing.
        """
        answers, references = self.texts(outputs), as_texts(targets)
        check_script(answers, references)
        found = self.score(self.measure.grade(answers, references))
        if found < self.measure.least:
            pairs = "; ".join(
                f"{said!r} for {wanted!r}" for said, wanted in list(zip(answers, references, strict=True))[:SHOWN]
            )
            raise LissomError(
                f"the original does not know its task: a score of {found:.1f} on {len(answers)} {self.examples}. "
                f"It says {pairs}",
                hint="check that model, texts and language belong together",
            )

    def classes(self, grades: Grades, targets: npt.NDArray[Any]) -> tuple[float | None, ...]:
        """Nothing: there are no classes."""
        return ()


def _real(scores: Tensor) -> Tensor:
    """Where scores are not of padding, ``(batch, length)``."""
    return (scores != 0).any(dim=-1)
