"""How much a plan may look at."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lissom.core.errors import LissomError
from lissom.core.ledger import Ledger
from lissom.engine.options import Options
from lissom.engine.planning import Planner, repair_of
from lissom.plan.budget import parse_budget
from lissom.steps.repair.reconstruct import Reconstruct
from lissom.testing import tiny_workload


@pytest.mark.parametrize(
    ("latency_ms", "calibration", "examples"), [(0.1, 1024, 1024), (0.1, 96, 96), (1e4, 1024, 128)]
)
def test_a_slow_network_is_repaired_with_fewer_examples(latency_ms: float, calibration: int, examples: int) -> None:
    options = Options(calibration=calibration)
    assert repair_of(tiny_workload(), options, latency_ms).examples == examples


def test_a_repair_takes_about_a_minute_at_most() -> None:
    workload = tiny_workload()
    layers = sum(parameter.dim() > 1 for parameter in workload.module.parameters())
    found = repair_of(workload, Options(calibration=10_000), 20.0).examples
    assert 128 < found < 10_000 and 40 < found * 0.020 * 2 * (1 + layers / 2) <= 60


def test_what_was_decided_before_does_not_depend_on_the_time_that_is_left() -> None:
    options = Options(time_limit_s=600.0)
    assert repair_of(tiny_workload(), options, 30.0) == repair_of(
        tiny_workload(), replace(options, time_limit_s=60.0), 30.0
    )


def test_a_model_that_can_hardly_be_cut_has_no_front(tmp_path: Path) -> None:
    given: Any = SimpleNamespace(front=list)
    nothing: Any = None
    options, budget = Options(front=True), parse_budget("drop<=1pt")
    planner = Planner(Ledger(tmp_path), nothing, nothing, nothing, budget, options, nothing)
    with pytest.raises(LissomError, match="what can be cut here leaves more"):
        planner._front(given, Reconstruct())


def test_the_repairs_of_a_front_share_the_minute() -> None:
    one, all_of_them = (
        repair_of(tiny_workload(), Options(calibration=10_000, front=front), 2.0).examples for front in (False, True)
    )
    assert one / 7 < all_of_them < one / 5
