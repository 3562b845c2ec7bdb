"""Widths that meet limits, found by measuring. The measurements here are arithmetic, so every case is exact."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lissom.core.ledger import Ledger
from lissom.core.progress import Progress
from lissom.core.records import Figures
from lissom.engine.layer_times import in_proportion, with_times
from lissom.engine.reach import _AIM, Prober, Reach, _corrected, fitting, reach_record, reachable
from lissom.plan.allocation import Choice, CostModel, Side, Term, Widths
from lissom.plan.budget import parse_budget

UNITS = 40
ORIGINAL = Figures(
    score=90.0,
    score_interval=(89.0, 91.0),
    latency_ms=10.0,
    latency_interval_ms=(9.9, 10.1),
    latency_p95_ms=11.0,
    size_bytes=4_000_000,
    macs=100_000_000,
    parameters=1_000_000,
    peak_memory_bytes=8_000_000,
)


def cost_model(*importance: float) -> CostModel:
    """Groups of forty units that share the cost, each unit of a group as important as the next."""
    choices = tuple(Choice(i, f"g{i}", (value,) * UNITS) for i, value in enumerate(importance))
    parameters, macs = ORIGINAL.parameters / len(choices), ORIGINAL.macs / len(choices)
    terms = tuple(Term(c.name, parameters, macs, (Side(UNITS, (((c.index,), UNITS),)),)) for c in choices)
    return CostModel(choices, terms)


class Measured(Prober):
    """Costs by a rule instead of a runtime: every artefact carries ``overhead`` of the original's cost."""

    def __init__(self, model: CostModel, overhead: float = 0.0) -> None:
        super().__init__(None, None, None, ORIGINAL, model)  # pyright: ignore[reportArgumentType]
        self.overhead = overhead
        self.probed: list[Widths] = []

    def measure(self, widths: Widths) -> dict[str, dict[str, float]]:
        self.probed.append(dict(widths))
        parameters, macs = (self.model.cost(name, widths) for name in ("parameters", "macs"))
        share = {
            "parameters": self.overhead + (1 - self.overhead) * parameters / ORIGINAL.parameters,
            "macs": self.overhead + (1 - self.overhead) * macs / ORIGINAL.macs,
        }
        return {
            precision: {
                "size": share["parameters"] * ORIGINAL.size_bytes * bytes_each / 4,
                "latency": share["macs"] * speed,
                "memory": share["parameters"] * ORIGINAL.peak_memory_bytes,
                "macs": macs,
                "parameters": parameters,
            }
            for precision, bytes_each, speed in (("fp32", 4, 1.0), ("int8", 1, 0.5))
        }


def test_usage_is_a_share_of_each_limit() -> None:
    prober = Measured(cost_model(1.0))
    measured = {"size": 1e6, "latency": 0.3, "memory": 4e6, "macs": 5e7, "parameters": 2e5}
    budget = parse_budget("size<=2MB, latency<=6ms, memory<=100%, macs<=25%, parameters<=1M, drop<=1pt")
    assert prober.usage(measured, budget) == pytest.approx(
        {"size": 0.5, "latency": 0.5, "memory": 0.5, "macs": 2.0, "parameters": 0.2}
    )
    assert prober.usage(measured, parse_budget("latency<=15%")) == pytest.approx({"latency": 2.0})


def test_within_is_within_every_limit() -> None:
    assert Reach({}, "fp32", {"size": 1.0, "latency": 0.2}, 0.0).within
    assert not Reach({}, "fp32", {"size": 1.001, "latency": 0.2}, 0.0).within


def test_the_narrowest_is_what_no_step_goes_below() -> None:
    found = reachable(Measured(cost_model(1.0, 1.0), overhead=0.1), parse_budget("size<=10%, latency<=10%"))
    assert found["fp32"].widths == found["int8"].widths == {0: 1, 1: 1}
    assert found["fp32"].usage["size"] > 1 and not found["fp32"].within, "the overhead alone is a tenth"
    assert found["int8"].usage["size"] < 1 and found["int8"].within
    assert found["fp32"].lost == found["int8"].lost > 0


def test_what_matters_less_goes_first() -> None:
    found = fitting(Measured(cost_model(1.0, 50.0)), parse_budget("macs<=60%"), "fp32")
    assert found is not None and found.within
    assert found.widths[0] < UNITS // 2 < found.widths[1]


@pytest.mark.parametrize("overhead", [0.0, 0.1, 0.2, 0.3])
@pytest.mark.parametrize("precision", ["fp32", "int8"])
@pytest.mark.parametrize("text", ["size<=50%", "latency<=50%", "memory<=50%", "size<=40%, latency<=60%"])
def test_a_cost_that_is_not_proportional_is_found_by_measuring(text: str, precision: str, overhead: float) -> None:
    prober = Measured(cost_model(1.0, 2.0), overhead)
    found = fitting(prober, parse_budget(text), precision)
    assert found is not None and found.within and found.precision == precision
    assert found.widths in prober.probed, "nothing is promised that was not measured"
    if found.widths != prober.model.full:
        assert max(found.usage.values()) > 0.8, "no more is cut than is needed"


