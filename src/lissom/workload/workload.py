"""A workload: a model, example inputs, data in three splits, and a task."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from lissom.core.progress import Progress
from lissom.core.records import Curve, Sight
from lissom.graph import Cut
from lissom.graph.coupling import matches
from lissom.layers.replacement import PASSED, Replacement
from lissom.workload.changes import Change, Zeros

Grades = npt.NDArray[np.floating]


@dataclass(frozen=True)
class Batch:
    """What a model is fed and what it should answer.

    ``inputs`` are the positional inputs, each ``(batch, ...)``; ``targets`` is ``(batch, ...)``, or ``None``
    where there are no labels; ``indices`` says which examples of the split these are.
    """

    inputs: tuple[Tensor, ...]
    targets: Tensor | None
    indices: Tensor


@runtime_checkable
class Split(Protocol):
    """Examples that can be taken by number."""

    def __len__(self) -> int: ...

    def take(self, indices: Sequence[int], *, view: int | None = None) -> Batch:
        """The examples at ``indices``.

        Args:
            indices: which examples.
            view: ``None`` for the example as it is; a number for that augmented view of it, which is the same
                each time it is asked for, so that a teacher's answer to it can be kept.
        """
        ...


@runtime_checkable
class Lengthy(Protocol):
    """A split whose examples have different lengths; batches are filled up to the longest of them."""

    @property
    def lengths(self) -> Sequence[int]:
        """The length of each example."""
        ...


@runtime_checkable
class Evened(Protocol):
    """A split of different lengths of which there is a longest, known beforehand."""

    def even(self) -> Split:
        """The same examples, filled up to one length in every batch."""
        ...


@runtime_checkable
class Playable(Protocol):
    """A split whose examples are sound."""

    @property
    def names(self) -> Sequence[str]:
        """What each example is called."""
        ...

    def sound(self, row: int) -> bytes:
        """What the model hears of one example, as a FLAC file."""
        ...


@runtime_checkable
class Worded(Protocol):
    """A split whose examples are answered with a text, for which a model learns tokens."""

    @property
    def names(self) -> Sequence[str]:
        """What each example is called; of one that is a text, the text."""
        ...

    @property
    def texts(self) -> Sequence[str] | None:
        """What should be answered to each example, where it is known."""
        ...

    def with_answers(self, answers: Sequence[Sequence[int]]) -> Split:
        """The same examples with other tokens to be learnt, without prompt and end."""
        ...


@runtime_checkable
class Watchable(Protocol):
    """A split whose examples are videos."""

    @property
    def names(self) -> Sequence[str]:
        """What each example is called."""
        ...

    def film(self, row: int) -> bytes:
        """A small copy of one example for people to look at, as an MP4 file."""
        ...


@runtime_checkable
class Several(Protocol):
    """A split of which each example is looked at several times; its answer is the mean of the model's answers."""

    def looks(self) -> Sequence[Split]:
        """The same examples in the same order once for each look; this split alone where there is one look."""
        ...


def looks_at(split: Split) -> Sequence[Split]:
    """The split once for each look at its examples: itself, where there is one."""
    return split.looks() if isinstance(split, Several) else (split,)


@runtime_checkable
class Chained(Protocol):
    """A split in which what a model is asked depends on what it answered before, as frames of a film do."""

    @property
    def together(self) -> npt.NDArray[np.int64]:
        """A number for each example, the same for those that belong together, ``(examples,)``."""
        ...

    def some(self, examples: int) -> tuple["Split", npt.NDArray[np.int64]]:
        """A split of about so many examples, all that belong together, and which of this one's they are."""
        ...

    def answered(
        self, answer: Callable[[Sequence[Tensor]], npt.NDArray[Any]], progress: Progress, what: str
    ) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        """What a model answers to all examples ``(examples, ...)``, and the targets.

        Args:
            answer: inputs of a batch to the model's outputs.
            progress: shows how far it is.
            what: what it says.
        """
        ...


@runtime_checkable
class Visible(Protocol):
    """A split of pictures that models make pictures of."""

    def sights(self, original: npt.NDArray[Any], result: npt.NDArray[Any]) -> Sequence[Sight]:
        """A few examples, each beside what two models answer to all of them ``(examples, ...)``."""
        ...

    def curves(self, original: npt.NDArray[Any], result: npt.NDArray[Any]) -> Sequence[Curve]:
        """How well both do at each rate."""
        ...


