"""Texts without labels for the benchmark of distillation: the other snippets of the package vaderSentiment."""

from collections.abc import Sequence
from dataclasses import replace

import torch

from lissom.core.packages import in_tar, kept_files
from lissom.core.progress import Progress
from lissom.tasks.text.handling import Encoder, Encoding, Texts
from lissom.tasks.text.movie_reviews import CLEAR, NAME, PACKAGE, SHA256
from lissom.tasks.text.split import TextSplit

FILES = {
    "amazonReviewSnippets_GroundTruth.txt": "11a9807a0974a2506a2d3b4851eaf69b3d6d20688ce4923adda2312a4f6dd6c2",
    "nytEditorialSnippets_GroundTruth.txt": "7d8fbcce7dde5d716da53e78f4ef4be6b706e9ef1e1d51887e6d0ad4b69cc27e",
    "tweets_GroundTruth.txt": "dfbe7102e2f92579ed8b19df9a3822491880697c67adf712fb66e520cc05102f",
    NAME: SHA256,
}
FOLDER = "hutto_ICWSM_2014"


def unlabelled(progress: Progress) -> list[Texts]:
    """Reviews of goods, editorials and short messages, and the snippets of films that are of no clear sentiment."""

    def read(archive: bytes) -> dict[str, bytes]:
        inner = in_tar(archive, f"vaderSentiment-3.3.2/additional_resources/{FOLDER}.tar.gz")
        return {name: in_tar(inner, f"{FOLDER}/{name}") for name in FILES}

    found = kept_files(PACKAGE, FILES, read, download=True, progress=progress)
    rows = [(name, line.split("\t")) for name, content in found.items() for line in content.decode().splitlines()]
    unclear = [row[2] for name, row in rows if name != NAME or abs(float(row[1])) < CLEAR]
    return [(text.strip(),) for text in unclear if text.strip()]


def joined(split: TextSplit, texts: Sequence[Texts], tokenizer: bytes, encoding: Encoding) -> TextSplit:
    """A split with more texts behind its own. Their label is -1: they have none."""
    tokens, types = Encoder(tokenizer.decode("utf-8"), encoding).numbers(texts)
    assert split.labels is not None
    labels = torch.cat([split.labels, torch.full((len(tokens),), -1)])
    return replace(split, tokens=[*split.tokens, *tokens], types=[*split.types, *types], labels=labels)
