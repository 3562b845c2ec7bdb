import numpy as np
import pytest
import torch

from lissom.core.errors import LissomError
from lissom.core.statistics import drop_interval
from lissom.tasks.codec.task import ERROR, PRICE, RATE, VideoCompression, figures, with_means
from lissom.zoo.codec import PACKED, PER_ERROR, QUALITIES

TASK = VideoCompression()


def outputs(rate_share: float = 1.0, error_share: float = 1.0, windows: int = 8) -> np.ndarray:
    """Of frames of different difficulty at all qualities: twice the bits, half the error for each quality more."""
    generator = np.random.default_rng(0)
    made = np.zeros((windows * len(QUALITIES), 9, 4, 4), np.float32)
    for row in range(len(made)):
        quality, hard = row % len(QUALITIES), np.exp(np.random.default_rng(row // len(QUALITIES)).normal())
        made[row, RATE] = 0.2 * 2.0**quality * hard * rate_share
        made[row, ERROR] = 80 * 0.4**quality * hard * error_share / PER_ERROR
        made[row, PRICE] = QUALITIES[quality] * PER_ERROR
        made[row, :PACKED] = generator.normal(0, 0.1, (PACKED, 4, 4))
    return made


TARGETS = with_means(figures(outputs()))


def test_the_original_scores_zero_and_five_percent_more_bits_minus_five() -> None:
    assert TASK.score(TASK.grade(outputs(), TARGETS)) == 0
    assert TASK.score(TASK.grade(outputs(rate_share=1.05), TARGETS)) == pytest.approx(-5, abs=0.01)
    assert TASK.score(TASK.grade(outputs(error_share=1.05), TARGETS)) < -1
    assert TASK.score(TASK.agreement(outputs(rate_share=1.05), outputs())) == pytest.approx(-5, abs=0.01)


def test_what_lacks_much_of_the_originals_quality_has_a_low_score() -> None:
    assert TASK.score(TASK.grade(outputs(error_share=1e6), TARGETS)) == -1000
    assert TASK.score(TASK.grade(outputs(rate_share=40), TARGETS)) == -1000
    grades = TASK.grade(outputs(), TARGETS)
    steps = np.unique(grades[:, 0])
    means = {step: grades[grades[:, 0] == step][:, 4].mean() for step in steps}
    for step in steps[2:]:  # no better than the second
        grades[grades[:, 0] == step, 2] += means[steps[1]] - means[step]
    assert TASK.score(grades) < -100


def test_a_curve_of_the_original_that_is_none_is_an_error() -> None:
    grades = TASK.grade(outputs(), TARGETS)
    with pytest.raises(LissomError, match="two points"):
        TASK.score(grades[grades[:, 0] == grades[0, 0]])


def test_any_subset_has_a_score_and_the_drop_an_interval() -> None:
    grades, less = TASK.grade(outputs(), TARGETS), TASK.grade(outputs(rate_share=1.05), TARGETS)
    drop, (low, high) = drop_interval(grades, less, TASK.score)
    assert low <= drop <= high and drop == pytest.approx(5, abs=0.01)


def test_an_original_that_spends_more_without_getting_better_is_refused() -> None:
    flat = outputs()
    flat[:, ERROR] = 1
    with pytest.raises(LissomError, match="no codec of several qualities"):
        TASK.check(flat, TARGETS)
    TASK.check(outputs(), TARGETS)


def test_the_probe_has_the_curvature_of_the_distance() -> None:
    """Squared and averaged, the derivative of the probe is the second derivative of the distance, by the batch."""
    teacher = torch.from_numpy(outputs()[3:4].astype(np.float64))
    along = torch.zeros_like(teacher)
    along[:, 2, 1, 1], along[:, RATE] = 1, 0.3

    at = torch.zeros((), dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(TASK.distance(teacher + at * along, teacher), at, create_graph=True)
    (expected,) = torch.autograd.grad(slope, at)
    generator, squares = torch.Generator().manual_seed(0), []
    for _ in range(1500):
        step = torch.zeros((), dtype=torch.float64, requires_grad=True)
        TASK.probe(teacher + step * along, generator).backward()
        assert step.grad is not None
        squares.append(float(step.grad) ** 2)
    assert np.mean(squares) == pytest.approx(float(expected), rel=0.15)


def test_loss_is_bits_and_what_the_error_is_worth() -> None:
    middle = len(QUALITIES) // 2
    made = torch.from_numpy(outputs()[middle : middle + 1])
    rate, error, price = (float(made[0, channel].mean()) for channel in (RATE, ERROR, PRICE))
    assert float(TASK.loss(made, torch.zeros(1, 5))) == pytest.approx(rate / 4 + price * error, rel=1e-5)
