"""Latency measured so that it can be compared: warmed up, interleaved in one process, median and interval."""

import random
import time
from collections.abc import Callable, Mapping

import numpy as np

from lissom.core.collecting import no_collection
from lissom.core.statistics import median_interval

WARM_UP = 10
BURST = 5
_PARTS = 8
_LATE_S, _FEWEST = 30.0, 10  # whole answers may take a second each


def interleaved(
    calls: Mapping[str, Callable[[], object]], *, seconds: float, least: int = 40, seed: int = 0
) -> dict[str, list[float]]:
    """Time several calls in turn, in short bursts whose order is drawn anew each round.

    Whatever else the machine does then falls on all of them alike. The collector is off while timing.

    Args:
        calls: what to time, by name.
        seconds: how long to spend in all.
        least: how many timings of each to take, though it takes longer; of what takes half a minute for so many, ten.
        seed: of the order.

    Returns:
        The single timings in milliseconds by name, in order, equally many for each name.
    """
    order = random.Random(seed)
    names = list(calls)
    for name in names:
        for _ in range(WARM_UP):
            calls[name]()
    samples: dict[str, list[float]] = {name: [] for name in names}
    end = time.perf_counter() + seconds
    late = end + _LATE_S
    with no_collection():
        while _goes_on(len(samples[names[0]]), least, end, late):
            order.shuffle(names)
            for name in names:
                _burst(calls[name], samples[name])
    return samples


def _goes_on(taken: int, least: int, end: float, late: float) -> bool:
    now = time.perf_counter()
    return now < end or taken < (least if now < late else min(least, _FEWEST))


def _burst(call: Callable[[], object], samples: list[float]) -> None:
    call()  # brings its weights back into the cache after the other one ran
    for _ in range(BURST):
        start = time.perf_counter()
        call()
        samples.append((time.perf_counter() - start) * 1e3)


def spread(samples: list[float]) -> float:
    """How noisy the timings are: the width of the median's 95 % interval over the median."""
    median, (low, high) = median_interval(samples)
    return (high - low) / median if median else 0.0


def unrest(samples: list[float]) -> float:
    """How much a machine's pace changed while it was timed: repeated measurements of one thing, held together.

    The samples are cut into eight consecutive parts; what is given is the distance of the upper and the lower quartile
    of their medians over the median of all. Noise that comes and goes shows here and not in :func:`spread`, which
    shrinks with the number of samples.
    """
    medians = [float(np.median(part)) for part in np.array_split(np.asarray(samples), min(_PARTS, len(samples)))]
    lower, middle, upper = np.quantile(medians, (0.25, 0.5, 0.75))
    return float((upper - lower) / middle) if middle else 0.0
