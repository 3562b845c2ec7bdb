"""The verdict on the test split, opened once for the result alone, and the bundle."""

import shutil
from collections.abc import Mapping
from dataclasses import replace
from functools import partial

import numpy as np

from lissom.core.errors import LissomError
from lissom.core.ledger import Ledger
from lissom.core.records import Figures, Machine, Verdict, Width
from lissom.cost import profile
from lissom.engine.asking import asked
from lissom.engine.baseline import Baseline
from lissom.engine.carrying import Carrier
from lissom.engine.fallbacks import note_fallbacks
from lissom.engine.folder import RunFolder
from lissom.engine.measuring import kept_answers
from lissom.engine.models import save_model
from lissom.engine.neighbours import neighbours
from lissom.engine.samples import RESULT, keep_samples
from lissom.engine.trials import Tried
from lissom.export.bundle import Contents, write_bundle
from lissom.export.card import model_card
from lissom.layers.ctc_model import CtcModel
from lissom.layers.replacement import PASSED, Replacement
from lissom.layers.sequence_model import SequenceModel
from lissom.layers.sequence_runner import ModuleRunner
from lissom.layers.text_model import TextModel
from lissom.plan.budget import Budget
from lissom.plan.move import Move, Plan, plan_from_json
from lissom.targets.target import INT8, Artefact
from lissom.tasks import TASKS
from lissom.tasks.kind import ToInt8
from lissom.workload.transformers_folder import write_folder
from lissom.workload.transformers_models import is_of_transformers
from lissom.workload.workload import Workload, calibration_batches

_VERDICT_SECONDS = 2.5
_VECTORS = 8


def deliver(
    original: Workload,
    budget: Budget,
    baseline: Baseline,
    carrier: Carrier,
    best: Tried,
    folder: RunFolder,
    *,
    compared: int,
) -> Verdict:
    """Measure the result on the test split, beside so many off-the-shelf networks, write the model and the bundle, and
    tidy up."""
    move = Move(best.trial.move, best.state.steps)
    workload, _ = carrier.model(move.model_steps)
    artefact = carrier.artefact(move, workload)
    verdict = folder.ledger.get(Verdict)
    if verdict is None:
        verdict = _judge(original, workload, budget, baseline, artefact, folder)
        folder.ledger.put(verdict)
    if artefact.precision != INT8 or not workload.int8_layers:  # of these, float is meant where INT8 is not
        note_fallbacks(baseline.bench.target, artefact, folder.ledger)
    keep_samples(original, artefact, baseline, folder)
    if folder.ledger.find("beside") is None:
        _beside(original, verdict.final, baseline, compared, folder.ledger)
        folder.ledger.append("beside", "", True)
    save_model(folder.path, workload)
    _as_transformers(workload, folder)
    folder.ledger.append("delivered", "", {"trial": best.trial.number, "plan": Plan((move,)).to_json()})
    _bundle(workload, artefact, baseline, verdict, move, folder)
    shutil.rmtree(folder.work / "teacher", ignore_errors=True)
    return verdict


def _as_transformers(workload: Workload, folder: RunFolder) -> None:
    """A model of transformers once more as a folder that transformers, or lissom alone, loads."""
    module = workload.module
    if not isinstance(module, (TextModel, SequenceModel, CtcModel)) or not is_of_transformers(module.model):
        return
    try:
        said = write_folder(folder.path / "transformers", module.model, workload.files, workload.classes)
    except LissomError as error:
        said = f"{error.message}; lissom.load loads model.safetensors with build="
    folder.ledger.once("note", "transformers", said)


def _beside(original: Workload, final: Figures, baseline: Baseline, count: int, ledger: Ledger) -> None:
    with baseline.bench.progress.waiting("measuring off-the-shelf networks of the same size"):
        found, left_out = neighbours(original, final, baseline.bench, count)
    for neighbour in found:
        ledger.put(neighbour, neighbour.name)
    for reason in left_out:
        ledger.append("skipped", reason, {"what": "an off-the-shelf network beside the result", "why": reason})


def delivered_plan(ledger: Ledger) -> Plan:
    """The steps that led to what a finished run delivered, as one move."""
    found = ledger.find("delivered")
    assert found is not None, "a finished run has delivered something"
    return plan_from_json(found["plan"])


