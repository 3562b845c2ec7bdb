"""What distillation is worth on texts: students with and without their teacher, over three seeds.

    python training/text_teacher.py movie-reviews TEACHER --epochs 2 --length 64
    python benchmarks/distillation.py TEACHER [--data movie-reviews] [--arms labels,logits,...] [--seeds 0,1,2]
    python benchmarks/distillation.py TEACHER --latency
    python benchmarks/distillation.py TEACHER --throughput

The students are parts of the *pretrained* encoder, from before it was fine-tuned, with a new classifier: a student
cut from the fine-tuned teacher would know from its teacher in the arm without one. Every arm of a seed starts from
the same weights and takes as many steps. Each result is written to benchmarks/results/distillation.json when it is
there; results that are there are not made again.
"""

import argparse
import copy
import json
import math
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "training"))

from distillation_texts import joined, unlabelled
from text_teacher import accuracy, fastest_device, start  # pyright: ignore[reportMissingImports, reportUnknownVariableType]

from lissom.core.files import write_json
from lissom.core.machine import describe
from lissom.core.progress import Progress
from lissom.core.records import to_json
from lissom.core.timing import interleaved
from lissom.graph import capture, couple
from lissom.steps.distillation.losses import LOSSES
from lissom.steps.pruning.criteria import Sample, fisher, weakest
from lissom.steps.pruning.prune import without
from lissom.targets import TARGETS
from lissom.targets.target import Runner, Source
from lissom.tasks.loading import load
from lissom.train.loop import Schedule, train
from lissom.train.teacher import CachedTeacher, LiveTeacher, keep_answers
from lissom.workload.workload import Batch, Split, Workload

RESULT = Path(__file__).parent / "results" / "distillation.json"
VIEWS = 2
REPLACED = 0.25
LENGTH = 64
BATCH = 32
FISHER_TEXTS = 512


@dataclass(frozen=True)
class Student:
    """A part of the encoder: its layers, and heads and feed-forward units of each (``None``: all)."""

    layers: tuple[int, ...]
    heads: int | None = None
    inner: int | None = None
    epochs: int = 8
    rate: float = 3e-4


