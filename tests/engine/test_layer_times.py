"""Times of layers: what goes with the width, what stays, and what is known of nothing. All times are made up."""

import pytest

from lissom.core.ledger import Ledger
from lissom.engine.layer_times import LayerTimer, in_proportion, with_times
from lissom.plan.allocation import Choice, CostModel, Side, Term

MODEL = CostModel(
    (Choice(0, "a", (1.0,) * 10), Choice(1, "b", (1.0,) * 10)),
    (
        Term("first", 10.0, 60.0, (Side(10, (((0,), 10),)),)),
        Term("second", 10.0, 40.0, (Side(10, (((1,), 10),)), Side(10, (((0,), 10),)))),
        Term("whole", 10.0, 0.0, ()),
    ),
)
HALF = {0: 5, 1: 5}


def times(model: CostModel) -> dict[str, float]:
    return {term.name: term.latency_ms for term in model.terms}


def test_what_shrinks_with_the_width_is_told_from_what_stays() -> None:
    found = with_times(
        MODEL, HALF, {"first": 4.0, "second": 2.0, "whole": 1.0}, {"first": 2.0, "second": 1.1, "whole": 1.0}
    )
    assert times(found) == pytest.approx({"first": 4.0, "second": 1.2, "whole": 0.0})
    assert found.cost("latency_ms", HALF) == pytest.approx(2.0 + 1.2 / 4)


def test_no_layer_shrinks_by_more_than_it_takes_nor_grows_when_cut() -> None:
    found = with_times(MODEL, HALF, {"first": 4.0, "second": 2.0}, {"first": 0.1, "second": 2.3})
    assert times(found) == pytest.approx({"first": 4.0, "second": 0.0, "whole": 0.0})


@pytest.mark.parametrize("full", [{}, {"first": 1.0, "": 1.5}, {"another": 9.0}])
def test_where_most_of_the_time_is_in_no_layer_nothing_changes(full: dict[str, float]) -> None:
    known = in_proportion(MODEL, 5.0)
    assert with_times(known, HALF, full, full) == known


def test_in_proportion_is_the_whole_latency_spread_by_multiply_adds() -> None:
    assert times(in_proportion(MODEL, 5.0)) == pytest.approx({"first": 3.0, "second": 2.0, "whole": 0.0})


def test_layers_are_timed_once_for_a_run_and_once_for_a_machine(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    import numpy as np

    from lissom.core.progress import Progress
    from lissom.engine.measuring import Bench
    from lissom.targets import TARGETS
    from lissom.testing import tiny_workload

    monkeypatch.setenv("LISSOM_CACHE", str(tmp_path / "cache"))
    workload, target = tiny_workload(), TARGETS.get("onnxruntime")()
    made = target.export(workload.module, workload.example, tmp_path / "model.onnx")
    example = tuple(np.asarray(tensor) for tensor in workload.example)

    def timer(folder: str, threads: int = 1) -> tuple[LayerTimer, Ledger]:
        runner, ledger = target.load(made.path, threads=threads), Ledger(tmp_path / folder)
        bench = Bench(target, threads, 1, 0.02, made, runner, (example,), Progress(False))
        return LayerTimer(ledger, workload, bench), ledger

    one, ledger = timer("one")
    assert not one.known
    one.measure(made, {0: 3})
    found = ledger.find("layer times")
    names = {name for name, item in workload.module.named_parameters() if item.dim() > 1}
    assert one.known and names <= set(found["full"]) <= names | {""}, "each layer is found by the name of its weight"
    assert all(ms >= 0 for ms in found["full"].values()) and sum(found["full"].values()) > 0
    assert found["widths"] == {"0": 3}

    monkeypatch.setattr(type(target), "layer_times", lambda *args, **kwargs: {"measured": 1.0})
    again, ledger = timer("two")
    again.measure(made, {0: 3})
    assert ledger.find("layer times") == found, "read from the cache"
    other, ledger = timer("three", threads=2)
    other.measure(made, {0: 3})
    assert ledger.find("layer times")["full"] == {"measured": 1.0}, "another number of threads is measured anew"
