"""Rungs of a front that other methods make: their levels from the mildest, each judged once."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from lissom.core.errors import LissomError, MachineError
from lissom.core.ledger import Ledger
from lissom.core.progress import Deadline, Progress
from lissom.engine import method_rungs
from lissom.engine.carrying import Carrier
from lissom.engine.measuring import answers
from lissom.engine.method_rungs import MethodRungs
from lissom.layers.sequence_runner import ModuleRunner
from lissom.steps.depth.drop_layers import DropLayers
from lissom.steps.repair.reconstruct import Reconstruct
from lissom.steps.step import ModelStep
from lissom.testing import tiny_context, tiny_workload
from lissom.testing.tiny import residual_workload
from lissom.workload.workload import Workload

REPAIR = Reconstruct(examples=64)


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def rungs_of(folder: Path, workload: Workload) -> MethodRungs:
    context, ledger = tiny_context(folder, workload), Ledger(folder)
    found = answers(ModuleRunner(workload.module), workload.splits.select, Progress(False), "")
    original: Any = SimpleNamespace(select=found)
    return MethodRungs(ledger, context, Carrier(ledger, folder / "steps", context), original, REPAIR)


def test_blocks_left_out_are_repaired_and_judged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workload = replace(residual_workload(), labelled=False)
    (rung,) = rungs_of(tmp_path, workload).rungs("depth")
    step, repair = rung.steps
    assert isinstance(step, DropLayers) and len(step.layers) == 1 and repair == REPAIR
    assert rung.name == "drop 1 layers + repair" and rung.widths == {} and 0.5 < rung.kept < 1.0
    monkeypatch.setattr(method_rungs, "untrained_drop", lambda *given: pytest.fail("it was judged again"))
    monkeypatch.setattr(method_rungs.METHODS, "get", lambda name: pytest.fail("its levels were made again"))
    assert rungs_of(tmp_path, workload).rungs("depth") == [rung]


def test_what_cannot_be_repaired_is_judged_as_it_is(tmp_path: Path) -> None:
    rungs = rungs_of(tmp_path, tiny_workload()).rungs("separable")
    assert len(rungs) > 1 and all(len(rung.steps) == 1 and not rung.steps[0].repairable for rung in rungs)
    assert len({rung.kept for rung in rungs}) == len(rungs), "though two of them may be called the same"


def test_where_a_method_saves_nothing_that_is_said(tmp_path: Path) -> None:
    assert rungs_of(tmp_path, tiny_workload()).rungs("depth") == []
    (skipped,) = Ledger(tmp_path).values("skipped")
    assert skipped["what"] == "depth" and "0 blocks that can be left out" in skipped["why"]


def test_levels_go_from_the_mildest_until_one_saves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def levels(*given: object) -> Iterator[ModelStep]:
        yield DropLayers(("blocks.0", "blocks.1"))
        yield DropLayers(("blocks.0",))
        raise LissomError("none is left")

    monkeypatch.setattr(method_rungs.METHODS, "get", lambda name: levels)
    rungs = rungs_of(tmp_path, residual_workload()).rungs("depth")
    assert [rung.name for rung in rungs] == ["drop 1 layers + repair", "drop 2 layers + repair"]
    assert [item["what"] for item in Ledger(tmp_path).values("skipped")] == ["depth, milder"]


def test_a_level_that_cannot_be_made_is_left_out_and_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    levels = [DropLayers(("blocks.9",)), DropLayers(("blocks.0",))]
    monkeypatch.setattr(method_rungs.METHODS, "get", lambda name: lambda *given: iter(levels))
    assert [rung.name for rung in rungs_of(tmp_path, residual_workload()).rungs("depth")] == ["drop 1 layers + repair"]
    (skipped,) = Ledger(tmp_path).values("skipped")
    assert skipped["what"] == "depth 2" and "'blocks.9' is no block" in skipped["why"]


def test_a_full_disk_is_no_reason_to_skip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*given: object) -> Iterator[ModelStep]:
        raise MachineError("the disk is full")

    monkeypatch.setattr(method_rungs.METHODS, "get", lambda name: full)
    with pytest.raises(MachineError):
        rungs_of(tmp_path, residual_workload()).rungs("depth")
    assert Ledger(tmp_path).values("skipped") == Ledger(tmp_path).values("levels") == []


def test_where_the_time_is_used_up_no_method_is_begun(tmp_path: Path) -> None:
    workload = residual_workload()
    context = replace(tiny_context(tmp_path, workload), deadline=Deadline(0.0))
    nothing: Any = None
    ledger = Ledger(tmp_path)
    assert MethodRungs(ledger, context, nothing, nothing, REPAIR).rungs("depth") == []
    assert [item["why"] for item in ledger.values("skipped")] == ["the time limit left none for it"]
