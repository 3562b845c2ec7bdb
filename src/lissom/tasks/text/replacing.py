"""Views of a text for training: some of its words replaced by ones that the model's embedding holds for similar."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lissom.tasks.text.handling import Numbers

_BLOCK = 1024


@dataclass(frozen=True)
class Replacing:
    """Replaces whole words, the same ones each time a view of an example is asked for.

    TinyBERT's data augmentation (Jiao et al. 2020, section 3.3) with the embedding of the model in the place of
    GloVe; words of one piece alone are replaced, which keeps the length.

    Args:
        neighbours: ``(tokens, choices)``: similar tokens for each token, the token itself where it stays.
        share: of the words, that is replaced.
        seed: of the choices.
    """

    neighbours: npt.NDArray[np.int64]
    share: float
    seed: int

    def __call__(self, tokens: Numbers, example: int, view: int) -> Numbers:
        """A view of one example's token numbers; view 0 is the text as it is."""
        if view == 0:
            return tokens
        random = np.random.default_rng((self.seed, example, view))
        chosen = random.random(len(tokens)) < self.share
        which = random.integers(0, self.neighbours.shape[1], len(tokens))
        return np.where(chosen, self.neighbours[tokens, which], tokens)


def similar_tokens(
    embedding: npt.NDArray[np.floating], words: Sequence[int], choices: int = 15
) -> npt.NDArray[np.int64]:
    """The nearest tokens of each of some words by the cosine of their embeddings.

    Args:
        embedding: ``(tokens, features)``.
        words: numbers of the tokens that are whole words: these are replaced, and stand in for each other.
        choices: how many for each.

    Returns:
        ``(tokens, choices)``; tokens that are not among ``words`` are their own neighbours.
    """
    found = np.repeat(np.arange(len(embedding))[:, None], choices, axis=1)
    places = np.asarray(words, dtype=np.int64)
    if len(places) <= choices:
        return found
    rows = embedding[places].astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True) + 1e-9
    for start in range(0, len(places), _BLOCK):
        alike = rows[start : start + _BLOCK] @ rows.T
        alike[np.arange(len(alike)), np.arange(start, start + len(alike))] = -np.inf
        nearest = np.argpartition(-alike, choices, axis=1)[:, :choices]
        found[places[start : start + _BLOCK]] = places[nearest]
    return found