def _judge(
    original: Workload,
    workload: Workload,
    budget: Budget,
    baseline: Baseline,
    artefact: Artefact,
    folder: RunFolder,
) -> Verdict:
    bench, split = baseline.bench, original.splits.test
    theirs = kept_answers(
        folder.work / "original-test.npz",
        baseline.fast.runner,
        split,
        bench.progress,
        "scoring the original on test",
    )
    costs = profile(workload.module, workload.example)
    comparison, base = bench.compare(
        original,
        artefact,
        theirs,
        split,
        named="test",
        costs=(costs.macs + costs.attention_macs, costs.parameters),
        seconds=bench.seconds * _VERDICT_SECONDS,
        keep=folder.work / f"{RESULT}-test.npz",
    )
    base = replace(base, macs=baseline.figures.macs, parameters=baseline.figures.parameters)
    checks = budget.check(base, comparison.figures, comparison.drop, comparison.latency_ratio)
    return Verdict(
        met=all(check.met for check in checks),
        original=base,
        final=comparison.figures,
        drop=comparison.drop,
        drop_interval=comparison.drop_interval,
        latency_ratio=comparison.latency_ratio,
        latency_ratio_interval=comparison.latency_ratio_interval,
        limits=checks,
        classes=original.classes,
        widths=widths(original, workload),
        agreement=comparison.agreement,
        divergence=comparison.divergence,
    )


def widths(original: Workload, workload: Workload) -> tuple[Width, ...]:
    """The output width of every layer with a weight of two or more dimensions, before and after.

    A layer that another one stands in for has its kind in words; what was left out has no width.
    """
    after = dict(workload.module.named_parameters())
    put = {change.module: change.kind for change in workload.changes if isinstance(change, Replacement)}
    found: list[Width] = []
    for owner, module in original.module.named_modules():
        for leaf, parameter in module.named_parameters(recurse=False):
            name = f"{owner}.{leaf}" if owner else leaf
            if parameter.dim() < 2:
                continue
            if name not in after:
                found.extend(_replaced(owner, type(module).__name__, parameter.shape[0], put))
                continue
            found.append(Width(owner or leaf, type(module).__name__, parameter.shape[0], after[name].shape[0]))
    return tuple(found)


def _replaced(layer: str, kind: str, width: int, put: Mapping[str, str]) -> list[Width]:
    parts = layer.split(".")
    around = [name for n in range(len(parts)) if (name := ".".join(parts[: n + 1])) in put]
    if not around:
        return []
    left_out = put[around[0]] == PASSED
    return [
        Width(
            layer, f"{kind}, left out" if left_out else f"{kind}, now {put[around[0]]}", width, 0 if left_out else width
        )
    ]


def _bundle(
    workload: Workload, artefact: Artefact, baseline: Baseline, verdict: Verdict, move: Move, folder: RunFolder
) -> None:
    batch = calibration_batches(workload.splits.test, examples=_VECTORS, batch=_VECTORS, seed=0)[0]
    inputs = [tensor.numpy() for tensor in batch.inputs]
    target = baseline.bench.target
    outputs = asked(target.load(artefact.path, threads=1), workload).run(inputs)[0]
    machine = folder.ledger.get(Machine)
    assert machine is not None
    steps = [step.describe() for step in move.steps]
    kind = TASKS.get(workload.task.name)
    write_bundle(
        folder.bundle,
        Contents(
            files=artefact.files,
            runner=target.runner_of(artefact.path),
            task=workload.task.name,
            handling=workload.handling,
            classes=workload.classes,
            inputs=tuple(inputs),
            outputs=np.asarray(outputs),
            original=np.asarray(asked(ModuleRunner(workload.module), workload).run(inputs)[0]),
            card=model_card(folder.settings, machine, verdict, steps, [*workload.notes, *artefact.notes]),
            facts=_facts(verdict.final, artefact, folder),
            attached={**workload.files, **kind.attached(workload, _to_int8(workload, artefact))},
        ),
    )


def _to_int8(workload: Workload, artefact: Artefact) -> ToInt8 | None:
    """What makes files beside an artefact in INT8 so as well, where the layers are named that may be."""
    if artefact.precision != INT8 or not workload.int8_layers:
        return None
    from lissom.targets.onnx_int8 import int8_file  # with onnxruntime's quantizer, which few runs need

    return partial(int8_file, only=workload.int8_layers)


def _facts(final: Figures, artefact: Artefact, folder: RunFolder) -> dict[str, object]:
    return {
        "model": folder.settings.model,
        "task": folder.settings.task,
        "target": folder.settings.target,
        "precision": artefact.precision,
        "score": final.score,
        "latency_ms": final.latency_ms,
    }
