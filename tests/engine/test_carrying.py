"""A step is carried out once; what it gave is found again as it was."""

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from lissom.core.errors import LissomError
from lissom.core.ledger import Ledger
from lissom.engine.carrying import Carrier, share_of_time
from lissom.engine.models import restore_model, save_model
from lissom.plan.move import Move, Plan
from lissom.steps.distillation.distill import Distill
from lissom.steps.distillation.sequences import DistillSequences
from lissom.steps.nothing import Nothing
from lissom.steps.pruning.prune import Prune, without
from lissom.steps.quantization.distilled import DistillInt8
from lissom.steps.quantization.int8 import QuantizeInt8
from lissom.steps.repair.reconstruct import Reconstruct
from lissom.steps.step import Context, ModelStep
from lissom.targets.onnx_runtime import OnnxRuntime
from lissom.targets.target import Artefact
from lissom.testing import tiny_context, tiny_workload
from lissom.workload.workload import Workload

PRUNE = Prune(((0, "features.0", (1, 2)), (2, "features.6", (5,))))


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def test_what_an_uncut_model_has_to_say_is_restored(tmp_path: Path) -> None:
    original = tiny_workload()
    told = original.with_notes(["the last layer was doubled"])
    save_model(tmp_path, told)
    assert restore_model(tmp_path, original, told.notes).notes == told.notes


@torch.no_grad()
def answers(workload: Workload) -> torch.Tensor:
    return workload.module.eval()(*workload.splits.test.take(range(20)).inputs)


def carrier(tmp_path: Path, original: Workload) -> Carrier:
    return Carrier(Ledger(tmp_path), tmp_path / "steps", tiny_context(tmp_path / "context", original))


CARRIED: list[str] = []


@dataclass(frozen=True)
class Counted(ModelStep):
    """Doubles the last layer, and says that it did."""

    tag: str = "a"

    name = "counted"

    def describe(self) -> str:
        return "double"

    def apply(self, workload: Workload, context: Context) -> Workload:
        CARRIED.append(self.tag)
        changed = tiny_workload(None).module
        changed.load_state_dict(workload.module.state_dict())
        with torch.no_grad():
            changed.get_parameter("classifier.weight").mul_(2)
        return replace(workload, module=changed)


def test_a_step_that_was_done_is_read(tmp_path: Path) -> None:
    CARRIED.clear()
    original = tiny_workload()
    steps = (Counted("a"), Counted("b"))
    first, spent = carrier(tmp_path, original).model(steps)
    assert CARRIED == ["a", "b"] and len(spent) == 2 and min(spent) > 0
    again, same = carrier(tmp_path, original).model(steps)
    assert CARRIED == ["a", "b"] and same == pytest.approx(spent)
    assert torch.equal(answers(first), answers(again))
    carrier(tmp_path, original).model((Counted("b"),))
    assert CARRIED == ["a", "b", "b"], "the same step after others is another result"


def test_a_result_whose_line_was_lost_is_made_again(tmp_path: Path) -> None:
    CARRIED.clear()
    original = tiny_workload()
    carrier(tmp_path, original).model((Counted(),))
    (tmp_path / "ledger.jsonl").unlink()
    carrier(tmp_path, original).model((Counted(),))
    assert CARRIED == ["a", "a"]


def test_cut_models_come_back_with_their_cut_and_notes(tmp_path: Path) -> None:
    original = tiny_workload()
    steps = (PRUNE, Reconstruct(examples=32, batch=32))
    first, _ = carrier(tmp_path, original).model(steps)
    again, _ = carrier(tmp_path, original).model(steps)
    assert torch.equal(answers(first), answers(again))
    assert again.cut == first.cut and again.notes == first.notes
    more, _ = carrier(tmp_path, original).model((*steps, Nothing()))
    assert torch.equal(answers(first), answers(more))


def test_no_pickle_is_written(tmp_path: Path) -> None:
    carrier(tmp_path, tiny_workload()).model((PRUNE,))
    files = {item.suffix for item in (tmp_path / "steps").rglob("*") if item.is_file()}
    assert files == {".safetensors"}


def test_artefacts_are_exported_and_changed(tmp_path: Path) -> None:
    original = tiny_workload()
    made = carrier(tmp_path, original)
    move = Move("both", (PRUNE, QuantizeInt8(examples=32, batch=32)))
    workload, _ = made.model(move.model_steps)
    artefact = made.artefact(move, workload)
    assert artefact.precision == "int8" and artefact.path.exists()
    assert artefact.path.is_relative_to(tmp_path / "steps")


def test_a_number_format_begins_with_the_artefact_that_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original, exported = tiny_workload(), list[Path]()
    export = OnnxRuntime.export

    def counted(self: OnnxRuntime, module: nn.Module, example: Any, path: Path, *more: Any) -> Artefact:
        exported.append(path)
        return export(self, module, example, path, *more)

    monkeypatch.setattr(OnnxRuntime, "export", counted)
    made = carrier(tmp_path, original)
    cut, both = Move("cut", (PRUNE,)), Move("both", (PRUNE, QuantizeInt8(examples=32, batch=32)))
    workload, _ = made.model(cut.model_steps)
    plain = made.artefact(cut, workload)
    assert made.artefact(both, workload).precision == "int8" and len(exported) == 1
    plain.path.unlink()
    other = Move("other", (PRUNE, QuantizeInt8(examples=16, batch=16)))
    assert made.artefact(other, workload).precision == "int8" and len(exported) == 2, "what was lost is made again"


