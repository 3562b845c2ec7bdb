"""Texts without labels for a teacher to answer: a plain file with one in each line, or a table."""

from collections.abc import Sequence
from dataclasses import replace

from lissom.core.errors import LissomError
from lissom.core.files import place_of
from lissom.core.progress import Progress
from lissom.tasks.text.files import text_of
from lissom.tasks.text.handling import TOKENIZER, Encoder, Numbers, Texts
from lissom.tasks.text.sources import find
from lissom.tasks.text.split import TextSplit
from lissom.tasks.text.tables import Wanted
from lissom.workload.workload import Workload


def unlabelled_split(workload: Workload, source: str, progress: Progress | None = None) -> TextSplit:
    """The texts of a source as the model of ``workload`` reads them, with the views of its training split.

    Texts that are in the select or the test split are left out: nothing is learnt from what is judged by.

    Args:
        workload: of the task text.
        source: a ``.txt`` file with one text in each line; or what ``--data`` takes, of which labels are not read.
        progress: says how many were left out.

    Raises:
        LissomError: the workload is not one of texts, there is no such source, it is empty or not UTF-8, holds
            pairs where the model reads single texts, or no text but those of the select and the test split.
    """
    train = workload.splits.train
    if not isinstance(train, TextSplit):
        raise LissomError(f"texts without labels are for models of texts; {workload.name} is none")
    texts = _texts(source)
    if not texts:
        raise LissomError(f"{source} holds no text", hint="one text in each line")
    if len(texts[0]) != train.encoding.texts:
        wanted = "pairs of texts" if train.encoding.texts == 2 else "single texts"
        raise LissomError(f"{workload.name} reads {wanted}, and {source} has {len(texts[0])} texts in each row")
    tokens, types = Encoder(workload.files[TOKENIZER].decode("utf-8"), train.encoding).numbers(texts)
    kept = _unjudged(tokens, workload)
    if not kept:
        raise LissomError(f"all texts of {source} are in the select or the test split", hint="give other texts")
    if progress is not None and len(kept) < len(tokens):
        progress.say(f"{len(tokens) - len(kept)} texts of {source} are in select or test: they were left out")
    return replace(train, tokens=[tokens[row] for row in kept], types=[types[row] for row in kept], labels=None)


def _unjudged(tokens: Sequence[Numbers], workload: Workload) -> list[int]:
    """The rows that are neither in the select nor in the test split."""
    parts = (workload.splits.select, workload.splits.test)
    judged = {item.tobytes() for part in parts if isinstance(part, TextSplit) for item in part.tokens}
    return [row for row, item in enumerate(tokens) if item.tobytes() not in judged]


def _texts(source: str) -> list[Texts]:
    path = place_of(source)
    if path.suffix.lower() == ".txt" and path.is_file():
        return [(line.strip(),) for line in text_of(path).split("\n") if line.strip()]
    found = find(source, Wanted())
    return [part.items.read(int(row)) for part in found.parts.values() for row in part.rows]