STUDENTS = {
    "TinyBERT-style": Student((0, 2, 5), heads=4, inner=576),
    "DistilBERT-style": Student((0, 2, 4), epochs=4, rate=2e-4),
}
Objective = Callable[[Tensor, Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Arm:
    """How a student learns: from what, on labelled texts alone or on all."""

    objective: Objective
    everything: bool = False


def arms(task: Any) -> dict[str, Arm]:
    """The arms by name. An objective is of the student's answers, the teacher's, and the labels."""

    def half(ours: Tensor, theirs: Tensor, targets: Tensor) -> Tensor:
        known = targets >= 0
        own = task.loss(ours[known], targets[known]) if known.any() else ours.sum() * 0
        return 0.5 * own + 0.5 * task.distance(ours, theirs)

    def only(name: str) -> Objective:
        return lambda ours, theirs, targets: LOSSES.get(name)(ours, theirs)

    return {
        "labels": Arm(lambda ours, theirs, targets: task.loss(ours, targets)),
        "logits": Arm(lambda ours, theirs, targets: task.distance(ours, theirs)),
        "labels and logits": Arm(half),
        "dist": Arm(only("dist")),
        "standardised": Arm(only("standardised")),
        "logits+": Arm(lambda ours, theirs, targets: task.distance(ours, theirs), everything=True),
    }


def shortened(workload: Workload, layers: tuple[int, ...]) -> Workload:
    """The workload with some of the layers of its BERT."""
    module: Any = copy.deepcopy(workload.module)
    encoder = module.model.bert.encoder
    encoder.layer = nn.ModuleList([encoder.layer[number] for number in layers])
    module.model.config.num_hidden_layers = len(layers)
    return workload.with_module(module)


def started(workload: Workload, student: Student) -> Workload:
    """The student as it is before any training: what matters least by Fisher information is cut."""
    short = shortened(workload, student.layers)
    if student.heads is None:
        return short
    coupling = couple(capture(short.module, short.example))
    sizes = {"heads": student.heads, "channels": student.inner}
    keep = {
        group.index: sizes[group.kind]
        for group in coupling.groups
        if group.kind == "heads" or (group.kind == "channels" and group.name.endswith("intermediate.dense"))
    }
    return without(short, weakest(fisher(short, coupling, Sample(FISHER_TEXTS)), keep))


def pretrained(workload: Workload, data: str, seed: int, progress: Progress) -> Workload:
    """The workload with the encoder as it was before fine-tuning, and a classifier that is drawn anew."""
    with tempfile.TemporaryDirectory() as folder:
        start(Path(folder), workload.classes, seed, progress)
        return load(f"hf:{folder}", data=data, task="text", length=LENGTH, seed=seed, progress=progress)


def outside_embeddings(module: nn.Module) -> int:
    """Parameters that are not in embeddings."""
    held = {id(p) for layer in module.modules() if isinstance(layer, nn.Embedding) for p in layer.parameters()}
    return sum(p.numel() for p in module.parameters() if id(p) not in held)


def answers(workload: Workload, split: Split, folder: Path, progress: Progress) -> CachedTeacher:
    """The teacher's answers to every view of a split, kept in ``folder``."""
    module, device = copy.deepcopy(workload.module).eval(), fastest_device()

    @torch.no_grad()
    def answer(batch: Batch) -> np.ndarray:
        with device.autocast():
            return module(*batch.inputs).float().numpy()

    keep_answers(split, answer, folder, views=VIEWS, progress=progress, what="asking the teacher")
    return CachedTeacher(folder, VIEWS, device)


def run(begin: Workload, student: Student, arm: Arm, split: Split, teacher: CachedTeacher, seed: int) -> dict[str, Any]:
    """Train one student and score it."""

    def objective(outputs: Tensor, batch: Batch, view: int) -> Tensor:
        assert batch.targets is not None
        return arm.objective(outputs.float(), teacher.answer(batch, view), batch.targets)

    module: Any = copy.deepcopy(begin.module)
    module.model.bert.embeddings.requires_grad_(False)
    steps = math.ceil(len(begin.splits.train) / BATCH)
    share = min(1.0, steps / math.ceil(len(split) / BATCH))
    schedule = Schedule(student.epochs, student.rate, BATCH, warm_up=0.1, views=VIEWS, share=share, seed=seed)
    begun = time.monotonic()
    trained = train(module, split, objective, schedule, device=fastest_device())
    seconds = time.monotonic() - begun
    done = begin.with_module(trained)
    return {
        "select": accuracy(done, "select"),
        "test": accuracy(done, "test"),
        "test_int8": accuracy_int8(done, "test"),
        "steps": steps * student.epochs,
        "seconds": round(seconds, 1),
    }


def accuracy_int8(workload: Workload, part: str) -> float:
    """Percent of a split that the INT8 artefact on ONNX Runtime gets right, one text at a time."""
    split: Split = getattr(workload.splits, part)
    right = 0
    with tempfile.TemporaryDirectory() as temp:
        _, runner = exported(workload, workload.module, Path(temp), "scored")
        for number in range(len(split)):
            batch = split.take([number])
            assert batch.targets is not None
            answer = runner.run([tensor.numpy() for tensor in batch.inputs])[0]
            right += int(answer[0].argmax() == int(batch.targets[0]))
    return 100 * right / len(split)


def exported(workload: Workload, module: nn.Module, folder: Path, name: str) -> tuple[Runner, Runner]:
    """The FP32 and the INT8 artefact of a model on ONNX Runtime, loaded with one thread."""
    target = TARGETS.get("onnxruntime")()
    example = [tensor.numpy() for tensor in workload.example]
    plain = target.export(module.eval(), workload.example, folder / f"{name}.onnx")
    small = target.quantize(Source(module, workload.example, plain), [example], folder / f"{name}-int8.onnx")
    return target.load(plain.path, threads=1), target.load(small.path, threads=1)


def bag_of_words(workload: Workload) -> dict[str, float]:
    """A linear model of weighted word counts: what an easy set would show itself by."""
    parts: dict[str, Any] = {part: getattr(workload.splits, part) for part in ("train", "select", "test")}
    vocabulary = 1 + max(int(item.max()) for item in parts["train"].tokens)

    def counted(split: Any) -> Tensor:
        rows = torch.zeros(len(split), vocabulary)
        for row, item in enumerate(split.tokens):
            rows[row].index_add_(0, torch.from_numpy(item).clamp(max=vocabulary - 1), torch.ones(len(item)))
        return rows

    counts = {part: counted(split) for part, split in parts.items()}
    rarity = torch.log(len(counts["train"]) / (1 + (counts["train"] > 0).sum(0))).clamp(min=0)
    features = {part: nn.functional.normalize(torch.log1p(found) * rarity) for part, found in counts.items()}
    tried = [_linear(features, parts, decay) for decay in (1e-5, 1e-4, 1e-3)]
    return max(tried, key=lambda scores: scores["select"])


def _linear(features: dict[str, Tensor], parts: dict[str, Any], decay: float) -> dict[str, float]:
    torch.manual_seed(0)
    linear = nn.Linear(features["train"].shape[1], int(parts["train"].labels.max()) + 1)
    optimizer = torch.optim.LBFGS(linear.parameters(), max_iter=60, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(linear(features["train"]), parts["train"].labels)
        loss = loss + decay * linear.weight.square().sum()
        loss.backward()
        return loss

    optimizer.step(closure)  # pyright: ignore[reportArgumentType]
    with torch.no_grad():
        right = {part: linear(features[part]).argmax(1) == parts[part].labels for part in ("select", "test")}
    return {part: 100 * float(found.float().mean()) for part, found in right.items()}


def read(path: Path) -> dict[str, Any]:
    """What was measured so far."""
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {"data": {}}


def measure(given: argparse.Namespace) -> None:
    """Make all runs that are not there yet."""
    progress, data = Progress(), given.data
    options: Any = {"length": LENGTH, "replaced": REPLACED, "views": VIEWS}
    workload = load(f"hf:{given.teacher}", data=data, task="text", progress=progress, **options)
    found = read(given.result)
    mine = found["data"].setdefault(data, {"runs": []})
    found["machine"] = to_json(describe())
    if "teacher" not in mine:
        mine["teacher"] = {
            "select": accuracy(workload, "select"),
            "test": accuracy(workload, "test"),
            "test_int8": accuracy_int8(workload, "test"),
            "parameters_outside_embeddings": outside_embeddings(workload.module),
        }
        mine["bag of words"] = bag_of_words(workload)
        mine["examples"] = {part: len(getattr(workload.splits, part)) for part in ("train", "select", "test")}
        write_json(given.result, found)
    everything, of_all = workload.splits.train, None
    own = answers(workload, workload.splits.train, given.teacher / "answers", progress)
    for seed, name, arm in [(s, n, a) for n in given.students for s in given.seeds for a in given.arms]:
        key = {"student": name, "arm": arm, "seed": seed}
        if any(all(row[field] == value for field, value in key.items()) for row in mine["runs"]):
            continue
        how, student = arms(workload.task)[arm], STUDENTS[name]
        if how.everything and of_all is None:
            train_split: Any = workload.splits.train
            encoding = train_split.encoding
            everything = joined(train_split, unlabelled(progress), workload.files["tokenizer.json"], encoding)
            mine["examples"]["without labels"] = len(everything) - len(train_split)
            of_all = answers(workload, everything, given.teacher / "answers-all", progress)
        begin = started(pretrained(workload, data, seed, progress), student)
        split = everything if how.everything else workload.splits.train
        row = run(begin, student, how, split, of_all if how.everything and of_all else own, seed)
        mine["runs"].append({**key, **row, "parameters_outside_embeddings": outside_embeddings(begin.module)})
        print(mine["runs"][-1], flush=True)
        write_json(given.result, found)


def latency(given: argparse.Namespace) -> None:
    """Time the teacher and every student at the full length on ONNX Runtime, one thread, batch 1, in turn."""
    workload = load(f"hf:{given.teacher}", data=given.data, task="text", length=LENGTH)
    example = [tensor.numpy() for tensor in workload.example]
    calls: dict[str, Any] = {}
    modules = {"teacher": workload.module, **{n: started(workload, s).module for n, s in STUDENTS.items()}}
    with tempfile.TemporaryDirectory() as temp:
        for name, module in modules.items():
            for precision, runner in zip(("FP32", "INT8"), exported(workload, module, Path(temp), name), strict=True):
                calls[f"{name} {precision}"] = lambda runner=runner: runner.run(example)
        samples = interleaved(calls, seconds=20.0)
    _note(given, "latency_ms", {n: {"median": statistics.median(v), "n": len(v)} for n, v in samples.items()})


def throughput(given: argparse.Namespace) -> None:
    """Texts learnt from in a second with kept answers and with the teacher beside, three times in turn."""
    workload = load(f"hf:{given.teacher}", data=given.data, task="text", length=LENGTH, limit=640)
    begin, device = started(workload, STUDENTS["TinyBERT-style"]), fastest_device()
    rates: dict[str, list[float]] = {"kept": [], "live": []}
    with tempfile.TemporaryDirectory() as temp:
        kept = answers(workload, workload.splits.train, Path(temp), Progress(enabled=False))
        teachers: dict[str, Any] = {"kept": kept, "live": LiveTeacher(workload.module, device)}
        for name in [*rates] * 3:

            def objective(outputs: Tensor, batch: Batch, view: int, name: str = name) -> Tensor:
                return workload.task.distance(outputs.float(), teachers[name].answer(batch, view))

            begun = time.monotonic()
            train(begin.module, workload.splits.train, objective, Schedule(1, batch=BATCH, views=1), device=device)
            rates[name].append(len(workload.splits.train) / (time.monotonic() - begun))
    _note(given, "texts_a_second", {n: {"median": statistics.median(v), "n": len(v)} for n, v in rates.items()})


def _note(given: argparse.Namespace, what: str, value: Any) -> None:
    found = read(given.result)
    found["data"].setdefault(given.data, {"runs": []})[what] = value
    write_json(given.result, found)
    print(value)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("teacher", type=Path, help="the folder that training/text_teacher.py wrote")
    parser.add_argument("--data", default="movie-reviews")
    parser.add_argument("--arms", type=lambda text: text.split(","), default=["labels", "logits", "logits+"])
    parser.add_argument("--seeds", type=lambda text: [int(part) for part in text.split(",")], default=[0, 1, 2])
    parser.add_argument("--students", type=lambda text: text.split(","), default=list(STUDENTS))
    parser.add_argument("--result", type=Path, default=RESULT)
    parser.add_argument("--latency", action="store_true", help="time the models instead")
    parser.add_argument("--throughput", action="store_true", help="time the training instead")
    chosen = parser.parse_args()
    (latency if chosen.latency else throughput if chosen.throughput else measure)(chosen)
