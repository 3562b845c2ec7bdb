"""How far answers are from other answers, by what they say of every class: what agreement alone does not see."""

from typing import Any

import numpy as np
import numpy.typing as npt


def divergence(outputs: npt.NDArray[Any], original: npt.NDArray[Any]) -> float:
    """The mean Kullback-Leibler divergence of the classes' probabilities from the original's, in nats.

    Args:
        outputs: before the softmax, ``(examples, classes)``.
        original: the same of the original.
    """
    ours, theirs = _log_shares(outputs), _log_shares(original)
    return float((np.exp(theirs) * (theirs - ours)).sum(1).mean())


def _log_shares(scores: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    shifted = scores.astype(np.float64) - scores.max(1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(1, keepdims=True))
