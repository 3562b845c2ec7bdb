"""What a source of data holds, of any task, before anything of it is prepared: examples by number, and labels."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[np.int64]
PARTS = {
    "train": "train", "training": "train",
    "val": "select", "valid": "select", "validation": "select", "dev": "select", "select": "select",
    "test": "test", "testing": "test",
}  # fmt: skip
Together = Callable[[str], str]  # from a name to what examples share that are never divided
Item = TypeVar("Item")
Read = TypeVar("Read", covariant=True)


class Items(Protocol[Read]):
    """Examples that can be read by number, from several threads at once."""

    def __len__(self) -> int: ...

    def read(self, row: int) -> Read:
        """Open one example."""
        ...

    def name(self, row: int) -> str:
        """What to call it in messages; decides in which split it lands."""
        ...


@dataclass(frozen=True)
class Listing(Generic[Item]):
    """Some of the examples, with their labels: what a split is made of before it is prepared.

    ``rows`` says which examples, ``labels`` their class numbers (or numbers to be told), both ``(examples,)``.
    ``groups`` are the names of what examples have in common beside their class, such as the speaker, ``(examples,)``:
    a group is never divided.
    """

    items: Items[Item]
    rows: Rows
    labels: npt.NDArray[Any] | None
    groups: npt.NDArray[np.str_] | None = None

    def __len__(self) -> int:
        return len(self.rows)

    def at(self, positions: npt.ArrayLike) -> "Listing[Item]":
        """The examples at ``positions``, in that order."""
        chosen = np.asarray(positions, dtype=np.int64)
        labels, groups = (None if values is None else values[chosen] for values in (self.labels, self.groups))
        return Listing(self.items, self.rows[chosen], labels, groups)

    def names(self) -> list[str]:
        """What the examples are called."""
        return [self.items.name(int(row)) for row in self.rows]


@dataclass(frozen=True)
class Found(Generic[Item]):
    """What a source of data holds.

    ``parts`` are listings by ``"train"``, ``"select"``, ``"test"`` or ``"all"``; ``numbered`` says that labels
    are the numbers of the model's outputs, not positions in ``classes``; ``preprocessing`` is what the data
    set is usually given, as the arguments of the task's preprocessing; ``grouped_by`` is what groups are called;
    ``together`` tells by the names of examples which are never divided, such as a sentence in any case.
    """

    name: str
    parts: dict[str, Listing[Item]]
    classes: tuple[str, ...] = ()
    numbered: bool = False
    preprocessing: dict[str, Any] | None = None
    notes: tuple[str, ...] = ()
    grouped_by: str = "speakers"
    together: Together | None = None

    @property
    def labelled(self) -> bool:
        """Whether all examples have labels."""
        return all(part.labels is not None for part in self.parts.values())
