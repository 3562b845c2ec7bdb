"""Recoveries carried out elsewhere: what is asked for, what is kept, what is refused. No cluster is needed."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

import lissom
from lissom.core.errors import LissomError
from lissom.core.ledger import Ledger
from lissom.core.progress import Progress
from lissom.engine import remote
from lissom.engine.carrying import Carrier, Result
from lissom.engine.identity import weights_of
from lissom.engine.ladder import Rung
from lissom.engine.planning import Prepared
from lissom.engine.ray_cluster import RayCluster
from lissom.engine.spreading import Spread, nearest
from lissom.steps.distillation.distill import Distill
from lissom.steps.step import ModelStep
from lissom.tasks.loading import load
from lissom.testing.tiny import tiny_context
from lissom.workload.workload import Workload

MODEL = """
from lissom.testing.tiny import drawn_splits, trained_net


def net():
    return trained_net()


def data():
    splits = drawn_splits()
    parts = {"train": splits.train, "select": splits.select, "test": splits.test}
    return {name: [(s.pictures[i], int(s.labels[i])) for i in range(len(s))] for name, s in parts.items()}
"""
RUNGS = [Rung(f"rung {place}", {0: 10 - place}, 0.5, drop, ()) for place, drop in enumerate([0.1, 0.5, 3.0])]
PREPARED = Prepared(RUNGS, 1.0, "fp32")


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    file = tmp_path_factory.mktemp("user") / "mine.py"
    file.write_text(MODEL, encoding="utf-8")
    return {"model": f"{file}:net", "data": f"{file}:data", "task": "image", "seed": 0}


@pytest.fixture(scope="module")
def original(source: dict[str, Any]) -> Workload:
    return load(**source, progress=Progress(False))


class Here:
    """Carries orders out in this process, as a worker would. Some get lost, and it may be killed on the way."""

    def __init__(self, source: dict[str, Any], original: Workload) -> None:
        self.source, self.weights = source, weights_of(original)
        self.asked: list[list[int]] = []
        self.lost: tuple[int, ...] = ()
        self.killed_after: int | None = None
        self.turns_taken = 1
        self.seconds: list[float] = []

    def turns(self, orders: int) -> int:
        return self.turns_taken

    def carry(self, orders: Mapping[int, Sequence[Any]], seconds: float) -> Iterator[tuple[int, list[Result]]]:
        self.asked.append(list(orders))
        self.seconds.append(seconds)
        for count, (number, steps) in enumerate(orders.items()):
            if count == self.killed_after:
                raise KeyboardInterrupt
            if number not in self.lost:
                done = remote.perform(remote.order(self.source, self.weights, steps, seconds, 0))
                yield number, done["results"]


class Settled:
    """The recovery of each rung, as long as its place says."""

    def __init__(self, left_s: float = float("inf")) -> None:
        self.left_s, self.shares = left_s, []

    def settle(self, place: int, rung: Rung, share: float) -> tuple[ModelStep, ...]:
        self.shares.append(share)
        return (Distill(1, rate=1e-3 * (1 + place), views=1),)

    def time_left(self) -> float:
        return self.left_s


def spread(folder: Path, original: Workload, executor: Here, *, everything: bool = True, tries: int = 4) -> Carrier:
    ledger = Ledger(folder / "run")
    carrier = Carrier(ledger, folder / "run" / "work" / "steps", tiny_context(folder, original))
    mover: Any = Settled()
    Spread(ledger, carrier, mover, executor, Progress(False)).ahead(PREPARED, everything=everything, tries=tries)
    return carrier


def test_what_came_back_is_not_done_again(
    tmp_path: Path, source: dict[str, Any], original: Workload, monkeypatch: pytest.MonkeyPatch
) -> None:
    executor = Here(source, original)
    carrier = spread(tmp_path, original, executor)
    assert executor.asked == [[0, 1, 2]]
    known = Settled().settle(1, RUNGS[1], 1.0)
    monkeypatch.setattr(Distill, "apply", lambda *given: pytest.fail("it was learnt again"))
    learnt, seconds = carrier.model(known)
    assert len(seconds) == len(known) and seconds[-1] > 0
    before, after = original.module.state_dict(), learnt.module.state_dict()
    assert before.keys() == after.keys() and any(not torch.equal(before[name], after[name]) for name in before)


def test_it_is_what_is_learnt_here(tmp_path: Path, source: dict[str, Any], original: Workload) -> None:
    there = spread(tmp_path, original, Here(source, original), everything=False, tries=1)
    own = Carrier(Ledger(tmp_path / "own"), tmp_path / "own" / "steps", tiny_context(tmp_path / "context", original))
    steps = Settled().settle(1, RUNGS[1], 1.0)
    one, other = (carrier.model(steps)[0].module.state_dict() for carrier in (there, own))
    for name, value in one.items():
        torch.testing.assert_close(value, other[name], rtol=1e-3, atol=1e-4)


def test_a_killed_run_asks_only_for_what_it_has_not(tmp_path: Path, source: dict[str, Any], original: Workload) -> None:
    executor = Here(source, original)
    executor.killed_after = 2
    with pytest.raises(KeyboardInterrupt):
        spread(tmp_path, original, executor)
    executor.killed_after = None
    spread(tmp_path, original, executor)
    assert executor.asked == [[0, 1, 2], [2]]


def test_what_no_worker_finished_is_said(tmp_path: Path, source: dict[str, Any], original: Workload) -> None:
    executor = Here(source, original)
    executor.lost = (0, 2)
    carrier = spread(tmp_path, original, executor)
    assert [carrier.knows(Settled().settle(place, RUNGS[place], 1.0)) for place in range(3)] == [False, True, False]
    assert "2 of 3 recoveries came back from no worker" in Ledger(tmp_path / "run").find("note", "spread")


def test_what_takes_several_turns_is_done_within_the_time_that_is_left(
    tmp_path: Path, source: dict[str, Any], original: Workload
) -> None:
    executor, mover = Here(source, original), Settled(600.0)
    executor.turns_taken, executor.lost = 3, (0, 1, 2)
    carrier = Carrier(Ledger(tmp_path), tmp_path / "steps", tiny_context(tmp_path, original))
    given: Any = mover
    Spread(Ledger(tmp_path), carrier, given, executor, Progress(False)).ahead(PREPARED, everything=True, tries=4)
    assert mover.shares == pytest.approx([0.8 / 3] * 3) and executor.seconds == pytest.approx([160.0])


@pytest.mark.parametrize(
    ("count", "first", "tries", "expected"),
    [(3, 1, 4, [1, 2, 0]), (7, 3, 3, [3, 4, 2]), (7, 6, 2, [6, 5]), (1, 0, 4, [0]), (7, 0, 3, [0, 1, 2])],
)
def test_a_search_comes_to_the_neighbours_of_where_it_begins(
    count: int, first: int, tries: int, expected: list[int]
) -> None:
    assert nearest(count, first, tries) == expected


@pytest.mark.parametrize("name", ["lissom", "torch", "python"])
def test_a_worker_of_another_version_refuses(source: dict[str, Any], original: Workload, name: str) -> None:
    told = remote.order(source, weights_of(original), [], 1.0, 0)
    told["versions"][name] = "0.0.1"
    assert f"{name} {remote.versions()[name]}, the run 0.0.1" in remote.perform(told)["refused"]


def test_a_worker_that_has_something_else_refuses(source: dict[str, Any], original: Workload) -> None:
    told = remote.order(source, "0" * 16, [], 1.0, 0)
    assert "has other weights there" in remote.perform(told)["refused"]
    told = remote.order({**source, "data": "/nowhere/at/all"}, weights_of(original), [], 1.0, 0)
    assert "/nowhere/at/all" in remote.perform(told)["refused"]


@pytest.mark.parametrize(
    ("address", "said"),
    [("127.0.0.1:9", "cannot be reached"), ("ray://127.0.0.1:9", "cannot be reached"), ("here", "is no address")],
)
def test_a_cluster_that_cannot_be_reached_is_said(address: str, said: str) -> None:
    pytest.importorskip("ray", reason="--ray needs the extra 'ray'")
    with pytest.raises(LissomError, match=said) as caught:
        RayCluster(address, {}, "", 0)
    assert caught.value.hints


def test_a_cluster_with_nothing_to_spread_is_refused(tmp_path: Path, original: Workload) -> None:
    more: dict[str, Any] = {"budget": "size<=50%", "output": tmp_path / "run", "ray": "127.0.0.1:9"}
    with pytest.raises(LissomError, match="none is asked for"):
        lissom.compress(original, options=lissom.Options(methods=("low-rank",)), **more)
    with pytest.raises(LissomError, match=r"cannot load .* made by this program"):
        lissom.compress(original, **more)
