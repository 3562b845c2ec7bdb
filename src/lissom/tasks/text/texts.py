"""Texts in memory, as the items of a listing."""

from collections.abc import Sequence
from dataclasses import dataclass

from lissom.tasks.text.handling import Texts


@dataclass(frozen=True)
class TextItems:
    """Texts or pairs of texts. An example is called by its text, which so decides in which split it lands."""

    rows: Sequence[Texts]

    def __len__(self) -> int:
        return len(self.rows)

    def read(self, row: int) -> Texts:
        """One text, or a pair."""
        return self.rows[row]

    def name(self, row: int) -> str:
        """The text itself."""
        return "\n".join(self.rows[row])
