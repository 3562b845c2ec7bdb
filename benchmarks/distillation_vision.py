r"""The losses of distillation on pictures: ResNet-8 learns CIFAR-10 from ResNet-20, with each loss beside the labels.

    python benchmarks/distillation_vision.py WORK [--arms labels,logits,...] [--seeds 0,1,2]
    python benchmarks/distillation_vision.py WORK --epochs 20 --arms labels,logits,hints,rkd --seeds 0 \
        --result benchmarks/results/distillation_vision_longer.json

WORK holds cifar10.zip (class folders under train and test) and a trained resnet20.safetensors. All arms of a seed
start from the same weights and see the same views of the same pictures in the same order; weights of losses are those
of the papers. Results go to results/distillation_vision.json at once, and what is there is not done again.
"""

import argparse
import copy
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from adding import added, known
from originals import resnet20
from torch import nn

from lissom.core.machine import describe
from lissom.core.progress import Progress
from lissom.core.records import to_json
from lissom.steps.distillation.lesson import ANSWERS, Lesson, Term, taps
from lissom.steps.distillation.pairing import Pairing, propose
from lissom.steps.distillation.teachers import ByAnswers, Live
from lissom.train.batches import in_order, prepared
from lissom.train.device import best_device
from lissom.train.loop import Schedule, supervised, train
from lissom.train.tapped import Tapped
from lissom.train.teacher import CachedTeacher, keep_answers
from lissom.workload.workload import Batch, Split, Workload
from lissom.zoo.resnet_cifar import CifarResNet

RESULT = Path(__file__).parent / "results" / "distillation_vision.json"
PICTURES, EPOCHS, BATCH, RATE = 10_000, 5, 64, 5e-3
# What each loss is multiplied with beside the labels' own loss: Tian et al. 2020, section 4.1 and appendix, for hints,
# attention_transfer (a sum over three maps there, a mean here), rkd, similarity, crd; the papers' own for the others.
ARMS = {
    "labels": (),
    "logits": (Term("logits", 9.0),),
    "standardised": (Term("standardised", 9.0),),
    "dkd": (Term("dkd", 1.0),),
    "dist": (Term("dist", 2.0),),
    "hints": (Term("hints", 100.0),),
    "attention_transfer": (Term("attention_transfer", 3000.0),),
    "rkd": (Term("rkd", 25.0),),
    "similarity": (Term("similarity", 3000.0),),
    "crd": (Term("crd", 0.8),),
}


@dataclass(frozen=True)
class Part:
    """Some examples of a split, numbered anew."""

    split: Split
    rows: np.ndarray

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, indices: Sequence[int], *, view: int | None = None) -> Batch:
        """The examples at ``indices`` among these."""
        found = self.split.take(self.rows[list(indices)].tolist(), view=view)
        return Batch(found.inputs, found.targets, torch.as_tensor(list(indices)))


def learnt_from(workload: Workload, given: argparse.Namespace) -> Part:
    """The pictures that all students see."""
    order = np.random.default_rng(0).permutation(len(workload.splits.train))
    return Part(workload.splits.train, np.sort(order[: given.pictures]))


def answers(workload: Workload, part: Part, given: argparse.Namespace) -> CachedTeacher:
    """The teacher's answers to all views, kept on disk."""
    module = copy.deepcopy(workload.module).eval()

    @torch.no_grad()
    def answer(batch: Batch) -> np.ndarray:
        return module(*batch.inputs).numpy()

    folder = given.work / f"answers-{given.pictures}"
    keep_answers(part, answer, folder, views=given.epochs, progress=Progress(), what="asking the teacher")
    return CachedTeacher(folder, given.epochs, best_device())


def lesson(workload: Workload, student: nn.Module, part: Part, terms: Sequence[Term], given: Any) -> tuple[Any, Any]:
    """What is trained, and the objective: the labels' loss plus the weighted ones, half of each."""
    if not terms:
        return student, supervised(workload.task)
    within = all(term.loss in ANSWERS for term in terms)
    pairing = Pairing(()) if within else propose(student, workload.module, workload.example)
    ours, theirs = taps(terms, pairing)
    teaching = ByAnswers(answers(workload, part, given)) if within else Live(workload.module, theirs, best_device())
    return Tapped(student, ours), Lesson(workload.task, teaching, terms, pairing, labels=0.5)


def run(workload: Workload, part: Part, arm: str, seed: int, given: argparse.Namespace) -> dict[str, Any]:
    """Train one student and score it."""
    torch.manual_seed(seed)
    student = CifarResNet(1, 10)
    learner, objective = lesson(workload, student, part, ARMS[arm], given)
    schedule = Schedule(given.epochs, RATE, BATCH, seed=seed)
    checkpoint = given.work / f"resnet8-{arm}-{seed}.pt"
    begun = time.process_time()
    trained = train(learner, part, objective, schedule, checkpoint=checkpoint, progress=Progress(), what=arm)
    seconds = time.process_time() - begun
    checkpoint.unlink(missing_ok=True)
    module = trained.module if isinstance(trained, Tapped) else trained
    scores = {part: accuracy(module, getattr(workload.splits, part)) for part in ("select", "test")}
    return {"arm": arm, "seed": seed, **scores, "processor_seconds": round(seconds, 1)}


@torch.inference_mode()
def accuracy(module: nn.Module, split: Split) -> float:
    """Percent of a split that the model gets right."""
    right = 0
    for batch in prepared(split, in_order(len(split), 250)):
        assert batch.targets is not None
        right += int((module.eval()(*batch.inputs).argmax(1) == batch.targets).sum())
    return 100 * right / len(split)


def read(path: Path) -> dict[str, Any]:
    """What was measured so far."""
    return {"runs": [], **known(path)}


def note(given: argparse.Namespace, row: dict[str, Any] | None = None, **values: Any) -> None:
    """Add a run, or something about all of them, to what is there."""
    with added(given.result) as results:
        results.setdefault("runs", []).extend([] if row is None else [row])
        results |= {**values, "machine": to_json(describe())}
    print(row or values, flush=True)


def main(given: argparse.Namespace) -> None:
    """Make all runs that are not there yet."""
    workload = resnet20(given.work)
    part = learnt_from(workload, given)
    if "teacher" not in read(given.result):
        scores = {name: accuracy(workload.module, getattr(workload.splits, name)) for name in ("select", "test")}
        note(given, teacher=scores, pictures=len(part), epochs=given.epochs, batch=BATCH, rate=RATE)
    for seed, arm in [(seed, arm) for seed in given.seeds for arm in given.arms]:
        if not any((row["arm"], row["seed"]) == (arm, seed) for row in read(given.result)["runs"]):
            note(given, run(workload, part, arm, seed, given))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("work", type=Path)
    parser.add_argument("--arms", type=lambda text: text.split(","), default=list(ARMS))
    parser.add_argument("--seeds", type=lambda text: [int(part) for part in text.split(",")], default=[0, 1, 2])
    parser.add_argument("--pictures", type=int, default=PICTURES)
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    parser.add_argument("--result", type=Path, default=RESULT)
    main(parser.parse_args())
