"""Rate-distortion curves and how far apart they lie: the BD-rate (Bjøntegaard 2001), with monotone cubics."""

import numpy as np
import numpy.typing as npt

from lissom.core.errors import LissomError

Values = npt.NDArray[np.float64]
Curve = tuple[npt.ArrayLike, npt.ArrayLike]  # natural logarithms of rates, and qualities such as PSNR in dB
_POINTS = 2  # of a curve, at least
_SAMPLES = 200
_MOST = 1000.0  # percent


def bd_rate(anchor: Curve, other: Curve) -> float:
    """How much more rate the other curve needs for the same quality, in percent, over the qualities both have.

    The logarithm of the rate is interpolated over the quality by monotone cubics (PCHIP; Fritsch and Carlson 1980),
    as the JCT-VC sheets do it since 2013, not by one polynomial. A point with no more quality than a cheaper one is
    left out: nobody would take it.

    Raises:
        LissomError: fewer than two points are left of a curve, or no quality is in common.
    """
    (first_rates, first), (second_rates, second) = _sorted(anchor), _sorted(other)
    low, high = max(first[0], second[0]), min(first[-1], second[-1])
    if high <= low:
        raise LissomError(
            f"the curves have no quality in common: {first[0]:.2f} to {first[-1]:.2f} and {second[0]:.2f} to "
            f"{second[-1]:.2f}"
        )
    places = np.linspace(low, high, _SAMPLES)
    apart = pchip(second, second_rates, places) - pchip(first, first_rates, places)
    return 100 * (float(np.exp(np.trapezoid(apart, places) / (high - low))) - 1)


def bd_rate_of_all(anchor: Curve, other: Curve) -> float:
    """The same over all qualities of the anchor, so that a curve that lacks the highest or lowest of them pays for it:
    beyond its ends it goes on as its last two points do. 1000 at most.

    Raises:
        LissomError: fewer than two points are left of a curve.
    """
    (first_rates, first), (second_rates, second) = _sorted(anchor), _sorted(other)
    places = np.linspace(first[0], first[-1], _SAMPLES)
    inside = np.clip(places, second[0], second[-1])
    ends = np.diff(second_rates)[[0, -1]] / np.diff(second)[[0, -1]]
    beyond = np.where(places < second[0], ends[0], ends[1]) * (places - inside)
    apart = pchip(second, second_rates, inside) + beyond - pchip(first, first_rates, places)
    mean = float(np.trapezoid(apart, places) / (first[-1] - first[0]))
    return min(_MOST, 100 * (float(np.exp(min(mean, 10.0))) - 1))


def _sorted(curve: Curve) -> tuple[Values, Values]:
    rates, qualities = (np.asarray(values, dtype=np.float64) for values in curve)
    order = np.lexsort((-qualities, rates))
    rates, qualities = rates[order], qualities[order]
    rises = np.concatenate(([True], qualities[1:] > np.maximum.accumulate(qualities)[:-1]))
    if rises.sum() < _POINTS or not np.isfinite([*rates, *qualities]).all():
        raise LissomError(
            "a rate-distortion curve needs two points or more, all finite, with a quality that rises with the rate; "
            "found "
            + ", ".join(f"{quality:.2f} at {np.exp(rate):.4g}" for rate, quality in zip(rates, qualities, strict=True))
        )
    return rates[rises], qualities[rises]


def pchip(x: Values, y: Values, places: Values) -> Values:
    """The monotone cubic through points (Fritsch and Butland 1984, with the ends of Moler 2004, section 3.6).

    Args:
        x: rising, ``(n,)``.
        y: ``(n,)``.
        places: within ``x``.
    """
    width, rise = np.diff(x), np.diff(y)
    slope = rise / width
    if len(x) == 2:
        return y[0] + slope[0] * (places - x[0])
    derivative = np.zeros_like(y)
    before, after = 2 * width[1:] + width[:-1], width[1:] + 2 * width[:-1]
    same = slope[:-1] * slope[1:] > 0
    inverse = before[same] / slope[:-1][same] + after[same] / slope[1:][same]
    derivative[1:-1][same] = (before + after)[same] / inverse
    derivative[0] = _end(width[0], width[1], slope[0], slope[1])
    derivative[-1] = _end(width[-1], width[-2], slope[-1], slope[-2])
    piece = np.clip(np.searchsorted(x, places, side="right") - 1, 0, len(width) - 1)
    step = places - x[piece]
    second = (3 * slope - 2 * derivative[:-1] - derivative[1:]) / width
    third = (derivative[:-1] - 2 * slope + derivative[1:]) / width**2
    return y[piece] + step * (derivative[piece] + step * (second[piece] + step * third[piece]))


def _end(width: float, next_width: float, slope: float, next_slope: float) -> float:
    found = ((2 * width + next_width) * slope - width * next_slope) / (width + next_width)
    if found * slope <= 0:
        return 0.0
    return 3 * slope if slope * next_slope < 0 and abs(found) > 3 * abs(slope) else found
