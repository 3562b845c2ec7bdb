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


def mover(workload: Workload, folder: Path, epochs: int = 2) -> Mover:
    carrier: Any = SimpleNamespace(model=lambda steps: (workload, {}))
    return Mover(Ledger(folder), tiny_context(folder, workload), carrier, Options(epochs=epochs))


@pytest.mark.parametrize("words", [False, True], ids=["pictures", "sound put into words"])
def test_layers_in_float_and_learnt_int8_are_for_ranges_that_are_fixed(words: bool, tmp_path: Path) -> None:
    workload = tiny_workload()
    workload = replace(workload, module=CtcModel(fresh_net())) if words else workload
    found = mover(workload, tmp_path)
    assert found.leaves_floats != words
    assert (found.learnt_int8(1) is None) == words


@pytest.mark.parametrize(
    ("views", "epochs", "asked"),
    [
        pytest.param(None, 2, 1, id="views of no number"),
        pytest.param(1, 2, 1, id="the example as it is"),
        pytest.param(3, 4, 3, id="every view"),
        pytest.param(3, 2, 2, id="no more views than epochs"),
        pytest.param(3, 1, 2, id="one epoch"),
    ],
)
def test_the_original_answers_the_views_that_an_epoch_is_there_for(
    views: int | None, epochs: int, asked: int, tmp_path: Path
) -> None:
    Ledger(tmp_path).append("pace", "1", {"epoch_s": 1.0, "teacher_s": 1.0})
    rung: Any = SimpleNamespace(name="half", steps=(), widths={}, kept=0.5, drop=1.0)
    (distill,) = mover(replace(tiny_workload(), views=views), tmp_path, epochs).cut(1, rung, (), 1.0).steps
    assert isinstance(distill, Distill) and distill.views == asked
