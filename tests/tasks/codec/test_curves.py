import numpy as np
import pytest

from lissom.core.errors import LissomError
from lissom.tasks.codec.curves import bd_rate, bd_rate_of_all, pchip

RATES = np.log([0.1, 0.2, 0.45, 0.9, 2.0])
PSNRS = np.asarray([28.0, 31.0, 34.5, 37.0, 41.0])


def test_a_curve_against_itself_is_zero() -> None:
    assert bd_rate((RATES, PSNRS), (RATES, PSNRS)) == 0


@pytest.mark.parametrize("share", [0.9, 1.05, 2.0])
def test_so_much_more_rate_everywhere_is_so_much(share: float) -> None:
    assert bd_rate((RATES, PSNRS), (RATES + np.log(share), PSNRS)) == pytest.approx(100 * (share - 1))


def test_it_is_the_mean_over_the_quality_that_both_have() -> None:
    """A line of ours at the same slope, a quarter of its quality beyond the other's: only what is shared counts."""
    first = (np.asarray([0.0, 4.0]), np.asarray([30.0, 34.0]))
    second = (np.asarray([1.5, 5.5]), np.asarray([31.0, 35.0]))
    assert bd_rate(first, second) == pytest.approx(100 * (np.exp(0.5) - 1))


def test_what_a_curve_does_not_reach_is_paid_for() -> None:
    first = (np.asarray([0.0, 4.0]), np.asarray([30.0, 34.0]))
    assert bd_rate_of_all(first, (np.asarray([0.5, 3.5]), np.asarray([30.0, 33.0]))) == pytest.approx(
        100 * (np.exp(0.5) - 1)
    )
    short = (np.asarray([0.0, 2.0]), np.asarray([30.0, 31.0]))  # twice as steep, over a quarter of the range
    assert bd_rate(first, short) == pytest.approx(100 * (np.exp(0.5) - 1))
    assert bd_rate_of_all(first, short) == pytest.approx(100 * (np.exp(2.0) - 1))
    assert bd_rate_of_all(first, (np.asarray([0.0, 9.0]), np.asarray([30.0, 30.001]))) == 1000
    assert bd_rate_of_all((RATES, PSNRS), (RATES + 0.1, PSNRS)) == pytest.approx(
        bd_rate((RATES, PSNRS), (RATES + 0.1, PSNRS))
    )


def test_the_cubic_goes_through_its_points_and_does_not_overshoot() -> None:
    x, y = np.asarray([0.0, 1.0, 2.0, 3.0, 4.0]), np.asarray([0.0, 0.0, 1.0, 1.0, 5.0])
    np.testing.assert_allclose(pchip(x, y, x), y, atol=1e-12)
    between = pchip(x, y, np.linspace(0, 4, 401))
    assert (np.diff(between) >= -1e-12).all() and (between[:101] == 0).all()


def test_the_cubic_is_that_of_scipy() -> None:
    interpolate = pytest.importorskip("scipy.interpolate", reason="SciPy is not installed")
    places = np.linspace(PSNRS[0], PSNRS[-1], 50)
    np.testing.assert_allclose(
        pchip(PSNRS, RATES, places), interpolate.PchipInterpolator(PSNRS, RATES)(places), atol=1e-12
    )


def test_a_point_with_no_more_quality_than_a_cheaper_one_is_left_out() -> None:
    rates, psnrs = np.append(RATES, np.log([0.6, 3.0])), np.append(PSNRS, [34.0, 41.0])
    assert bd_rate((RATES, PSNRS), (rates, psnrs)) == 0


@pytest.mark.parametrize(
    ("rates", "psnrs", "said"),
    [
        ([0.0], [30.0], "two points"),
        ([0.0, 1.0], [30.0, 29.0], "rises with the rate"),
        ([0.0, np.nan], [30.0, 31.0], "rises with the rate"),
        ([0.0, 1.0], [90.0, 91.0], "in common"),
    ],
)
def test_what_is_no_curve_is_refused(rates: list[float], psnrs: list[float], said: str) -> None:
    with pytest.raises(LissomError, match=said):
        bd_rate((RATES, PSNRS), (rates, psnrs))
