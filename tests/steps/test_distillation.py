"""The objective of distillation, and that it is the original who teaches."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from lissom.core.progress import Deadline
from lissom.steps.distillation.distill import Distill, distillation
from lissom.steps.pruning.prune import without
from lissom.steps.quantization.distilled import DistillInt8
from lissom.testing import fresh_net, tiny_context, tiny_workload
from lissom.testing.tiny import Drawn
from lissom.train.team import Team
from lissom.workload.workload import Batch, Splits, Workload

TASK = tiny_workload(fresh_net()).task


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


class Fixed:
    """Answers the same whatever it is asked, and notes the view."""

    views: int | None = None

    def __init__(self, answer: Tensor) -> None:
        self.given, self.asked = answer, []

    def answer(self, batch: Batch, view: int) -> Tensor:
        self.asked.append(view)
        return self.given


def batch(targets: Tensor | None) -> Batch:
    return Batch((torch.zeros(2, 3, 8, 8),), targets, torch.arange(2))


def test_the_objective_weighs_labels_against_the_teacher() -> None:
    outputs, teacher = torch.randn(2, 4), Fixed(torch.randn(2, 4))
    targets = torch.tensor([1, 3])
    found = distillation(TASK, teacher, 0.3)(outputs, batch(targets), 5)
    expected = 0.3 * TASK.loss(outputs, targets) + 0.7 * TASK.distance(outputs, teacher.given)
    assert torch.allclose(found, expected) and teacher.asked == [5]


def test_without_labels_only_the_teacher_counts() -> None:
    outputs, teacher = torch.randn(2, 4), Fixed(torch.randn(2, 4))
    far = TASK.distance(outputs, teacher.given)
    assert torch.equal(distillation(TASK, teacher, 0.3)(outputs, batch(None), 0), far)
    assert torch.equal(distillation(TASK, teacher, 0.0)(outputs, batch(torch.tensor([1, 3])), 0), far)


def test_answering_like_the_teacher_costs_nothing() -> None:
    answer = torch.randn(2, 4)
    objective = distillation(TASK, Fixed(answer), 0.0)
    assert float(objective(answer + 7.0, batch(None), 0)) == pytest.approx(0, abs=1e-5), "logits up to a constant"
    assert float(objective(answer.flip(1), batch(None), 0)) > 0


@torch.no_grad()
def agreement(one: Workload, other: Workload) -> float:
    inputs = one.splits.test.take(range(100)).inputs
    return float((one.module(*inputs).argmax(1) == other.module(*inputs).argmax(1)).float().mean())


@pytest.mark.parametrize("views", [0, 1, 2], ids=["live", "plain", "kept"])
def test_a_cut_model_learns_from_the_original(tmp_path: Path, views: int) -> None:
    original = tiny_workload()
    cut = without(original, {0: tuple(range(8)), 1: tuple(range(16))})
    context = tiny_context(tmp_path, original)
    learnt = Distill(epochs=4, rate=5e-3, batch=32, views=views).apply(cut, context)
    assert agreement(original, learnt) > max(0.8, agreement(original, cut))
    assert (context.folder / "distill.pt").exists()
    assert (context.shared / "teacher").exists() == bool(views)
    assert learnt.cut == cut.cut


def test_answers_that_are_too_large_are_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    original = tiny_workload()
    context = tiny_context(tmp_path, original)
    said: list[str] = []
    monkeypatch.setattr(context.progress, "say", said.append)
    needed = len(original.splits.train) * len(original.classes) * 2
    for most, kept in ((needed - 1, False), (needed, True)):
        monkeypatch.setattr("lissom.steps.distillation.distill.MOST_BYTES", most)
        Distill(epochs=1, batch=64, share=0.1, views=1).apply(original, context)
        (context.folder / "distill.pt").unlink()
        assert (context.shared / "teacher").exists() == kept
    assert [line for line in said if "beside the learner" in line] == said[:1] and "on disk, more than" in said[0]


def test_labels_are_not_looked_at_where_the_original_stands_in_for_them(tmp_path: Path) -> None:
    workload = tiny_workload()
    splits = workload.splits
    train = splits.train
    assert isinstance(train, Drawn)
    wrong = Drawn(train.pictures, 3 - train.labels)
    results = []
    for number, labels in enumerate((train, wrong)):
        unlabelled = replace(workload, labelled=False, splits=Splits(labels, splits.select, splits.test))
        context = tiny_context(tmp_path / str(number), unlabelled)
        results.append(Distill(1, batch=64, views=1).apply(unlabelled, context).module.state_dict())
    assert all(torch.equal(results[0][name], results[1][name]) for name in results[0])


def test_it_goes_on_from_a_finished_epoch(tmp_path: Path) -> None:
    original, step = tiny_workload(), Distill(epochs=2, batch=64, views=1)
    whole = step.apply(original, tiny_context(tmp_path / "whole", original))
    context = tiny_context(tmp_path / "broken", original)

    class StopsError(Exception):
        pass

    class OneEpoch(type(context.deadline)):
        def passed(self) -> bool:
            if (context.folder / "distill.pt").exists():
                raise StopsError
            return False

    with pytest.raises(StopsError):
        step.apply(original, replace(context, deadline=OneEpoch(None)))
    again = step.apply(original, context)
    assert all(torch.equal(whole.module.state_dict()[n], t) for n, t in again.module.state_dict().items())


def test_what_was_not_learnt_for_want_of_time_is_not_told_as_learnt(tmp_path: Path) -> None:
    original = tiny_workload()
    context = replace(tiny_context(tmp_path, original), deadline=Deadline(0))
    for step, what in ((Distill(1, batch=64, views=1), "distilling"), (DistillInt8(1, batch=64), "distilling in INT8")):
        assert step.apply(original, context).notes[-1] == f"{what}: the time allowed 0 of 1 epochs"
        assert step.apply(original, tiny_context(tmp_path, original)).notes == original.notes


class Leading(Team):
    """The first of two processes, which notes what it tells the other."""

    count = 2

    def __init__(self) -> None:
        self.said: list[Any] = []

    def led(self, value: Any) -> Any:
        self.said.append(value)
        return value


class Following(Team):
    """The second of two processes, which is told what the first one said."""

    rank, count = 1, 2

    def __init__(self, said: list[Any]) -> None:
        self.said = list(said)

    def led(self, value: Any) -> Any:
        return self.said.pop(0)


def test_one_that_follows_does_not_ask_the_original(tmp_path: Path) -> None:
    original = tiny_workload()
    begin, step, leading = without(original, {0: (0, 1)}), Distill(epochs=1, views=1), Leading()
    context = tiny_context(tmp_path, original)
    step.apply(begin, replace(context, team=leading))
    following = Following(leading.said)
    told = replace(context, answer=lambda batch: pytest.fail("the leader asks the original"), team=following)
    for left in context.folder.glob("*.pt"):
        left.unlink()
    step.apply(begin, told)
    assert not following.said, "both come to the same places"
