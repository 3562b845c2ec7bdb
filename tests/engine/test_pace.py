"""A recovery fits into the time that is left, and the options say what must stay the same."""

from collections.abc import Sequence
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from lissom.core.errors import LissomError
from lissom.engine import pace
from lissom.engine.options import Options
from lissom.engine.pace import recovery, views_answered
from lissom.testing import tiny_workload
from lissom.train.batches import shuffled
from lissom.train.teacher import MOST_BYTES
from lissom.workload.workload import Batch, Split

PACE = {"epoch_s": 10.0, "teacher_s": 12.0}


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


def test_a_trial_run_keeps_what_was_asked_and_does_little() -> None:
    asked = Options(threads=2, seed=5, methods=("depth",), time_limit_s=60)
    found = asked.quick()
    assert replace(found, epochs=None, calibration=1024, measure_s=4.0, tries=4, compared=2) == asked
    assert (found.epochs, found.tries, found.compared) == (1, 2, 0)
    assert found.calibration < asked.calibration and found.measure_s < asked.measure_s
    assert replace(asked, epochs=7).quick().epochs == 7


@pytest.mark.parametrize(
    ("left_s", "share", "answered", "epochs", "views", "part"),
    [
        (100.0, 1.0, False, 8, 1, 1.0),  # the original's answers, then epochs
        (100.0, 0.5, False, 3, 1, 1.0),
        (100.0, 1.0, True, 10, 1, 1.0),  # it has answered already
        (1000.0, 1.0, False, 12, 1, 1.0),  # no more than the most epochs
        (15.0, 1.0, False, 1, 0, 0.682),  # not one whole epoch: the original answers beside the learner
        (0.0, 1.0, False, 1, 0, 0.01),
        (float("inf"), 1.0, False, 12, 1, 1.0),
    ],
)
def test_a_recovery_fits_into_the_time(
    left_s: float, share: float, answered: bool, epochs: int, views: int, part: float
) -> None:
    found = recovery(PACE, Options(most_epochs=12), left_s, share=share, answered=answered, cache_bytes=1000, views=1)
    assert (found.epochs, found.views, found.share) == (epochs, views, part)


@pytest.mark.parametrize(
    ("options", "left_s", "answered", "cache_bytes", "epochs", "views"),
    [
        (Options(), 100.0, 0, 1000, 7, 2),  # a third of the time is for answers
        (Options(), 100.0, 2, 1000, 10, 2),  # they are there
        (Options(), 300.0, 0, 1000, 20, 8),
        (Options(most_epochs=12), 3000.0, 0, 1000, 12, 12),  # a view for each epoch
        (Options(most_epochs=90), 30_000.0, 0, 1000, 90, 32),
        (Options(epochs=7), 1.0, 0, 1000, 7, 7),
        (Options(epochs=7), 1.0, 0, MOST_BYTES // 3, 7, 3),  # as many as may be kept
        (Options(epochs=7), 1.0, 0, 2 * MOST_BYTES, 7, 0),
    ],
)
def test_an_original_answers_to_views_where_they_differ_much(
    options: Options, left_s: float, answered: int, cache_bytes: int, epochs: int, views: int
) -> None:
    found = recovery(PACE, options, left_s, share=1.0, answered=answered, cache_bytes=cache_bytes, views=None)
    assert (found.epochs, found.views) == (epochs, views)


@given(teacher_s=st.floats(0.01, 20), left_s=st.floats(1, 500), answered=st.integers(0, 9))
def test_the_time_for_views_is_used_and_kept_to(teacher_s: float, left_s: float, answered: int) -> None:
    pace = {"epoch_s": 1.0, "teacher_s": teacher_s}
    options = Options(most_epochs=10**6)
    found = recovery(pace, options, left_s, share=1.0, answered=answered, cache_bytes=1000, views=None)
    if not found.views:
        assert found.epochs == 1, "beside the learner, where not one epoch fits"
        return
    spent = found.epochs + max(0, found.views - answered) * teacher_s
    assert spent <= left_s + 1e-6 and found.views <= found.epochs
    assert spent + 1 + teacher_s > left_s, "an epoch or a view more would be too long"


def test_sounds_differ_much_and_pictures_do_not() -> None:
    pictures = tiny_workload()
    sounds = replace(pictures, task=SimpleNamespace(name="speech"))  # pyright: ignore[reportArgumentType]
    assert views_answered(sounds) is None and views_answered(pictures) == 1
    assert views_answered(replace(sounds, views=3)) == 3, "which are there beforehand"


def test_answers_too_large_to_be_kept_are_given_live() -> None:
    found = recovery(PACE, Options(), 100.0, share=1.0, answered=False, cache_bytes=10**13, views=1)
    assert (found.epochs, found.views) == (4, 0), "epochs of 22 seconds, the original's answers among them"
    assert recovery(PACE, Options(epochs=2), 100.0, share=1.0, answered=False, cache_bytes=10**13, views=1).views == 0


def test_a_fixed_number_of_epochs_is_kept() -> None:
    assert recovery(PACE, Options(epochs=3), 1.0, share=1.0, answered=False, cache_bytes=1000, views=1).epochs == 3


class MadeOnce:
    """A split that takes long over an example the first time it is asked for."""

    def __init__(self, split: Split) -> None:
        self.split, self.asked, self.again = split, set[tuple[int, ...]](), 0

    def __len__(self) -> int:
        return len(self.split)

    def take(self, indices: Sequence[int], *, view: int | None = None) -> Batch:
        self.again += tuple(indices) in self.asked
        self.asked.add(tuple(indices))
        return self.split.take(indices, view=view)


def test_what_a_split_makes_once_is_no_part_of_every_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    workload = tiny_workload()
    slow = MadeOnce(workload.splits.train)
    monkeypatch.setattr(pace.time, "monotonic", lambda: 1.0 * slow.again)
    workload = replace(workload, splits=replace(workload.splits, train=slow))
    groups = len(shuffled(len(slow), 64, seed=0, epoch=0))
    assert pace.epoch_seconds(workload, workload, 64) == pytest.approx(groups), "a second a batch, of the second time"


def test_how_fast_it_learns_is_found_out_without_touching_random_numbers() -> None:
    workload = tiny_workload()
    dropping = workload.with_module(nn.Sequential(workload.module, nn.Dropout(0.5)))
    torch.manual_seed(0)
    before = torch.random.get_rng_state()
    pace.epoch_seconds(workload, dropping, 16)
    assert torch.equal(torch.random.get_rng_state(), before)


@pytest.mark.parametrize(
    ("left_s", "answered", "epochs", "views"),
    [(60.0, 0, 7, 6), (60.0, 6, 12, 8), (60.0, 8, 15, 8), (15.0, 0, 1, 2), (14.0, 0, 1, 2), (13.0, 0, 1, 0)],
)
def test_the_views_of_a_set_are_answered_and_take_their_time(
    left_s: float, answered: int, epochs: int, views: int
) -> None:
    """Each of them, and no more than epochs that show them; one alone would be the example as it is."""
    pace = {"epoch_s": 4.0, "teacher_s": 5.0}
    found = recovery(pace, Options(), left_s, share=1.0, answered=answered, cache_bytes=1000, views=8)
    assert (found.views, found.epochs) == (views, epochs)
    assert recovery(pace, Options(epochs=1), 1.0, share=1.0, answered=0, cache_bytes=1000, views=8).views == 2
