"""A batch for a model that takes one example alone. Carried into bundles beside the runner."""

from collections.abc import Callable, Sequence

import numpy as np


def one_at_a_time(
    run: Callable[[Sequence[np.ndarray]], list[np.ndarray]], inputs: Sequence[np.ndarray]
) -> list[np.ndarray]:
    """Outputs of a batch, each ``(batch, ...)``.

    Args:
        run: from inputs ``(1, ...)`` to outputs ``(1, ...)``; a single number may come without a dimension.
        inputs: each ``(batch, ...)``.
    """
    answers = [run([array[place : place + 1] for array in inputs]) for place in range(len(inputs[0]))]
    return [np.concatenate([np.atleast_1d(part) for part in parts]) for parts in zip(*answers, strict=True)]
