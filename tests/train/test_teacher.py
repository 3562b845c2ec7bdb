"""What the original answered is kept, and is what it would answer again."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from lissom.core.progress import Progress
from lissom.testing.tiny import draw, fresh_net
from lissom.train.device import Device, best_device
from lissom.train.teacher import CachedTeacher, LiveTeacher, answered, cache_bytes, keep_answers
from lissom.workload.workload import Batch

CPU = Device("cpu", mixed=False)
SPLIT = draw(40, 0)


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


class Asked:
    """Answers by a network and counts what it was asked."""

    def __init__(self) -> None:
        self.module, self.examples = fresh_net(), 0

    @torch.no_grad()
    def __call__(self, batch: Batch) -> Any:
        self.examples += len(batch.indices)
        return self.module(*batch.inputs).numpy()


def keep(folder: Path, asked: Asked, views: int = 2) -> None:
    keep_answers(SPLIT, asked, folder, views=views, progress=Progress(False), what="asking")


def test_kept_answers_are_the_live_ones_in_half_precision(tmp_path: Path) -> None:
    asked = Asked()
    keep(tmp_path, asked)
    assert asked.examples == 2 * len(SPLIT)
    assert (answered(tmp_path), answered(tmp_path, in_views=True)) == (0, 2)
    live, kept = LiveTeacher(asked.module, CPU), CachedTeacher(tmp_path, 2, CPU)
    for view in (0, 1):
        for rows in ([0, 1, 2], [39, 3, 17], list(range(40))):
            batch = SPLIT.take(rows, view=view)
            expected = live.answer(batch, view)
            assert torch.allclose(kept.answer(batch, view), expected, rtol=1e-3, atol=1e-3)
            assert torch.equal(kept.answer(batch, view), expected.half().float()) or len(rows) < 40
            assert kept.answer(batch, view).dtype == torch.float32


def test_views_have_answers_of_their_own(tmp_path: Path) -> None:
    keep(tmp_path, Asked())
    kept = CachedTeacher(tmp_path, 2, CPU)
    batch = SPLIT.take(range(10))
    assert not torch.equal(kept.answer(batch, 0), kept.answer(batch, 1))


def test_one_answer_to_the_example_as_it_is_holds_for_every_view(tmp_path: Path) -> None:
    asked = Asked()
    assert not answered(tmp_path)
    keep(tmp_path, asked, views=1)
    assert answered(tmp_path) and asked.examples == len(SPLIT)
    kept, plain = CachedTeacher(tmp_path, 1, CPU), SPLIT.take(range(10))
    expected = LiveTeacher(asked.module, CPU).answer(plain, 0)
    assert kept.views is None, "any number of views may be shown"
    for view in (0, 7):
        assert torch.allclose(kept.answer(SPLIT.take(range(10), view=view), view), expected, rtol=1e-3, atol=1e-3)


def test_what_was_asked_is_not_asked_again(tmp_path: Path) -> None:
    keep(tmp_path, Asked(), views=2)
    again = Asked()
    keep(tmp_path, again, views=3)
    assert again.examples == len(SPLIT), "only the third view is new"


def test_a_stop_in_the_middle_of_a_view_leaves_no_half_file(tmp_path: Path) -> None:
    def stopped(batch: Batch) -> Any:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        keep_answers(SPLIT, stopped, tmp_path, views=1, progress=Progress(False), what="asking")
    assert list(tmp_path.iterdir()) == []


def test_the_room_they_take_is_foreseen(tmp_path: Path) -> None:
    keep(tmp_path, Asked())
    taken = sum(item.stat().st_size for item in tmp_path.iterdir())
    assert cache_bytes(len(SPLIT), 4, 2) <= taken <= cache_bytes(len(SPLIT), 4, 2) + 2 * 128


def test_a_live_teacher_answers_in_eval_mode_and_leaves_its_model_as_it_was() -> None:
    model = nn.Sequential(*fresh_net().features, nn.Flatten(), nn.Dropout(0.5), nn.Linear(128, 4)).train()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    teacher, batch = LiveTeacher(model, CPU), SPLIT.take(range(8))
    one, other = teacher.answer(batch, 0), teacher.answer(batch, 5)
    assert torch.equal(one, other) and not one.requires_grad
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
    assert all(module.training for module in model.modules()), "the original is not the teacher's to change"


def test_any_number_of_views_is_answered_live() -> None:
    assert LiveTeacher(fresh_net(), CPU).views is None


def test_large_answers_survive_half_precision(tmp_path: Path) -> None:
    """Logits beyond 65504 are rare and must not become infinite: the loss would be."""
    keep_answers(
        SPLIT,
        lambda batch: np.full((len(batch.indices), 4), 1e5, np.float32),
        tmp_path,
        views=1,
        progress=Progress(False),
        what="asking",
    )
    assert torch.isfinite(CachedTeacher(tmp_path, 1, CPU).answer(SPLIT.take([0, 1]), 0)).all()


def test_the_device_is_the_processor_where_there_is_no_gpu() -> None:
    device = best_device()
    if torch.cuda.is_available():
        assert device.name == "cuda"
    else:
        assert device == CPU
    batch = CPU.send(SPLIT.take([1, 2]))
    assert batch.indices.tolist() == [1, 2] and batch.targets is not None
    with CPU.autocast():
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.float32
