"""Which number formats a run may try, told by what the model reads."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lissom.core.ledger import Ledger
from lissom.engine.moves import Mover
from lissom.engine.options import Options
from lissom.layers.ctc_model import CtcModel
from lissom.testing import fresh_net, tiny_context, tiny_workload
from lissom.workload.workload import Workload


def mover(workload: Workload, folder: Path) -> Mover:
    carrier: Any = None
    return Mover(Ledger(folder), tiny_context(folder, workload), carrier, Options())


@pytest.mark.parametrize("words", [False, True], ids=["pictures", "sound put into words"])
def test_layers_in_float_and_learnt_int8_are_for_ranges_that_are_fixed(words: bool, tmp_path: Path) -> None:
    workload = tiny_workload()
    workload = replace(workload, module=CtcModel(fresh_net())) if words else workload
    found = mover(workload, tmp_path)
    assert found.leaves_floats != words
    assert (found.learnt_int8(1) is None) == words
