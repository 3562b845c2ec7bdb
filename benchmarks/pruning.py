"""Half of the multiply-adds away: lissom and Torch-Pruning on the same weights and data.

    python benchmarks/pruning.py cut WORK SUBJECT...       the cut alone, then an identical fine-tune
    python benchmarks/pruning.py eliminate WORK SUBJECT... the cut by backward elimination in the place of Fisher's
    python benchmarks/pruning.py pipeline WORK SUBJECT...  whole pipelines within the same processor time
    python benchmarks/results.py                           the tables, in docs/results.md

WORK holds cifar10.zip (class folders under train and test), a trained resnet20.safetensors, mobilenet_v2.safetensors
(from training/cifar10.py), and the folder photos with labels.csv.
Each result is added to results/pruning.json at once, and what is known is not done again.
Everything runs on one thread, and time is the processor's, so that a busy machine changes nothing.
"""

import copy
import csv
import math
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch
from adding import added, known
from originals import resnet20
from pruning_peer import SCOPES, criteria, cut, macs
from torch import nn

from lissom.core.files import write_text
from lissom.engine.sensitivity import analyse, cost_model, coupled
from lissom.plan.allocation import Widths, allocate
from lissom.steps.distillation.distill import Distill
from lissom.steps.pruning.criteria import Importance, Sample, weakest
from lissom.steps.pruning.eliminate import Eliminate
from lissom.steps.pruning.prune import without
from lissom.steps.repair.reconstruct import Reconstruct
from lissom.steps.step import Context
from lissom.targets import TARGETS
from lissom.targets.target import Runner
from lissom.tasks.loading import load
from lissom.train.loop import Schedule, supervised, train
from lissom.workload.workload import Split, Workload
from lissom.zoo import build

RESULTS = Path(__file__).parent / "results" / "pruning.json"
SHARE = 0.5
SEEDS = (0, 1, 2)
PHOTOS = 100


@dataclass(frozen=True)
class Subject:
    """What is cut: how it is loaded, how many examples a repair may look at, and how it is fine-tuned.

    ``schedule`` is the fine-tune that both sides get, and ``pipeline_s`` the processor time of a whole pipeline; there
    is neither where there is nothing to train on.
    """

    load: Callable[[Path], Workload]
    examples: int
    schedule: Schedule | None = None
    pipeline_s: float = 0.0


def _mobilenet_v2(work: Path) -> Workload:
    module = build("mobilenet_v2_32px", num_classes=10, width_mult=0.5)
    return load(module, data=work / "cifar10.zip", weights=work / "mobilenet_v2.safetensors", size=32)


def _lite0(work: Path) -> Workload:
    """The pretrained network on photos of a thousand classes: the first hundred by name to look at, 400 to score.

    Nothing is chosen by a score here, so the select split is the same hundred.
    """
    with (work / "photos" / "labels.csv").open(encoding="utf-8") as file:
        rows = sorted(csv.DictReader(file), key=lambda row: row["file"])
    parts = [("train", rows[:PHOTOS]), ("select", rows[:PHOTOS]), ("test", rows[PHOTOS:])]
    lines = [f"photos/{row['file']},{row['class_index']},{part}" for part, of_part in parts for row in of_part]
    listing = work / "photos.csv"
    write_text(listing, "\n".join(["file,class_index,split", *lines]) + "\n")
    return load("zoo:tf_efficientnet_lite0", data=listing, size=224, resize=256)


SUBJECTS = {
    "resnet20": Subject(resnet20, 2048, Schedule(2, 2e-3), 180.0),
    "mobilenet_v2": Subject(_mobilenet_v2, 2048, Schedule(1, 2e-3, weight_decay=2e-2), 600.0),
    "efficientnet_lite0": Subject(_lite0, 100),
}


@torch.inference_mode()
def accuracy(module: nn.Module, split: Split) -> float:
    """Percent of a split that the model gets right."""
    right, module = 0, module.eval()
    for start in range(0, len(split), 200):
        batch = split.take(list(range(start, min(start + 200, len(split)))))
        assert batch.targets is not None
        right += int((module(*batch.inputs).argmax(1) == batch.targets).sum())
    return 100 * right / len(split)


def artefact_accuracy(runner: Runner, split: Split) -> float:
    """Percent of a split that a loaded artefact gets right."""
    right = 0
    for start in range(0, len(split), 500):
        batch = split.take(list(range(start, min(start + 500, len(split)))))
        assert batch.targets is not None
        right += int((runner.run([batch.inputs[0].numpy()])[0].argmax(1) == batch.targets.numpy()).sum())
    return 100 * right / len(split)


def planned(workload: Workload, subject: Subject, seed: int) -> tuple[dict[str, Any], Widths, Importance]:
    """The analysis, how wide each group stays, and what each of its units matters."""
    coupling = coupled(workload)
    analysis = analyse(workload, coupling, Sample(min(1024, subject.examples), seed=seed))
    model = cost_model(workload, coupling, analysis, 1)
    widths = allocate(model, {"macs": SHARE * model.cost("macs", model.full)})
    assert widths is not None
    importance = {group["index"]: torch.tensor(group["importance"]).double().numpy() for group in analysis["groups"]}
    return analysis, widths, importance


