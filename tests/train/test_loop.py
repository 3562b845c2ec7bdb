"""Training is a function of its arguments: no global state, no difference between a pause and none."""

import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from lissom.core.errors import LissomError
from lissom.core.progress import Deadline
from lissom.testing.tiny import draw, fresh_net, tiny_workload
from lissom.train.device import Device
from lissom.train.loop import Schedule, supervised, train
from lissom.train.teacher import LiveTeacher
from lissom.train.team import Team
from lissom.workload.workload import Batch

TASK = tiny_workload(nn.Identity()).task
SPLIT = draw(72, 0)
SCHEDULE = Schedule(epochs=3, rate=1e-2, batch=16, views=2)
by_labels = supervised(TASK)


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def equal(one: nn.Module, other: nn.Module) -> bool:
    mine, theirs = one.state_dict(), other.state_dict()
    return mine.keys() == theirs.keys() and all(torch.equal(mine[name], theirs[name]) for name in mine)


def dropping() -> nn.Module:
    """A network that draws random numbers while it learns."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        head = nn.Linear(32 * 4, 4)
    return nn.Sequential(*list(fresh_net().features), nn.Dropout(0.3), nn.Flatten(), head).eval()


def test_it_learns_and_leaves_its_model_alone() -> None:
    given_model = fresh_net()
    before = {name: tensor.clone() for name, tensor in given_model.state_dict().items()}
    batch = SPLIT.take(range(len(SPLIT)))
    losses = []
    for model in (given_model, train(given_model, SPLIT, by_labels, Schedule(epochs=6, rate=1e-2, batch=16))):
        with torch.no_grad():
            losses.append(float(by_labels(model(*batch.inputs), batch, 0)))
        assert not model.training
    assert losses[1] < 0.7 * losses[0]
    assert all(torch.equal(before[name], tensor) for name, tensor in given_model.state_dict().items())


@pytest.mark.parametrize("build", [fresh_net, dropping], ids=["plain", "with dropout"])
def test_a_pause_after_any_epoch_changes_nothing(tmp_path: Path, build: Any) -> None:
    whole = train(build(), SPLIT, by_labels, SCHEDULE)
    for pause in (1, 2):
        torch.manual_seed(pause)  # another process has another random state
        file = tmp_path / f"{pause}.pt"
        broken_off = _stops_after(pause * 4 + 2)
        with pytest.raises(KeyboardInterrupt):
            train(build(), SPLIT, broken_off, SCHEDULE, checkpoint=file)
        assert torch.load(file, weights_only=True)["epoch"] == pause
        assert equal(train(build(), SPLIT, by_labels, SCHEDULE, checkpoint=file), whole)
    shown = []
    done = train(build(), SPLIT, lambda *args: shown.append(1) or by_labels(*args), SCHEDULE, checkpoint=file)
    assert equal(done, whole) and not shown, "a finished training is read, not done again"


def _stops_after(steps: int) -> Any:
    left = [steps]

    def objective(outputs: Any, batch: Batch, view: int) -> Tensor:
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        return by_labels(outputs, batch, view)

    return objective


def test_the_seed_decides_and_nothing_else() -> None:
    torch.manual_seed(1)
    one = train(dropping(), SPLIT, by_labels, SCHEDULE)
    torch.manual_seed(2)
    state = torch.random.get_rng_state()
    other = train(dropping(), SPLIT, by_labels, SCHEDULE)
    assert equal(one, other) and torch.equal(state, torch.random.get_rng_state())
    third = train(dropping(), SPLIT, by_labels, Schedule(epochs=3, rate=1e-2, batch=16, views=2, seed=1))
    assert not equal(one, third)


def test_views_are_shown_in_turn() -> None:
    shown: list[int] = []

    def noting(outputs: Any, batch: Batch, view: int) -> Tensor:
        shown.append(view)
        return by_labels(outputs, batch, view)

    train(fresh_net(), SPLIT, noting, Schedule(epochs=4, batch=72, views=3))
    train(fresh_net(), SPLIT, noting, Schedule(epochs=4, batch=72))
    assert shown == [0, 1, 2, 0, 0, 1, 2, 3]


def test_the_rate_ends_at_nothing_where_a_small_last_batch_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    rates: list[float] = []
    step = torch.optim.AdamW.step

    def noting(self: torch.optim.AdamW, *args: Any) -> Any:
        rates.append(self.param_groups[0]["lr"])
        return step(self, *args)

    monkeypatch.setattr(torch.optim.AdamW, "step", noting)
    train(fresh_net(), SPLIT, by_labels, Schedule(epochs=8, rate=1.0, batch=64))  # 64, and 8 left out
    assert len(rates) == 8
    assert max(rates) > 0.9 and rates[-1] < 0.2


def test_weight_decay_spares_biases_and_norms(monkeypatch: pytest.MonkeyPatch) -> None:
    decays: dict[int, float] = {}

    class Noting(torch.optim.AdamW):
        def __init__(self, groups: Any, **kwargs: Any) -> None:
            super().__init__(groups, **kwargs)
            decays.update({p.dim(): group["weight_decay"] for group in self.param_groups for p in group["params"]})

    monkeypatch.setattr(torch.optim, "AdamW", Noting)
    train(fresh_net(), SPLIT, by_labels, Schedule(epochs=1, batch=72, weight_decay=0.3))
    assert decays == {4: 0.3, 2: 0.3, 1: 0.0}


def test_parameters_that_do_not_learn_stay() -> None:
    model = fresh_net()
    model.classifier.weight.requires_grad_(False)
    trained = train(model, SPLIT, by_labels, Schedule(epochs=1, batch=16))
    assert torch.equal(trained.classifier.weight, model.classifier.weight)
    assert not torch.equal(trained.classifier.bias, model.classifier.bias)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_loss_that_is_no_number_is_explained(bad: float) -> None:
    with pytest.raises(LissomError, match=r"the loss became (nan|inf) at step 0 \(rate 0.01\)") as caught:
        train(fresh_net(), SPLIT, lambda outputs, batch, view: outputs.sum() * bad, SCHEDULE)
    assert "lower the learning rate" in caught.value.hints[0]


def test_inputs_with_nan_are_explained() -> None:
    class Bad:
        def __len__(self) -> int:
            return 20

        def take(self, indices: Any, *, view: int | None = None) -> Batch:
            batch = draw(20, 0).take(indices)
            return Batch((batch.inputs[0] * math.nan,), batch.targets, batch.indices)

    with pytest.raises(LissomError, match="the loss became nan"):
        train(fresh_net(), Bad(), by_labels, SCHEDULE)


def test_a_deadline_ends_it_with_the_batch_in_hand() -> None:
    seen: list[int] = []

    class AfterSix(Deadline):
        def passed(self) -> bool:
            return len(seen) >= 6

    def noting(outputs: Any, batch: Batch, view: int) -> Tensor:
        seen.append(view)
        return by_labels(outputs, batch, view)

    said: list[str] = []
    schedule = Schedule(epochs=9, batch=16)
    model = train(fresh_net(), SPLIT, noting, schedule, deadline=AfterSix(None), what="learning", short=said.append)
    assert len(seen) == 6 and not model.training
    assert said == [f"learning: the time allowed {6 / math.ceil(len(SPLIT) / 16):.3g} of 9 epochs"]
    assert equal(train(fresh_net(), SPLIT, noting, Schedule(epochs=9, batch=16), deadline=Deadline(0)), fresh_net())


def test_an_epoch_that_a_deadline_cut_short_is_not_taken_for_whole(tmp_path: Path) -> None:
    steps: list[int] = []
    per_epoch = math.ceil(len(SPLIT) / 16)

    class InTheSecondEpoch(Deadline):
        def passed(self) -> bool:
            return len(steps) >= per_epoch + 2

    def noting(outputs: Any, batch: Batch, view: int) -> Tensor:
        steps.append(view)
        return by_labels(outputs, batch, view)

    schedule, path = Schedule(epochs=2, batch=16), tmp_path / "checkpoint.pt"
    train(fresh_net(), SPLIT, noting, schedule, checkpoint=path, deadline=InTheSecondEpoch(None))
    resumed = train(fresh_net(), SPLIT, by_labels, schedule, checkpoint=path)
    assert equal(resumed, train(fresh_net(), SPLIT, by_labels, schedule))


def test_a_checkpoint_on_a_full_disk_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "with_name", lambda self, name: Path("/dev/full"))
    monkeypatch.setattr(Path, "unlink", lambda self, missing_ok=False: None)
    with pytest.raises(LissomError, match="the disk is full"):
        train(fresh_net(), SPLIT, by_labels, Schedule(epochs=1, batch=72), checkpoint=tmp_path / "x.pt")


def test_a_damaged_checkpoint_is_explained(tmp_path: Path) -> None:
    file = tmp_path / "x.pt"
    file.write_bytes(b"nonsense")
    with pytest.raises(LissomError, match=r"x\.pt cannot be read"):
        train(fresh_net(), SPLIT, by_labels, SCHEDULE, checkpoint=file)
    torch.save({"model": fresh_net().state_dict()}, file)
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    with pytest.raises(LissomError, match=r"x\.pt cannot be read"):
        train(fresh_net(), SPLIT, by_labels, SCHEDULE, checkpoint=file)


class Levelling(Team):
    """One process alone that notes what is put in the place of a mean over several."""

    def __init__(self) -> None:
        self.levelled: list[Tensor] = []

    def level(self, tensors: Iterable[Tensor]) -> None:
        self.levelled += tensors


def test_what_an_objective_remembers_of_its_examples_is_not_averaged_over_processes() -> None:
    class Remembers(nn.Module):
        kept: Tensor

        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("kept", torch.zeros(3))

        def forward(self, outputs: Tensor, batch: Batch, view: int) -> Tensor:
            self.kept = outputs.detach()[:3, 0]
            return by_labels(outputs, batch, view)

    team, objective = Levelling(), Remembers()
    train(fresh_net(), SPLIT, objective, Schedule(epochs=1), team=team)
    assert len(team.levelled) == len(list(fresh_net().buffers())), "what BatchNorm counts"
    assert all(tensor is not objective.kept for tensor in team.levelled)


class Viewed(nn.Module):
    """Makes a row of a map by ``view``, which needs the usual order of dimensions; some layers may have five."""

    def __init__(self, volume: bool) -> None:
        super().__init__()
        self.map, self.row = nn.Conv2d(3, 4, 3, padding=1), nn.Linear(4 * 12 * 12, 4)
        self.volume = nn.Conv3d(1, 1, 1) if volume else None

    def forward(self, pictures: Tensor) -> Tensor:
        found = self.map(pictures) if self.volume is None else self.map(self.volume(pictures[:, None])[:, 0])
        return self.row(found.view(found.shape[0], -1))


@pytest.mark.parametrize("volume", [False, True])
def test_a_network_that_needs_the_usual_order_of_dimensions_learns_too(volume: bool) -> None:
    torch.manual_seed(0)
    size = SPLIT.take([0]).inputs[0].shape[-1]
    model = Viewed(volume)
    model.row = nn.Linear(4 * size * size, 4)
    learnt = train(model, SPLIT, by_labels, SCHEDULE)
    assert not equal(learnt, model)
    teacher = LiveTeacher(model, Device("cpu", mixed=False))
    sent = Device("cpu", mixed=False).send(SPLIT.take([0, 1]))
    assert teacher.answer(sent, 0).shape == (2, 4), "its learner may have its channels last"


def test_channels_are_last_where_a_network_takes_them() -> None:
    device = Device("cpu", mixed=False)
    assert device.suited(fresh_net(), SPLIT).channels_last
    assert not device.suited(nn.Sequential(nn.Flatten(), nn.Linear(3, 2)), SPLIT).channels_last
    placed = device.place(fresh_net())
    kernel = next(parameter for parameter in placed.parameters() if parameter.dim() == 4)
    assert kernel.is_contiguous(memory_format=torch.channels_last)
    assert all(parameter.is_contiguous() for parameter in device.bring_back(placed).parameters())


def test_a_loss_is_computed_in_fp32() -> None:
    seen: list[torch.dtype] = []

    def objective(outputs: Tensor, batch: Batch, view: int) -> Tensor:
        seen.append(outputs.dtype)
        return by_labels(outputs, batch, view)

    train(fresh_net(), SPLIT, objective, Schedule(epochs=1, batch=36), device=Device("cpu", mixed=True))
    assert set(seen) == {torch.float32}
