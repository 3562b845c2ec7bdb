"""Calibration inputs held against what the model will see: ranges read from other inputs cut off, or waste steps."""

import numpy as np

from lissom.core.errors import LissomError
from lissom.targets.target import Inputs

_TIMES = 8.0
_SHARE = 0.999


def check_range(calibration: Inputs, seen: Inputs) -> None:
    """Refuse calibration inputs whose values are far larger or smaller than those of the inputs that are judged.

    Args:
        calibration: batches of inputs, each a list of arrays ``(batch, ...)``.
        seen: batches of the select split in the same form.

    Raises:
        LissomError: the 99.9th percentiles of their absolute values differ more than eightfold.
    """
    for number in range(len(calibration[0])):
        ours, theirs = (_reach([batch[number] for batch in batches]) for batches in (calibration, seen))
        if not np.isfinite((ours, theirs)).all():
            continue  # told by the target, with the batch
        if ours * _TIMES < theirs or theirs * _TIMES < ours:
            raise LissomError(
                f"the calibration inputs reach to {ours:.3g}, those of the select split to {theirs:.3g}: "
                "their ranges tell nothing of each other",
                hint="give train and select the same preprocessing (--mean, --std), and pictures that are not blank",
            )


def _reach(arrays: list[np.ndarray]) -> float:
    return float(np.quantile(np.abs(np.concatenate([array.reshape(-1) for array in arrays])), _SHARE))
