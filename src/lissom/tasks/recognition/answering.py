"""What a model that listens says: token after token with a decoder, or the likeliest letter of each frame (CTC).

A bundle carries this file as it is.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from lissom.tasks.generating import NOTHING, said


def heard(runner: Any, inputs: Sequence[npt.NDArray[Any]], handling: Mapping[str, Any]) -> npt.NDArray[np.int64]:
    """What is said in a batch of inputs, as tokens filled up with ``NOTHING``, ``(batch, longest)``.

    Args:
        runner: a loaded artefact.
        inputs: each ``(batch, ...)``.
        handling: ``rules`` of a decoder, or ``ctc`` with its blank.
    """
    if "rules" in handling:
        return said(runner, inputs, handling)
    answers = [collapsed(runner.run([array[place : place + 1] for array in inputs])[0][0], handling["ctc"]["blank"])
               for place in range(len(inputs[0]))]  # fmt: skip
    found = np.full((len(answers), int(handling["ctc"]["longest"])), NOTHING, dtype=np.int64)
    for row, answer in zip(found, answers, strict=True):
        row[: len(answer)] = answer[: len(row)]
    return found


def collapsed(scores: npt.NDArray[np.float32], blank: int) -> list[int]:
    """The likeliest token of each frame ``(frames, words)``, repeated ones once and blanks left out (Graves et al.
    2006, section 3.2, best path decoding). Frames of which all scores are zero are padding."""
    best = scores[(scores != 0).any(axis=1)].argmax(axis=1)
    fresh = np.concatenate([[True], best[1:] != best[:-1]]) if len(best) else np.zeros(0, dtype=np.bool_)
    return [int(token) for token in best[fresh] if token != blank]
