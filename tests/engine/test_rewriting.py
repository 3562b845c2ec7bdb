"""Methods besides cutting in whole runs: tried on top of what stands, measured before they are recovered, undone where
they do not pay. Timings are the same for all, so that only what is limited counts."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

import lissom
from lissom.core.errors import LissomError, MachineError
from lissom.core.ledger import Ledger
from lissom.core.records import Trial, Verdict
from lissom.engine import measuring, probing
from lissom.engine.delivery import delivered_plan, widths
from lissom.engine.moves import Mover
from lissom.engine.rewriting import Rewriting
from lissom.steps.depth.drop_layers import DropLayers
from lissom.targets.onnx_runtime import OnnxRuntime
from lissom.testing import tiny_context, tiny_workload
from lissom.testing.tiny import residual_workload

BUDGET = "parameters<=60%, drop<=25pt"
OPTIONS = lissom.Options(epochs=8, calibration=64, measure_s=0.01, tries=1, compared=0)


def steady(calls: Any, **settings: Any) -> dict[str, list[float]]:
    for call in calls.values():
        call()
    return {name: [1.0] * 40 for name in calls}


@pytest.fixture(scope="module", autouse=True)
def same_speed() -> Iterator[None]:
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(measuring, "interleaved", steady)
        patch.setattr(
            probing,
            "timings",
            lambda runners, examples, seconds: steady(
                {name: lambda r=run: r.run(examples[0]) for name, run in runners.items()}
            ),
        )
        patch.setattr(OnnxRuntime, "peak_memory_bytes", lambda *given, **settings: 1_000_000)  # a process each
        yield


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> lissom.Run:
    options = replace(OPTIONS, methods=("prune", "depth", "separable", "sparsity"))
    return lissom.compress(
        tiny_workload(), budget=BUDGET, output=tmp_path_factory.mktemp("run") / "run", options=options
    )


def trials(run: lissom.Run) -> dict[str, Trial]:
    return {trial.move: trial for trial in Ledger(run.folder).all(Trial)}


def test_each_method_is_tried_on_top_of_the_cut(run: lissom.Run) -> None:
    names = list(trials(run))
    assert (
        names[0].startswith("prune") and "become separable + distill" in names[-2] and "zeros by magnitude" in names[-1]
    )
    separable = trials(run)[names[-2]]
    assert [step["step"] for step in separable.steps][:2] == ["prune", "reconstruct"]
    assert [step["step"] for step in separable.steps][-2:] == ["separable", "distill"]


def test_what_pays_is_kept_and_delivered(run: lissom.Run) -> None:
    found = trials(run)
    separable = next(trial for name, trial in found.items() if "separable" in name)
    cut = next(trial for name, trial in found.items() if name.startswith("prune"))
    assert separable.kept and "parameters" in separable.reason and "meets the budget" in separable.reason
    assert separable.figures is not None and cut.figures is not None
    assert separable.figures.parameters < cut.figures.parameters
    verdict = Ledger(run.folder).get(Verdict)
    assert verdict is not None and verdict.final.parameters == separable.figures.parameters
    assert "separable" in [step.name for step in delivered_plan(Ledger(run.folder)).moves[0].steps]


def test_what_does_not_pay_is_undone_without_a_recovery(run: lissom.Run) -> None:
    sparse = next(trial for name, trial in trials(run).items() if "zeros" in name)
    assert not sparse.kept and sparse.reason == "not faster (1.00x the speed)"
    assert sparse.steps[-1]["step"] == "sparsify", "nothing was trained for it"


def test_a_method_that_the_model_has_nothing_for_is_skipped_and_named(run: lissom.Run) -> None:
    why = Ledger(run.folder).find("skipped", "depth")
    assert why is not None and "0 blocks" in why["why"]


def test_no_second_is_told_twice(run: lissom.Run) -> None:
    told = sum(sum(trial.parts_seconds.values()) for trial in trials(run).values())
    assert 0 < told <= Ledger(run.folder).find("end")["seconds"]  # pyright: ignore[reportOptionalSubscript]
    sparse = next(trial for name, trial in trials(run).items() if "zeros" in name)
    assert set(sparse.parts_seconds) == {"sparsify"}, "what it stands on was learnt before"


def test_a_finished_run_is_read(run: lissom.Run) -> None:
    before = (run.folder / "ledger.jsonl").read_bytes()
    options = replace(OPTIONS, methods=("prune", "depth", "separable", "sparsity"))
    again = lissom.compress(tiny_workload(), budget=BUDGET, output=run.folder, options=options)
    assert again == run and (run.folder / "ledger.jsonl").read_bytes() == before
    assert "separable" in str(run)


def test_without_cutting_the_original_stands(tmp_path: Path) -> None:
    options = replace(OPTIONS, methods=("depth",))
    budget = "parameters<=85%, drop<=60pt"
    found = lissom.compress(residual_workload_labelled(), budget=budget, output=tmp_path / "run", options=options)
    names = list(trials(found))
    assert names == ["drop 1 layers + repair + distill", "drop 1 layers + repair", "quantize int8"]
    learnt, depth = (trials(found)[name] for name in names[:2])
    assert [step["step"] for step in learnt.steps] == ["drop_layers", "reconstruct", "distill"]
    assert not learnt.kept, "what the original says of noise is nothing to learn from, and the repair alone stands"
    assert depth.kept and "parameters 32% less" in depth.reason and found.met


def test_a_time_limit_that_is_used_up_leaves_methods_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Mover, "time_left", lambda self: 0.0)
    options = replace(OPTIONS, methods=("depth", "sparsity"))
    run = lissom.compress(tiny_workload(), budget=BUDGET, output=tmp_path / "run", options=options)
    assert list(trials(run)) == ["quantize int8"]
    assert [skipped["why"] for skipped in Ledger(run.folder).values("skipped")] == 2 * [
        "the time limit left none for it"
    ]


def test_a_full_disk_is_no_reason_to_skip_a_method(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*given: Any) -> Any:
        raise MachineError("the disk is full")

    options = replace(OPTIONS, methods=("depth",))
    with monkeypatch.context() as patch:
        patch.setattr(Rewriting, "_rung", full)
        with pytest.raises(MachineError):
            lissom.compress(residual_workload_labelled(), budget=BUDGET, output=tmp_path / "run", options=options)
    assert Ledger(tmp_path / "run").values("skipped") == []


def residual_workload_labelled() -> Any:
    """Its untrained network answers at chance, so that agreement with it is what counts."""
    return replace(residual_workload(), labelled=False)


def test_methods_that_cannot_be_are_refused() -> None:
    with pytest.raises(LissomError, match="unknown method 'separabel'") as caught:
        lissom.Options(methods=("prune", "separabel"))
    assert "separable" in caught.value.hints[0]
    with pytest.raises(LissomError, match="methods are none"):
        lissom.Options(methods=())
    with pytest.raises(LissomError, match="methods are prune, prune"):
        lissom.Options(methods=("prune", "prune"))
    with pytest.raises(LissomError, match="a front has cuts of all sizes"):
        lissom.Options(front=True, methods=("depth",))


def test_replaced_layers_are_told_by_name(run: lissom.Run) -> None:
    verdict = Ledger(run.folder).get(Verdict)
    assert verdict is not None
    found = {width.layer: width for width in verdict.widths}
    assert set(found) == {"features.0", "features.3", "features.6", "classifier"}
    assert found["features.6"].kind == "Conv2d, now separable" and found["classifier"].kind == "Linear"


def test_what_was_left_out_has_no_width(tmp_path: Path) -> None:
    original = residual_workload()
    short = DropLayers(("blocks.1",)).apply(original, tiny_context(tmp_path, original))
    found = {width.layer: (width.kind, width.before, width.after) for width in widths(original, short)}
    assert found["blocks.1.first.0"] == ("Conv2d, left out", 12, 0)
    assert found["blocks.0.first.0"] == ("Conv2d", 12, 12)


def test_after_a_cut_that_learnt_blocks_are_left_out_without_a_repair(tmp_path: Path) -> None:
    options = replace(OPTIONS, epochs=1, methods=("prune", "depth"))
    budget = "parameters<=50%, drop<=99pt"
    found = lissom.compress(residual_workload_labelled(), budget=budget, output=tmp_path / "run", options=options)
    (depth,) = (trial for trial in trials(found).values() if "drop 1 layers" in trial.move)
    assert [step["step"] for step in depth.steps] == ["prune", "reconstruct", "distill", "drop_layers", "distill"]