def ours(workload: Workload, subject: Subject, seed: int, context: Context) -> dict[str, Workload]:
    """The cut alone and the cut with its repair."""
    _, widths, importance = planned(workload, subject, seed)
    bare = without(workload, weakest(importance, widths))
    return {"cut": bare, "repaired": Reconstruct(examples=subject.examples).apply(bare, context)}


def reestimated(module: nn.Module, workload: Workload, examples: int, seed: int) -> nn.Module:
    """A copy whose BatchNorm statistics are those of the training data."""
    module = copy.deepcopy(module).train()
    norms = [part for part in module.modules() if isinstance(part, nn.modules.batchnorm._BatchNorm)]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None
    with torch.no_grad():
        for batch in Sample(examples, batch=50, seed=seed).batches(workload, ""):
            module(*batch.inputs)
    return module.eval()


def tuned(module: nn.Module, workload: Workload, schedule: Schedule) -> nn.Module:
    """The fine-tune that is the same for both: the labels, the same steps, rate and order."""
    return train(module, workload.splits.train, supervised(workload.task), schedule)


def context_of(workload: Workload, folder: Path, seed: int) -> Context:
    """What a step works with; the original answers as a PyTorch model."""

    @torch.inference_mode()
    def answer(batch: Any) -> Any:
        return workload.module.eval()(*batch.inputs).numpy()

    return Context(
        original=workload,
        target=TARGETS.get("onnxruntime")(),
        answer=answer,
        folder=folder,
        shared=folder,
        seed=seed,
    )


def cut_alone(work: Path, name: str) -> None:
    """One-shot, then the same fine-tune for the better of each side, by seed."""
    subject = SUBJECTS[name]
    workload = subject.load(work)
    test = workload.splits.test
    full = macs(workload.module, workload.example)
    _add(name, "original", lambda: {"score": accuracy(workload.module, test), "macs": full})
    for seed in SEEDS:
        _add(name, f"lissom one-shot {seed}", lambda seed=seed: _ours_one_shot(workload, subject, seed))
        batches = list(Sample(min(512, subject.examples), batch=32, seed=seed).batches(workload, ""))
        for criterion, scope in [(c, s) for c in criteria() for s in SCOPES] if seed == 0 else leaders(name):
            key = f"peer one-shot {seed} {criterion} {scope}"
            _add(name, key, lambda c=criterion, s=scope, b=batches, n=seed: _peer(workload, subject, c, s, b, n))
        if subject.schedule is not None:
            _add(name, f"fine-tune {seed}", lambda seed=seed, b=batches: _fine_tune(workload, name, seed, b))


def eliminations(work: Path, name: str) -> None:
    """The same widths, their units chosen by backward elimination."""
    subject = SUBJECTS[name]
    workload = subject.load(work)
    for seed in SEEDS:
        _add(name, f"lissom eliminate {seed}", lambda seed=seed: _eliminated(workload, subject, seed))


def _eliminated(workload: Workload, subject: Subject, seed: int) -> dict[str, Any]:
    start = time.process_time()
    analysis, widths, _ = planned(workload, subject, seed)
    names = {group["index"]: group["name"] for group in analysis["groups"]}
    step = Eliminate(tuple((index, names[index], left) for index, left in widths.items()), subject.examples, batch=32)
    with TemporaryDirectory() as folder:
        made = step.apply(workload, context_of(workload, Path(folder), seed))
    seconds = time.process_time() - start
    share = macs(made.module, workload.example) / macs(workload.module, workload.example)
    return {"repaired": accuracy(made.module, workload.splits.test), "macs_share": share, "seconds": seconds}


def _ours_one_shot(workload: Workload, subject: Subject, seed: int) -> dict[str, Any]:
    start = time.process_time()
    with TemporaryDirectory() as folder:
        made = ours(workload, subject, seed, context_of(workload, Path(folder), seed))
    seconds = time.process_time() - start
    scores = {stage: accuracy(result.module, workload.splits.test) for stage, result in made.items()}
    share = macs(made["cut"].module, workload.example) / macs(workload.module, workload.example)
    return {**scores, "macs_share": share, "seconds": seconds}


def _peer(
    workload: Workload, subject: Subject, criterion: str, scope: str, batches: list[Any], seed: int
) -> dict[str, Any]:
    try:
        module = cut(workload, criterion, scope, SHARE, batches)
    except RuntimeError as error:
        return {"error": str(error)}
    again = reestimated(module, workload, subject.examples, seed)
    return {
        "cut": accuracy(module, workload.splits.test),
        "reestimated": accuracy(again, workload.splits.test),
        "macs_share": macs(module, workload.example) / macs(workload.module, workload.example),
    }


