"""Rungs of a front that other methods make: their levels from the mildest, each judged once."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from lissom.core.errors import LissomError
from lissom.core.ledger import Ledger
from lissom.core.progress import Progress
from lissom.engine import rewritten
from lissom.engine.carrying import Carrier
from lissom.engine.measuring import answers
from lissom.engine.rewritten import Rewriter
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


def rewriter(folder: Path, workload: Workload) -> Rewriter:
    context, ledger = tiny_context(folder, workload), Ledger(folder)
    found = answers(ModuleRunner(workload.module), workload.splits.select, Progress(False), "")
    original: Any = SimpleNamespace(select=found)
    return Rewriter(ledger, context, Carrier(ledger, folder / "steps", context), original, REPAIR)


def test_blocks_left_out_are_repaired_and_judged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workload = replace(residual_workload(), labelled=False)
    (rung,) = rewriter(tmp_path, workload).rungs("depth")
    step, repair = rung.steps
    assert isinstance(step, DropLayers) and len(step.layers) == 1 and repair == REPAIR
    assert rung.name == "drop 1 layers" and rung.widths == {} and 0.5 < rung.kept < 1.0
    monkeypatch.setattr(rewritten, "untrained_drop", lambda *given: pytest.fail("it was judged again"))
    monkeypatch.setattr(rewritten.METHODS, "get", lambda name: pytest.fail("its levels were made again"))
    assert rewriter(tmp_path, workload).rungs("depth") == [rung]


def test_what_cannot_be_repaired_is_judged_as_it_is(tmp_path: Path) -> None:
    rungs = rewriter(tmp_path, tiny_workload()).rungs("separable")
    assert len(rungs) > 1 and all(len(rung.steps) == 1 and not rung.steps[0].repairable for rung in rungs)
    assert len({rung.kept for rung in rungs}) == len(rungs), "though two of them may be called the same"


def test_where_a_method_saves_nothing_that_is_said(tmp_path: Path) -> None:
    assert rewriter(tmp_path, tiny_workload()).rungs("depth") == []
    (skipped,) = Ledger(tmp_path).values("skipped")
    assert skipped["what"] == "depth" and "0 blocks that can be left out" in skipped["why"]


def test_levels_go_from_the_mildest_until_one_saves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def levels(*given: object) -> Iterator[ModelStep]:
        yield DropLayers(("blocks.0", "blocks.1"))
        yield DropLayers(("blocks.0",))
        raise LissomError("none is left")

    monkeypatch.setattr(rewritten.METHODS, "get", lambda name: levels)
    rungs = rewriter(tmp_path, residual_workload()).rungs("depth")
    assert [rung.name for rung in rungs] == ["drop 1 layers", "drop 2 layers"]
    assert [item["what"] for item in Ledger(tmp_path).values("skipped")] == ["depth, milder"]