def test_a_cost_that_grows_evenly_is_found_at_the_first_guess() -> None:
    prober = Measured(cost_model(1.0, 2.0), overhead=0.3)
    found = fitting(prober, parse_budget("latency<=50%"), "fp32")
    assert found is not None and max(found.usage.values()) == pytest.approx(_AIM, abs=0.04)
    assert prober.probed == [{0: 1, 1: 1}, prober.model.full, found.widths]


@pytest.mark.parametrize("text", ["size<=5%", "latency<=5%", "size<=90%, latency<=5%"])
def test_what_is_out_of_reach_is_not_promised(text: str) -> None:
    assert fitting(Measured(cost_model(1.0, 2.0), overhead=0.2), parse_budget(text), "fp32") is None


def test_a_limit_that_hardly_binds_cuts_hardly_anything() -> None:
    found = fitting(Measured(cost_model(1.0, 1.0)), parse_budget("parameters<=99%"), "fp32")
    assert found is not None and sum(found.widths.values()) >= 0.9 * 2 * UNITS


@settings(max_examples=30, deadline=None)
@given(st.floats(0.1, 1.0), st.floats(0.1, 1.0), st.floats(0.0, 0.5), st.sampled_from(["fp32", "int8"]))
def test_whatever_is_found_keeps_to_all_limits(size: float, latency: float, overhead: float, precision: str) -> None:
    prober = Measured(cost_model(1.0, 3.0, 9.0), overhead)
    budget = parse_budget(f"size<={size * 100:.3f}%, latency<={latency * 100:.3f}%")
    found = fitting(prober, budget, precision)
    if found is not None:
        assert found.within and found.usage == prober.usage(prober.measure(found.widths)[precision], budget)
        assert found.lost == prober.lost(found.widths)


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        ({"latency": 2 * _AIM}, {"latency_ms": 0.5}),  # twice too slow: half of the time
        ({"macs": 2 * _AIM}, {"macs": 0.5}),
        ({"size": _AIM / 2}, {"parameters": 2.0}),  # half used: twice as many parameters
        ({"size": 2 * _AIM, "memory": _AIM}, {"parameters": 0.5}),  # the worst of what drives it counts
        ({"latency": _AIM, "parameters": 2 * _AIM}, {"latency_ms": 1.0, "parameters": 0.5}),
        ({}, {}),
    ],
)
def test_limits_move_by_how_far_the_measurement_was_off(usage: dict[str, float], expected: dict[str, float]) -> None:
    model = in_proportion(cost_model(1.0), ORIGINAL.latency_ms)
    full = {name: model.cost(name, model.full) for name in ("macs", "parameters", "latency_ms")}
    before = {"macs": 0.9, "parameters": 0.7, "latency_ms": 0.8}
    moved = _corrected({name: share * full[name] for name, share in before.items()}, model.full, usage, model, {})
    assert {name: moved[name] / full[name] for name in moved} == pytest.approx({**before, **expected})


def test_a_limit_on_latency_cuts_where_the_time_goes_and_not_where_the_multiply_adds_are() -> None:
    model = cost_model(1.0, 1.0)
    times = {"g0": 9.0, "g1": 1.0}

    class Timed(Measured):
        def use_times(self) -> None:
            self.model = with_times(self.model, {0: 1, 1: 1}, times, {"g0": 9 / UNITS, "g1": 1 / UNITS})

        def measure(self, widths: Widths) -> dict[str, dict[str, float]]:
            found = super().measure(widths)
            for costs in found.values():
                costs["latency"] = (9 * widths[0] + widths[1]) / (10 * UNITS)
            return found

    prober, budget = Timed(model), parse_budget("latency<=50%")
    reachable(prober, budget)
    found = fitting(prober, budget, "fp32")
    assert found is not None and found.within and found.widths[1] > 2 * found.widths[0]
    blind = Timed(model)
    blind_found = fitting(blind, budget, "fp32")  # nothing was timed: in proportion to multiply-adds
    assert blind_found is not None and found.lost < blind_found.lost


def test_nothing_is_measured_twice(tmp_path: Path) -> None:
    class Counting(Prober):
        count = 0

        def _measure(self, widths: Widths) -> dict[str, dict[str, float]]:
            Counting.count += 1
            return {"fp32": {"size": 1.0}}

    class Quiet:
        progress = Progress(False)

    def prober(folder: Path) -> Counting:
        quiet: Any = Quiet()
        return Counting(Ledger(folder), quiet, quiet, ORIGINAL, cost_model(1.0, 1.0))

    first = prober(tmp_path)
    for widths in ({0: 3, 1: 5}, {1: 5, 0: 3}, {0: 5, 1: 3}):
        assert first.measure(widths) == {"fp32": {"size": 1.0}}
    assert Counting.count == 2, "the order in which groups are named is no difference"
    assert prober(tmp_path).measure({0: 3, 1: 5}) == {"fp32": {"size": 1.0}}
    assert Counting.count == 2, "a resumed run reads it"


def test_what_is_reachable_as_a_record() -> None:
    reach = Reach({0: 3}, "int8", {"size": 0.9}, 1.5)
    measured = {"size": 1e5, "latency": 0.2, "memory": 1.0, "macs": 3e6, "parameters": 9.0}
    assert reach_record(reach, measured) == {
        "name": "int8", "size_bytes": 1e5, "latency_ratio": 0.2, "macs": 3e6, "within": True,
    }  # fmt: skip
