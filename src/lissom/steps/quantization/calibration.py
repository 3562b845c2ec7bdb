"""Calibration inputs, held against what the model will see: ranges of other inputs cut off, or waste steps."""

import numpy as np

from lissom.core.errors import LissomError
from lissom.targets.target import Inputs
from lissom.workload.workload import Split, Workload, calibration_batches

_TIMES = 8.0
_SHARE = 0.999


def calibration_inputs(workload: Workload, *, examples: int, batch: int, seed: int) -> Inputs:
    """Training inputs without augmentation and labels, in batches, each a list of arrays ``(batch, ...)``."""
    batches = calibration_batches(workload.splits.train, examples=examples, batch=batch, seed=seed)
    return [[tensor.numpy() for tensor in item.inputs] for item in batches]


def check_any_layer(workload: Workload, step: str) -> None:
    """Refuse a model of which some layers alone may be in INT8.

    Raises:
        LissomError: it is one; ``step`` cannot heed that.
    """
    if workload.int8_layers:
        raise LissomError(
            f"{step} takes any layer, and of {workload.name} some alone may be in INT8", hint="use the step int8"
        )


def first_inputs(split: Split, count: int) -> Inputs:
    """The first inputs of a split as one batch."""
    return [[tensor.numpy() for tensor in split.take(range(min(count, len(split)))).inputs]]


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