def leaders(name: str) -> list[tuple[str, str]]:
    """Torch-Pruning's best criteria and scopes on the test pictures with seed 0: at once, and re-estimated.

    The choice is made in its favour.
    """
    begin = "peer one-shot 0 "
    rows = {key: row for key, row in known(RESULTS)[name].items() if key.startswith(begin) and "error" not in row}
    best = [max(rows, key=lambda key: rows[key][stage]) for stage in ("reestimated", "cut")]
    found = [key.removeprefix(begin).rpartition(" ") for key in dict.fromkeys(best)]
    return [(criterion, scope) for criterion, _, scope in found]


def _fine_tune(workload: Workload, name: str, seed: int, batches: list[Any]) -> dict[str, Any]:
    subject = SUBJECTS[name]
    assert subject.schedule is not None
    schedule = Schedule(**{**vars(subject.schedule), "seed": seed})
    criterion, scope = leaders(name)[0]
    with TemporaryDirectory() as folder:
        own = ours(workload, subject, seed, context_of(workload, Path(folder), seed))["repaired"].module
    theirs = reestimated(cut(workload, criterion, scope, SHARE, batches), workload, subject.examples, seed)
    found: dict[str, Any] = {"epochs": schedule.epochs, "rate": schedule.rate, "peer_by": f"{criterion}, {scope}"}
    for side, module in (("lissom", own), ("peer", theirs)):
        start = time.process_time()
        found[side] = accuracy(tuned(module, workload, schedule), workload.splits.test)
        found[f"{side}_seconds"] = time.process_time() - start
    return found


def pipelines(work: Path, name: str) -> None:
    """Each side at its best within the same processor time."""
    subject = SUBJECTS[name]
    assert subject.schedule is not None, f"{name} has nothing to be trained on"
    workload = subject.load(work)
    for seed in SEEDS:
        batches = list(Sample(512, batch=32, seed=seed).batches(workload, ""))
        _add(name, f"pipeline lissom {seed}", lambda seed=seed: _our_pipeline(workload, subject, seed))
        _add(name, f"pipeline peer {seed}", lambda seed=seed, b=batches: _their_pipeline(workload, name, seed, b))


def _our_pipeline(workload: Workload, subject: Subject, seed: int) -> dict[str, Any]:
    """Cut, repair, and distillation for the time that is left."""
    start = time.process_time()
    assert subject.schedule is not None
    with TemporaryDirectory() as folder:
        context = context_of(workload, Path(folder), seed)
        made = ours(workload, subject, seed, context)["repaired"]
        seen = workload.splits.train.take(list(range(500)))
        teacher_s = _seconds(lambda: context.answer(seen)) / 500 * len(workload.splits.train)
        epoch_s = seconds_of_epoch(made.module, workload)
        left = subject.pipeline_s - (time.process_time() - start)
        kept, live = (left - 2 * teacher_s) / epoch_s, left / (epoch_s + teacher_s)  # two views' answers, or all anew
        epochs, views = max(kept, live), 2 if kept > live else 0
        step = Distill(**whole(epochs), rate=subject.schedule.rate, views=views)
        result = step.apply(made, context).module
    seconds = time.process_time() - start
    return {"score": accuracy(result, workload.splits.test), "epochs": epochs, "seconds": seconds}


def _their_pipeline(workload: Workload, name: str, seed: int, batches: list[Any]) -> dict[str, Any]:
    """The best criterion's cut, BatchNorm re-estimated, and a fine-tune for the time that is left."""
    start = time.process_time()
    subject = SUBJECTS[name]
    assert subject.schedule is not None
    criterion, scope = leaders(name)[0]
    made = reestimated(cut(workload, criterion, scope, SHARE, batches), workload, subject.examples, seed)
    epoch_s = seconds_of_epoch(made, workload)
    epochs = (subject.pipeline_s - (time.process_time() - start)) / epoch_s
    result = tuned(made, workload, Schedule(**{**vars(subject.schedule), **whole(epochs), "seed": seed}))
    seconds = time.process_time() - start
    return {"score": accuracy(result, workload.splits.test), "epochs": epochs, "seconds": seconds}


def whole(epochs: float) -> dict[str, Any]:
    """A number of epochs as whole ones in which a share of the examples is seen."""
    count = max(1, math.ceil(epochs))
    return {"epochs": count, "share": epochs / count}


def seconds_of_epoch(module: nn.Module, workload: Workload) -> float:
    """Processor seconds of an epoch, from twenty steps."""
    share = 20 * 128 / len(workload.splits.train)
    return _seconds(lambda: tuned(module, workload, Schedule(1, 0.0, share=share))) / share


def _seconds(work: Callable[[], Any]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def _add(name: str, key: str, make: Callable[[], dict[str, Any]]) -> None:
    """Find something out, unless it is known, and write it down."""
    if key in known(RESULTS).get(name, {}):
        return
    found = make()
    with added(RESULTS) as results:
        results.setdefault(name, {})[key] = found
    print(name, key, found, flush=True)


def main() -> None:
    torch.set_num_threads(1)
    command, work, *names = sys.argv[1:]
    for name in names or list(SUBJECTS):
        {"cut": cut_alone, "eliminate": eliminations, "pipeline": pipelines}[command](Path(work), name)


if __name__ == "__main__":
    main()
