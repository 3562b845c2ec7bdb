"""Which script a text is written in, so that a model of another language is noticed before any work."""

from collections import Counter
from collections.abc import Sequence

from lissom.core.errors import LissomError
from lissom.tasks.letters import script

_MOST = 0.8  # of the letters, from which on a text is of one script
_LETTERS = 20


def script_of(texts: Sequence[str]) -> str | None:
    """The script of most letters, as Unicode names it, such as ``"LATIN"``; ``None``: they are mixed, or too few."""
    letters = (letter for text in texts for letter in text if letter.isalpha())
    counts = Counter(script(letter) for letter in letters)
    total = counts.total()
    if total < _LETTERS:
        return None
    name, most = counts.most_common(1)[0]
    return name if most >= _MOST * total else None


def check_script(answers: Sequence[str], references: Sequence[str]) -> None:
    """Refuse references in another script than a model writes.

    Raises:
        LissomError: both are of one script, and it is not the same.
    """
    ours, theirs = script_of(answers), script_of(references)
    if ours is not None and theirs is not None and ours != theirs:
        raise LissomError(
            f"the texts are written in {theirs.lower()} letters, the model answers in {ours.lower()} ones: "
            f"{references[0][:40]!r}, {answers[0][:40]!r}",
            hint="the model is of another language, or columns are exchanged",
        )
