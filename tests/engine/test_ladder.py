"""A ladder of cuts: how wide each rung is, where it ends, and that none is judged twice."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from lissom.core.ledger import Ledger
from lissom.core.progress import Progress
from lissom.engine.ladder import FRONT, SHARES, Ladder, Rung, untrained_drop
from lissom.engine.measuring import answers
from lissom.engine.reach import Reach
from lissom.layers.sequence_runner import ModuleRunner
from lissom.plan.allocation import Choice, CostModel, Side, Term
from lissom.steps.pruning.prune import Prune
from lissom.steps.repair.reconstruct import Reconstruct
from lissom.steps.step import ModelStep
from lissom.testing.tiny import Drawn, draw, tiny_workload

UNITS = 40


class Probed:
    """Groups of equal cost; in each the later units matter more."""

    def __init__(self, groups: int = 2, least: int = 1) -> None:
        importance = tuple(float(unit + 1) for unit in range(UNITS))
        choices = tuple(Choice(i, f"g{i}", importance, least) for i in range(groups))
        terms = tuple(Term(c.name, 400.0, 8000.0, (Side(UNITS, (((c.index,), UNITS),)),)) for c in choices)
        self.model = CostModel(choices, terms)
        self.importance = {choice.index: np.asarray(choice.importance) for choice in choices}


class Judged(Ladder):
    """Each further rung loses ``step`` points more. Counts what was judged."""

    def __init__(self, folder: Path, step: float, probed: Probed | None = None, reach: int = 30) -> None:
        probed = probed or Probed()
        found = Reach(dict.fromkeys(probed.model.full, reach), "fp32", {"size": 0.9}, 1.0)
        nothing: Any = None
        given: Any = probed
        super().__init__(Ledger(folder), nothing, nothing, given, found, Reconstruct(examples=64))
        self.step, self.judged = step, 0

    def _drop(self, steps: tuple[ModelStep, ...]) -> float:
        self.judged += 1
        return self.step * self.judged


def widths(rungs: list[Rung]) -> list[int]:
    return [sum(rung.widths.values()) for rung in rungs]


def test_rungs_go_from_the_reach_downwards(tmp_path: Path) -> None:
    rungs = Judged(tmp_path, 0.0).rungs(1.0)
    assert rungs[0].widths == {0: 30, 1: 30} and rungs[0].kept == pytest.approx(0.75)
    assert len(rungs) == len(SHARES)
    assert widths(rungs) == sorted(set(widths(rungs)), reverse=True)


def test_every_rung_keeps_its_share_of_both_costs(tmp_path: Path) -> None:
    ladder, model = Judged(tmp_path, 0.0), Probed().model
    full = {measure: model.cost(measure, {0: 30, 1: 30}) for measure in ("parameters", "macs")}
    for rung, (parameters, macs) in zip(ladder.rungs(1.0), SHARES, strict=True):
        assert model.cost("parameters", rung.widths) <= parameters * full["parameters"] + 1e-9
        assert model.cost("macs", rung.widths) <= macs * full["macs"] + 1e-9


def test_the_first_rung_that_loses_too_much_is_the_last(tmp_path: Path) -> None:
    rungs = Judged(tmp_path, 0.4).rungs(1.0)
    assert [rung.drop for rung in rungs] == pytest.approx([0.4, 0.8, 1.2])


def test_a_rung_without_hope_is_a_rung_all_the_same(tmp_path: Path) -> None:
    assert len(Judged(tmp_path, 9.0).rungs(1.0)) == 1, "the search needs one to begin with"


def test_the_ladder_ends_where_nothing_narrower_can_be_had(tmp_path: Path) -> None:
    rungs = Judged(tmp_path, 0.0, Probed(least=20)).rungs(1.0)
    assert 1 <= len(rungs) < len(SHARES) and all(min(rung.widths.values()) >= 20 for rung in rungs)


def test_a_rung_is_a_cut_of_the_weakest_units_and_its_repair(tmp_path: Path) -> None:
    rung = Judged(tmp_path, 0.0).rungs(1.0)[0]
    prune, repair = rung.steps
    assert isinstance(prune, Prune) and repair == Reconstruct(examples=64)
    assert prune.removed == tuple((index, f"g{index}", tuple(range(10))) for index in (0, 1))


def test_a_rung_that_was_judged_is_read(tmp_path: Path) -> None:
    first = Judged(tmp_path, 0.4)
    rungs = first.rungs(1.0)
    again = Judged(tmp_path, 99.0)
    assert again.rungs(1.0) == rungs and (first.judged, again.judged) == (3, 0)


def test_the_rungs_of_a_front_are_spread_over_all_sizes_and_differ(tmp_path: Path) -> None:
    rungs = Judged(tmp_path, 9.0).front()
    assert len(rungs) == len(FRONT), "none of them is left out for what it loses"
    assert widths(rungs) == sorted(set(widths(rungs)), reverse=True)
    few = Judged(tmp_path / "few", 0.0, Probed(least=10)).front()
    assert 1 <= len(few) < len(FRONT)


def test_where_nothing_is_within_the_limits_rungs_lead_down_to_the_narrowest_cut(tmp_path: Path) -> None:
    ladder = Judged(tmp_path, 0.0, Probed(least=4), reach=4)
    rungs = ladder.rungs(1.0, reachable=False)
    assert widths(rungs) == sorted(set(widths(rungs)), reverse=True)
    assert len(rungs) > 2 and rungs[-1].widths == {0: 4, 1: 4}
    hopeless = Judged(tmp_path / "hopeless", 9.0, Probed(least=4), reach=4).rungs(1.0, reachable=False)
    assert hopeless == [replace(rungs[0], drop=9.0)], "what loses too much at once is not made narrower"


def test_a_model_that_can_hardly_be_cut_has_no_rungs_of_a_front(tmp_path: Path) -> None:
    assert Judged(tmp_path, 0.0, Probed(least=UNITS - 1), reach=UNITS).front() == []


class Looked(Drawn):
    """Each example is looked at twice, the second time as another one."""

    def looks(self) -> tuple[Drawn, ...]:
        return Drawn(self.pictures, self.labels, False), Drawn(np.roll(self.pictures, 1, 0), self.labels, False)


def test_a_cut_is_judged_by_the_mean_of_all_looks_as_the_original_is() -> None:
    workload = tiny_workload()
    select = draw(60, 1)
    split = Looked(select.pictures, select.labels, False)
    workload = replace(workload, splits=replace(workload.splits, select=split), labelled=False)
    found = answers(ModuleRunner(workload.module), split, Progress(False), "")
    original: Any = SimpleNamespace(select=found)
    assert untrained_drop(workload, original) == 0.0, "what was not cut loses nothing"
