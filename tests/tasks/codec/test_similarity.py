import numpy as np
import pytest

from lissom.tasks.codec.similarity import decibels, ms_ssim

PLANE = np.kron(np.random.default_rng(0).integers(0, 256, (12, 16)), np.ones((8, 8))).astype(np.uint8)


def test_a_plane_is_like_itself_and_less_like_a_noisier_one() -> None:
    assert ms_ssim(PLANE, PLANE) == pytest.approx(1)
    noise = np.random.default_rng(1).normal(0, 1, PLANE.shape)
    found = [ms_ssim(PLANE, np.clip(np.rint(PLANE + size * noise), 0, 255).astype(np.uint8)) for size in (4, 16, 64)]
    assert 1 > found[0] > found[1] > found[2] > 0


def test_two_flat_planes_differ_by_luminance_alone() -> None:
    """Where nothing varies only the last scale's first term is below 1: ``(2 a b + C1) / (a^2 + b^2 + C1)``."""
    a, b, c = 100.0, 120.0, (0.01 * 255) ** 2
    expected = ((2 * a * b + c) / (a * a + b * b + c)) ** 0.1333
    first, second = (np.full((40, 50), level, np.uint8) for level in (a, b))
    assert ms_ssim(first, second) == pytest.approx(expected)


def test_decibels() -> None:
    assert decibels(0.99) == pytest.approx(20)
    assert decibels(1.0) == 100
