"""Which number formats a run may try, told by what the model reads."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lissom.core.ledger import Ledger
from lissom.engine.moves import Mover
from lissom.engine.options import Options
from lissom.layers.ctc_model import CtcModel
from lissom.steps.distillation.distill import Distill
from lissom.testing import fresh_net, tiny_context, tiny_workload
from lissom.workload.workload import Workload


def mover(workload: Workload, folder: Path) -> Mover:
    carrier: Any = SimpleNamespace(model=lambda steps: (workload, {}))
    return Mover(Ledger(folder), tiny_context(folder, workload), carrier, Options(epochs=2))


@pytest.mark.parametrize("words", [False, True], ids=["pictures", "sound put into words"])
def test_layers_in_float_and_learnt_int8_are_for_ranges_that_are_fixed(words: bool, tmp_path: Path) -> None:
    workload = tiny_workload()
    workload = replace(workload, module=CtcModel(fresh_net())) if words else workload
    found = mover(workload, tmp_path)
    assert found.leaves_floats != words
    assert (found.learnt_int8(1) is None) == words


@pytest.mark.parametrize(("views", "asked"), [(None, 1), (1, 1), (3, 3)])
def test_the_original_answers_every_view_that_is_told_beforehand(views: int | None, asked: int, tmp_path: Path) -> None:
    Ledger(tmp_path).append("pace", "1", {"epoch_s": 1.0, "teacher_s": 1.0})
    rung: Any = SimpleNamespace(steps=(), widths={}, kept=0.5, drop=1.0)
    (distill,) = mover(replace(tiny_workload(), views=views), tmp_path).cut(1, rung, (), 1.0).steps
    assert isinstance(distill, Distill) and distill.views == asked