def test_uncut_models_come_back(tmp_path: Path) -> None:
    workload = tiny_workload()
    save_model(tmp_path, workload)
    assert torch.equal(answers(restore_model(tmp_path, tiny_workload())), answers(workload))


class Tied(nn.Module):
    """Two layers with one weight."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.other = nn.Linear(192, 192), nn.Linear(192, 192)
        self.other.weight = self.one.weight
        self.head = nn.Linear(192, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(torch.relu(self.other(torch.relu(self.one(x.flatten(1))))))


def test_tied_weights_come_back_tied(tmp_path: Path) -> None:
    workload = tiny_workload(Tied().eval())
    save_model(tmp_path, workload)
    again = restore_model(tmp_path, workload)
    assert torch.equal(answers(again), answers(workload))
    assert again.module.one.weight is again.module.other.weight


def test_a_model_on_a_full_disk_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workloads = {"whole": tiny_workload(), "cut": without(tiny_workload(), {0: (1,)})}
    monkeypatch.setattr(Path, "with_name", lambda self, name: Path("/dev/full"))
    monkeypatch.setattr(Path, "unlink", lambda self, missing_ok=False: None)
    with pytest.raises(LissomError, match="the disk is full"):
        save_model(tmp_path, workloads["whole"])
    (tmp_path / "model.safetensors").symlink_to("/dev/full")
    with pytest.raises(LissomError, match="the disk is full"):
        save_model(tmp_path, workloads["cut"])


def test_stages_of_learning_share_the_time_by_their_epochs() -> None:
    inside, answers = Distill(2), Distill(4)
    assert share_of_time((inside, answers)) == pytest.approx(1 / 3)
    assert share_of_time((answers,)) == 1
    assert share_of_time((Distill(4, share=0.5), Nothing(), answers)) == pytest.approx(1 / 3)
    assert share_of_time((Nothing(), inside, answers)) == 1
    assert share_of_time((inside, DistillInt8(4), DistillSequences(2))) == pytest.approx(1 / 4)
    assert share_of_time((DistillSequences(2, share=0.5), inside)) == pytest.approx(1 / 3)


@pytest.mark.parametrize("content", [None, b"half of a fi"])
def test_a_result_whose_file_was_lost_is_made_again(tmp_path: Path, content: bytes | None) -> None:
    CARRIED.clear()
    original = tiny_workload()
    first, _ = carrier(tmp_path, original).model((Counted(),))
    [file] = (tmp_path / "steps").rglob("*.safetensors")
    file.unlink() if content is None else file.write_bytes(content)
    again, _ = carrier(tmp_path, original).model((Counted(),))
    assert CARRIED == ["a", "a"] and torch.equal(answers(first), answers(again))
    assert "was carried out again" in Ledger(tmp_path).values("note")[0]
    carrier(tmp_path, original).model((Counted(),))
    assert CARRIED == ["a", "a"]


def test_an_artefact_whose_file_was_lost_is_made_again(tmp_path: Path) -> None:
    original = tiny_workload()
    made = carrier(tmp_path, original).artefact(Move("nothing", (Nothing(),)), original)
    made.path.unlink()
    assert carrier(tmp_path, original).artefact(Move("nothing", (Nothing(),)), original).path.exists()


def test_what_was_learnt_on_other_weights_is_not_taken_over(tmp_path: Path) -> None:
    earlier, now = tmp_path / "earlier", tmp_path / "now"
    Ledger(earlier).append("identity", "", {"weights": "one"})
    Ledger(now).append("identity", "", {"weights": "other"})
    with pytest.raises(LissomError, match="the weights changed since") as refused:
        carrier(now, tiny_workload()).adopt(earlier, Plan((Move("prune", (PRUNE,)),)))
    assert "--weights FILE" in refused.value.hints[0]


def test_what_is_taken_over_is_on_the_disk_before_the_ledger_speaks_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    earlier, now, plan = tmp_path / "earlier", tmp_path / "now", Plan((Move("prune", (PRUNE,)),))
    carrier(earlier, tiny_workload()).model((PRUNE,))
    (earlier / "work").mkdir()
    (earlier / "steps").rename(earlier / "work" / "steps")
    place = next((earlier / "work" / "steps").iterdir())
    synced: list[str] = []
    fsync = os.fsync
    monkeypatch.setattr(
        os, "fsync", lambda handle: synced.append(os.readlink(f"/proc/self/fd/{handle}")) or fsync(handle)
    )
    taking = carrier(now, tiny_workload())
    taking.adopt(earlier, plan)
    copied = now / "steps" / place.name
    wanted = {str(item) for item in (copied.parent, copied, *copied.iterdir())}
    assert len(wanted) >= 3 and wanted <= set(synced[:-1]) and synced[-1] == str(now / "ledger.jsonl")
    assert taking.knows((PRUNE,))
