"""A recovery fits into the time that is left, and the options say what must stay the same."""

import pytest
import torch

from lissom.core.errors import LissomError
from lissom.engine.options import Options
from lissom.engine.stopwatch import Stopwatch


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


def test_a_stopwatch_adds_up_parts() -> None:
    watch = Stopwatch()
    for _ in range(2):
        with watch.part("training"):
            torch.ones(10).sum()
    with pytest.raises(ValueError, match="x"), watch.part("failing"):
        raise ValueError("x")
    found = watch.summary()
    assert set(found) == {"training", "failing", "engine"} and all(seconds >= 0 for seconds in found.values())
    assert watch.total >= sum(watch.parts.values())