class Task(Protocol):
    """How a batch is fed, what the loss is, what the score is, how outputs are compared with a teacher's."""

    @property
    def name(self) -> str:
        """As in the table of tasks."""
        ...

    def loss(self, outputs: Any, targets: Tensor) -> Tensor:
        """The training loss of a batch, a scalar."""
        ...

    def distance(self, outputs: Any, teacher: Any) -> Tensor:
        """How far a batch of outputs is from the teacher's, a scalar that can be trained on."""
        ...

    def probe(self, outputs: Any, generator: torch.Generator) -> Tensor:
        """A random scalar of a batch of outputs whose squared derivative is, in the mean, the curvature of
        :meth:`distance` at the model's own outputs (the Fisher information), summed over the batch."""
        ...

    def grade(self, outputs: npt.NDArray[Any], targets: npt.NDArray[Any] | None) -> Grades:
        """What the score needs of each example, ``(batch, ...)``."""
        ...

    def score(self, grades: Grades) -> float:
        """The score of graded examples, 0 to 100, higher is better."""
        ...

    def agreement(self, outputs: npt.NDArray[Any], original: npt.NDArray[Any]) -> Grades:
        """Grades of outputs where the original's outputs are taken for the truth."""
        ...

    def divergence(self, outputs: npt.NDArray[Any], original: npt.NDArray[Any]) -> float | None:
        """How far the chances that outputs give the classes are from the original's, in nats; ``None``: no classes."""
        ...

    def chance(self, targets: npt.NDArray[Any]) -> float:
        """The score of guessing without looking."""
        ...

    def check(self, outputs: npt.NDArray[Any], targets: npt.NDArray[Any], classes: tuple[str, ...] = ()) -> None:
        """Refuse an original that does not know its task, before any work.

        Raises:
            LissomError: it scores at chance level, or its classes are in another order than the data's.
        """
        ...

    def classes(self, grades: Grades, targets: npt.NDArray[Any]) -> tuple[float | None, ...]:
        """The score by class, in class order, ``None`` for one without examples; empty where there are none."""
        ...


@runtime_checkable
class Metered(Protocol):
    """A task that has several metrics, one of which is the score."""

    @property
    def metric(self) -> str:
        """Its name."""
        ...


@dataclass(frozen=True)
class Splits:
    """``train`` to learn from, ``select`` to choose by, ``test`` for the verdict."""

    train: Split
    select: Split
    test: Split
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Workload:
    """A model with everything that is needed to change it and to judge the change.

    ``example`` is a batch of one. ``timed`` are those that latency is measured with, one after the other, where answers
    are short and it is up to the model how short; none: the example. ``handling`` is the JSON form of what happens to a
    raw input before the model and to its output afterwards; it goes into the bundle as it is. ``labelled`` is false
    where the original's own answers stand in for labels. ``keep`` are name patterns of layers to leave alone.
    ``changes`` are what was done to the structure of the model that the workload began with, in order.
    ``files`` go into the bundle beside the handling, by name. ``views`` is how many different augmented views a
    training example has, ``None`` for any number. ``int8_layers`` are name patterns of the layers that alone may be in
    INT8, where the rest is deployed in numbers of its own; none: any layer.
    """

    name: str
    module: nn.Module
    example: tuple[Tensor, ...]
    task: Task
    splits: Splits
    classes: tuple[str, ...] = ()
    handling: dict[str, Any] = field(default_factory=dict[str, Any])
    labelled: bool = True
    keep: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    changes: tuple[Change, ...] = ()
    files: Mapping[str, bytes] = field(default_factory=dict[str, bytes])
    views: int | None = None
    int8_layers: tuple[str, ...] = ()
    timed: tuple[tuple[Tensor, ...], ...] = ()

    @property
    def cut(self) -> Cut | None:
        """What was cut from the model, if anything was."""
        return next((change for change in self.changes if isinstance(change, Cut)), None)

    @property
    def parameters(self) -> int:
        """How many parameters the model has."""
        return sum(parameter.numel() for parameter in self.module.parameters())

    @property
    def left_out(self) -> tuple[str, ...]:
        """The names of the blocks that were left out."""
        made = (change for change in self.changes if isinstance(change, Replacement))
        return tuple(change.module for change in made if change.kind == PASSED)

    @property
    def zeros(self) -> tuple[str, ...]:
        """The names of the weights of which the zeros stay zero, whatever is learnt; of those that are still there."""
        held = {name for name, _ in self.module.named_parameters()}
        made = (change.names for change in self.changes if isinstance(change, Zeros))
        return tuple(name for names in made for name in names if name in held)

    def leaves_alone(self, name: str) -> bool:
        """Whether a module or parameter called ``name`` is one that ``keep`` protects."""
        return any(matches(name, pattern) for pattern in self.keep)

    def with_module(self, module: nn.Module) -> "Workload":
        """The same workload with another model."""
        return replace(self, module=module)

    def with_notes(self, notes: Sequence[str]) -> "Workload":
        """The same workload with more to say about it."""
        return replace(self, notes=(*self.notes, *notes))

    def with_changes(self, changes: Sequence[Change]) -> "Workload":
        """The same workload, knowing what more was done to its structure."""
        return replace(self, changes=(*self.changes, *changes))


def calibration_batches(split: Split, *, examples: int, batch: int, seed: int) -> list[Batch]:
    """A fixed random sample of a split, without augmentation, in batches of one shape.

    Of examples that are put into words that is the shape of the longest of the sample, not of all: one text of a
    thousand words does not make room for a thousand everywhere.
    """
    generator = torch.Generator().manual_seed(seed)
    order = torch.randperm(len(split), generator=generator)[:examples].tolist()
    starts = range(0, len(order), batch)
    if isinstance(split, Worded):
        drawn = split.take(order)
        return [_part(drawn, slice(start, start + batch)) for start in starts]
    split = split.even() if isinstance(split, Evened) else split
    return [split.take(order[start : start + batch]) for start in starts]


def _part(batch: Batch, rows: slice) -> Batch:
    targets = None if batch.targets is None else batch.targets[rows]
    return Batch(tuple(part[rows] for part in batch.inputs), targets, batch.indices[rows])
