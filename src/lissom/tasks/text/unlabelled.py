"""Texts without labels for a teacher to answer: a plain file with one in each line, or a table."""

from dataclasses import replace
from pathlib import Path

from lissom.core.errors import LissomError
from lissom.tasks.text.files import text_of
from lissom.tasks.text.handling import TOKENIZER, Encoder, Texts
from lissom.tasks.text.sources import find
from lissom.tasks.text.split import TextSplit
from lissom.tasks.text.tables import Wanted
from lissom.workload.workload import Workload


def unlabelled_split(workload: Workload, source: str) -> TextSplit:
    """The texts of a source as the model of ``workload`` reads them, with the views of its training split.

    Args:
        workload: of the task text.
        source: a ``.txt`` file with one text in each line; or what ``--data`` takes, of which labels are not read.

    Raises:
        LissomError: the workload is not one of texts, there is no such source, it is empty or not UTF-8, or holds
            pairs where the model reads single texts.
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
    return replace(train, tokens=tokens, types=types, labels=None)


def _texts(source: str) -> list[Texts]:
    path = Path(source).expanduser()
    if path.suffix.lower() == ".txt" and path.is_file():
        return [(line.strip(),) for line in text_of(path).splitlines() if line.strip()]
    found = find(source, Wanted())
    return [part.items.read(int(row)) for part in found.parts.values() for row in part.rows]
