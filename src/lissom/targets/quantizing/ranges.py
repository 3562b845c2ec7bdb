"""The range of every value in a graph, from calibration inputs: what the 256 steps of INT8 are spread over.

A wide range wastes steps on what hardly occurs, a narrow one cuts off what matters. Which choice is best differs from
network to network, so that several are tried and measured.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import onnx

from lissom.targets.quantizing.running import feeds, run, session
from lissom.targets.target import Inputs

Range = tuple[float, float]
_BINS = 2048
_LEVELS = 255
_SHARE = 99.99
_SAMPLED = 2_000_000  # values of each histogram, over all examples
_SHRINKS = np.linspace(1.0, 0.3, 36)
_AT_ONCE = 8


@dataclass(frozen=True)
class Histogram:
    """How often which values occur: counts of ``_BINS`` equal bins between ``low`` and ``high``."""

    counts: npt.NDArray[np.int64]
    low: float
    high: float

    @property
    def centres(self) -> npt.NDArray[np.float64]:
        """The middle of each bin."""
        step = (self.high - self.low) / len(self.counts)
        return self.low + step * (np.arange(len(self.counts), dtype=np.float64) + 0.5)


def ranges(model: onnx.ModelProto, calibration: Inputs, method: str, *, seed: int = 0) -> dict[str, Range]:
    """The ranges of all floating-point values of a graph over all inputs.

    Args:
        model: the graph.
        calibration: batches of inputs, each a list of arrays ``(batch, ...)``.
        method: ``minmax`` is all that was seen, which takes one pass; for the others, which :func:`choose` has, a
            second one counts how often each value occurs, which takes most of the time.
        seed: of the values that are counted where there are very many.
    """
    ends: dict[str, Range] = {}
    for values in _watched(model, calibration):
        for name, value in values.items():
            low, high = ends.get(name, (0.0, 0.0))
            ends[name] = (min(low, float(value.min())), max(high, float(value.max())))
    if method == "minmax":
        return ends
    counts = {name: np.zeros(_BINS, dtype=np.int64) for name in ends}
    rng = np.random.default_rng(seed)
    examples = sum(len(batch[0]) for batch in calibration)
    for values in _watched(model, calibration):
        for name, value in values.items():
            flat, count = value.reshape(-1), max(1, _SAMPLED // examples) * (len(value) if value.ndim else 1)
            if len(flat) > count:
                flat = flat[rng.integers(0, len(flat), count)]
            counts[name] += counted(flat, ends[name])
    return {name: choose(Histogram(counts[name], *ends[name]), method) for name in ends}


def counted(values: npt.NDArray[np.float32], ends: Range) -> npt.NDArray[np.int64]:
    """How many of the values, none of which is outside the ends, are in each of the equal bins between them.

    Values that are not finite are not counted.
    """
    low, high = ends
    if not 0 < high - low < np.inf:
        return np.zeros(_BINS, dtype=np.int64)
    values = values[np.isfinite(values)]
    places = ((values - np.float32(low)) * np.float32(_BINS / (high - low))).astype(np.int32)
    return np.bincount(np.minimum(places, _BINS - 1), minlength=_BINS)


def _watched(model: onnx.ModelProto, calibration: Inputs) -> Iterator[dict[str, np.ndarray]]:
    """All floating-point values on the way through the graph, a few examples at a time."""
    watched = onnx.ModelProto()
    watched.CopyFrom(model)
    known = {item.name for item in watched.graph.output}
    names = [name for node in model.graph.node for name in node.output if name and name not in known]
    watched.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names)
    running = session(watched)
    for feed in feeds(model, calibration, _AT_ONCE):
        yield _floats({**feed, **run(running, feed)})


def _floats(found: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name: value for name, value in found.items() if value.dtype == np.float32 and value.size}


def choose(histogram: Histogram, method: str) -> Range:
    """The range of one value, narrower than what was seen. Zero is always inside, since padding has to be exact.

    - ``percentile``: what is left without the outermost 0.01 % on each side;
    - ``mse``: the ends that give the least squared error of rounding and cutting off together (Nagel et al., 2021,
      "A white paper on neural network quantization", section 3.1).
    """
    if histogram.high - histogram.low <= 0 or not histogram.counts.sum():
        return histogram.low, histogram.high
    if method == "percentile":
        return _percentile(histogram)
    assert method == "mse", f"unknown method {method}"
    return _least_error(histogram)


def _percentile(histogram: Histogram) -> Range:
    share = np.cumsum(histogram.counts) / histogram.counts.sum()
    step = (histogram.high - histogram.low) / len(histogram.counts)
    low = histogram.low + step * int(np.searchsorted(share, 1 - _SHARE / 100, side="right"))
    high = histogram.low + step * (int(np.searchsorted(share, _SHARE / 100)) + 1)
    return min(low, 0.0), max(min(high, histogram.high), 0.0)


def _least_error(histogram: Histogram) -> Range:
    low, high = histogram.low, histogram.high
    for _ in range(2):  # the two ends in turn
        high = min((_error(histogram, low, high_), high_) for high_ in histogram.high * _SHRINKS)[1]
        low = min((_error(histogram, low_, high), low_) for low_ in histogram.low * _SHRINKS)[1]
    return float(low), float(high)


def _error(histogram: Histogram, low: float, high: float) -> float:
    if high - low <= 0:
        return float("inf")
    step, centres = (high - low) / _LEVELS, histogram.centres
    outside = np.maximum(centres - high, 0) + np.maximum(low - centres, 0)
    inside = (outside == 0) & (centres != 0)
    return float(histogram.counts @ (outside**2 + inside * (step**2 / 12)))
