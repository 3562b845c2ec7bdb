"""Multi-scale structural similarity of two planes (Wang, Simoncelli and Bovik 2003), in numpy."""

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]
_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)  # of the scales, from the finest
_TAPS = 11
_SIGMA = 1.5
_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2


def ms_ssim(first: npt.NDArray[np.uint8], second: npt.NDArray[np.uint8]) -> float:
    """Between 0 and 1. Planes are continued at their edges, so that small ones have five scales too.

    Args:
        first: levels 0..255, ``(height, width)``.
        second: of the same size.
    """
    a, b = first.astype(np.float64), second.astype(np.float64)
    found = 1.0
    for place, weight in enumerate(_WEIGHTS):
        luminance, structure = _terms(a, b)
        value = luminance * structure if place + 1 == len(_WEIGHTS) else structure
        found *= max(float(value.mean()), 0.0) ** weight
        a, b = _halved(a), _halved(b)
    return found


def decibels(similarity: float) -> float:
    """``-10 log10(1 - similarity)``, as curves of it are drawn; at most 100."""
    return float(-10 * np.log10(max(1 - similarity, 1e-10)))


def _terms(a: Values, b: Values) -> tuple[Values, Values]:
    mean_a, mean_b = _blurred(a), _blurred(b)
    var_a, var_b = _blurred(a * a) - mean_a**2, _blurred(b * b) - mean_b**2
    covariance = _blurred(a * b) - mean_a * mean_b
    luminance = (2 * mean_a * mean_b + _C1) / (mean_a**2 + mean_b**2 + _C1)
    return luminance, (2 * covariance + _C2) / (var_a + var_b + _C2)


def _blurred(plane: Values) -> Values:
    places = np.arange(_TAPS) - _TAPS // 2
    taps = np.exp(-(places**2) / (2 * _SIGMA**2))
    taps /= taps.sum()
    for axis in (0, 1):
        size = plane.shape[axis]
        reach = [(_TAPS // 2, _TAPS // 2) if axis == dim else (0, 0) for dim in (0, 1)]
        filled = np.pad(plane, reach, mode="edge")
        plane = sum(
            (tap * np.take(filled, range(start, start + size), axis) for start, tap in enumerate(taps)),
            np.zeros_like(plane),
        )
    return plane


def _halved(plane: Values) -> Values:
    even = np.pad(plane, [(0, size % 2) for size in plane.shape], mode="edge")
    return (even[::2, ::2] + even[1::2, ::2] + even[::2, 1::2] + even[1::2, 1::2]) / 4
