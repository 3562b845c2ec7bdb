"""A recovery fits into the time that is left, and the options say what must stay the same."""

import pytest

from lissom.core.errors import LissomError
from lissom.engine.options import Options
from lissom.engine.pace import recovery


@pytest.mark.parametrize(
    ("field", "value"),
    [("threads", 0), ("batch", 0), ("calibration", 0), ("multiple", 0), ("tries", 0), ("epochs", 0),
     ("time_limit_s", 5.0), ("measure_s", 0.0), ("measure_s", -1.0), ("seed", -1)],
)  # fmt: skip
def test_options_are_checked(field: str, value: float) -> None:
    with pytest.raises(LissomError, match=field.partition("_")[0]):
        Options(**{field: value})


def test_the_time_that_is_left_may_change_when_a_run_goes_on() -> None:
    assert Options(time_limit_s=60).deciding() == Options(time_limit_s=600).deciding()
    assert Options(epochs=1).deciding() != Options(epochs=2).deciding()
    assert Options(multiple=4).deciding() != Options().deciding()


@pytest.mark.parametrize(
    ("left_s", "share", "answered", "epochs", "views", "part"),
    [
        (100.0, 1.0, 0, 6, 2, 1.0),  # two views in a quarter of it, then epochs of twelve seconds
        (100.0, 0.5, 0, 2, 2, 1.0),
        (100.0, 1.0, 2, 6, 4, 1.0),  # two more beside what was answered already
        (1000.0, 1.0, 0, 12, 4, 1.0),  # no more than the most epochs
        (15.0, 1.0, 0, 1, 0, 0.682),  # not one whole epoch: the original answers beside the learner
        (0.0, 1.0, 0, 1, 0, 0.01),
        (float("inf"), 1.0, 0, 12, 4, 1.0),
    ],
)
def test_a_recovery_fits_into_the_time(
    left_s: float, share: float, answered: int, epochs: int, views: int, part: float
) -> None:
    pace = {"epoch_s": 10.0, "teacher_s": 12.0}
    found = recovery(pace, Options(most_epochs=12), left_s, share=share, answered=answered)
    assert (found.epochs, found.views, found.share) == (epochs, views, part)


def test_a_fixed_number_of_epochs_is_kept() -> None:
    assert recovery({"epoch_s": 10.0, "teacher_s": 12.0}, Options(epochs=3), 1.0, share=1.0, answered=0).epochs == 3
