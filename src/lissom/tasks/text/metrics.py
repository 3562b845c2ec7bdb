"""Scores of texts, from what was predicted and what is true: in percent, higher is better."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[Any]
Metric = Callable[[Values, Values], float]


def accuracy(predicted: Values, true: Values) -> float:
    """The share of examples whose class is right, in percent."""
    return 100.0 * float((predicted == true).mean())


def macro_f1(predicted: Values, true: Values) -> float:
    """The mean over classes of the harmonic mean of precision and recall, in percent.

    Classes that neither occur nor are predicted do not count.
    """
    table = _confusion(predicted, true)
    right, sizes = np.diag(table), table.sum(0) + table.sum(1)
    return 100.0 * float((2 * right[sizes > 0] / sizes[sizes > 0]).mean())


def matthews(predicted: Values, true: Values) -> float:
    """The correlation of predicted and true classes (Matthews 1975; for several classes Gorodkin 2004), times 100.

    0 where only one class is predicted, or only one occurs.
    """
    table = _confusion(predicted, true)
    total, right = table.sum(), np.trace(table)
    occur, answered = table.sum(1), table.sum(0)
    spread = (total**2 - (occur**2).sum()) * (total**2 - (answered**2).sum())
    return 100.0 * float((right * total - (occur * answered).sum()) / np.sqrt(spread)) if spread > 0 else 0.0


def spearman(predicted: Values, true: Values) -> float:
    """The correlation of ranks, ties sharing their mean rank (Spearman 1904), times 100; 0 without any spread."""
    ours, theirs = _ranks(predicted), _ranks(true)
    ours, theirs = ours - ours.mean(), theirs - theirs.mean()
    spread = np.sqrt((ours**2).sum() * (theirs**2).sum())
    return 100.0 * float((ours * theirs).sum() / spread) if spread > 0 else 0.0


def _confusion(predicted: Values, true: Values) -> npt.NDArray[np.float64]:
    """How often each class (row) is answered as each class (column)."""
    classes = int(max(predicted.max(), true.max())) + 1
    cells = true.astype(np.int64) * classes + predicted.astype(np.int64)
    return np.bincount(cells, minlength=classes**2).reshape(classes, classes).astype(np.float64)


def _ranks(values: Values) -> npt.NDArray[np.float64]:
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return (last - (counts - 1) / 2)[places]


METRICS: dict[str, Metric] = {"accuracy": accuracy, "macro-f1": macro_f1, "matthews": matthews, "spearman": spearman}
