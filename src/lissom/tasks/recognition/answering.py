"""What a model that listens says: token after token with a decoder, or the likeliest letter of each frame (CTC).

A bundle carries this file as it is.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from lissom.tasks.generating import NOTHING, said


def heard(runner: Any, inputs: Sequence[npt.NDArray[Any]], handling: Mapping[str, Any]) -> npt.NDArray[np.int64]:
    """What is said in a batch of inputs, as tokens filled up with ``NOTHING``, ``(batch, longest)``. In silence, of
    which all features are alike, nothing is said: the model is not asked.

    Args:
        runner: a loaded artefact.
        inputs: each ``(batch, ...)``.
        handling: ``rules`` of a decoder, or ``ctc`` with its blank and how many samples a place is made of.
    """
    told = handling["rules"] if "rules" in handling else handling["ctc"]
    found = np.full((len(inputs[0]), int(told["longest"])), NOTHING, dtype=np.int64)
    places = [place for place, features in enumerate(inputs[0]) if features.size and np.ptp(features) != 0]
    if "rules" in handling:
        if places:
            found[places] = said(runner, [array[places] for array in inputs], handling)
        return found
    for place in places:
        scores = runner.run([array[place : place + 1] for array in inputs])[0][0]
        answer = collapsed(scores[: places_of(inputs[0][place], told.get("steps", ()))], told["blank"])
        found[place, : len(answer)] = answer[: found.shape[1]]
    return found


def places_of(samples: npt.NDArray[np.float32], steps: Sequence[Sequence[int]]) -> int:
    """How many places of its answer a model hears sound at, which zeros fill up to a window.

    Args:
        samples: of a window, ``(samples,)``.
        steps: kernel and stride of each convolution in turn.
    """
    count = int(np.flatnonzero(samples).max(initial=-1)) + 1
    for kernel, stride in steps:
        count = max(0, (count - kernel) // stride + 1)
    return count


def collapsed(scores: npt.NDArray[np.float32], blank: int) -> list[int]:
    """The likeliest token of each place ``(places, words)``, repeated ones once and blanks left out (Graves et al.
    2006, section 3.2, best path decoding)."""
    best = scores.argmax(axis=1)
    fresh = np.concatenate([[True], best[1:] != best[:-1]]) if len(best) else np.zeros(0, dtype=np.bool_)
    return [int(token) for token in best[fresh] if token != blank]
