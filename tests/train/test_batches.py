"""Every epoch has an order of its own that depends on nothing but seed and epoch; batches come one ahead."""

import threading
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lissom.testing.tiny import draw
from lissom.train.batches import in_order, prepared, shuffled
from lissom.workload.workload import Batch


@given(st.integers(1, 300), st.integers(1, 64), st.integers(0, 5), st.integers(0, 5))
def test_an_epoch_shows_every_example_at_most_once(count: int, batch: int, seed: int, epoch: int) -> None:
    groups = shuffled(count, batch, seed=seed, epoch=epoch)
    shown = [row for group in groups for row in group]
    assert len(set(shown)) == len(shown) and set(shown) <= set(range(count))
    left_out = count - len(shown)
    assert groups and left_out < max(2, batch // 2)
    assert all(len(group) == batch for group in groups[:-1])


def test_orders_differ_by_epoch_and_by_seed_alone() -> None:
    first = shuffled(100, 10, seed=0, epoch=0)
    assert first == shuffled(100, 10, seed=0, epoch=0)
    assert first != shuffled(100, 10, seed=0, epoch=1) != shuffled(100, 10, seed=1, epoch=0)


def test_a_small_last_batch_is_left_out_unless_it_is_the_only_one() -> None:
    assert [len(group) for group in shuffled(70, 32, seed=0, epoch=0)] == [32, 32]
    assert [len(group) for group in shuffled(80, 32, seed=0, epoch=0)] == [32, 32, 16]
    assert [len(group) for group in shuffled(1, 32, seed=0, epoch=0)] == [1]


@given(st.integers(0, 100), st.integers(1, 30))
def test_in_order_is_everything_as_it_comes(count: int, batch: int) -> None:
    assert [row for group in in_order(count, batch) for row in group] == list(range(count))


def test_batches_are_prepared_in_order() -> None:
    split = draw(30, 0)
    batches = list(prepared(split, in_order(30, 8), view=1))
    assert [batch.indices.tolist() for batch in batches] == in_order(30, 8)
    assert batches[1].inputs[0].equal(split.take(range(8, 16), view=1).inputs[0])


class Watched:
    """Says from which thread it was asked, and for how much."""

    def __init__(self) -> None:
        self.taken: list[int] = []
        self.threads: set[int] = set()

    def __len__(self) -> int:
        return 10

    def take(self, indices: Sequence[int], *, view: int | None = None) -> Batch:
        self.taken.append(indices[0])
        self.threads.add(threading.get_ident())
        if indices[0] == 4:
            raise OSError("picture 4 is gone")
        return draw(10, 0).take(indices)


def test_one_batch_is_read_ahead_in_another_thread() -> None:
    split = Watched()
    coming = prepared(split, [[0], [1], [2], [3]])
    next(coming)
    next(coming)
    assert split.taken in ([0, 1], [0, 1, 2]) and threading.get_ident() not in split.threads
    coming.close()


def test_an_error_of_the_reader_reaches_the_trainer() -> None:
    with pytest.raises(OSError, match="picture 4 is gone"):
        list(prepared(Watched(), [[3], [4], [5]]))
