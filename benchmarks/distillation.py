"""What distillation is worth on texts: students with and without their teacher, over three seeds.

    python training/text_teacher.py movie-reviews TEACHER --shipped
    python benchmarks/distillation.py TEACHER [--data movie-reviews] [--arms labels,logits,...] [--seeds 0,1,2]
    python training/text_teacher.py 20newsgroups OTHER --epochs 6 --length 64
    python benchmarks/distillation.py OTHER --data 20newsgroups --epochs 8 --students TinyBERT-style
    python training/text_teacher.py movie-reviews MORE-1 --epochs 3 --frozen 3 --seed 1      (and MORE-2, MORE-3)
    python benchmarks/distillation.py TEACHER --arms several --others MORE-1,MORE-2,MORE-3
    python benchmarks/distillation.py TEACHER --latency
    python benchmarks/distillation.py TEACHER --throughput
    python benchmarks/distillation.py TEACHER --formats

The students are parts of the *pretrained* encoder, from before it was fine-tuned, with a new classifier: a student
cut from the fine-tuned teacher would know from its teacher in the arm without one. Every arm of a seed starts from
the same weights and takes as many steps. Each result is written to benchmarks/results/distillation.json when it is
there; results that are there are not made again, and several of these can run at a time. Each row names its machine.
"""

import argparse
import copy
import math
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "training"))

from adding import added, known
from distillation_students import STUDENTS, Student
from distillation_texts import joined, unlabelled
from distillation_words import bag_of_words
from text_teacher import accuracy, fastest_device, start  # pyright: ignore[reportMissingImports, reportUnknownVariableType]

from lissom.core.machine import describe
from lissom.core.progress import Progress
from lissom.core.records import to_json
from lissom.core.timing import interleaved
from lissom.graph import capture, couple
from lissom.steps.distillation.lesson import Lesson, Term, padding_masks, taps
from lissom.steps.distillation.losses import LOSSES
from lissom.steps.distillation.pairing import propose
from lissom.steps.distillation.teachers import ByAnswers, Live, Several, mean_answer
from lissom.steps.pruning.criteria import Sample, fisher, weakest
from lissom.steps.pruning.prune import without
from lissom.steps.quantization.int8 import QuantizeInt8
from lissom.steps.step import Context
from lissom.targets import TARGETS
from lissom.targets.target import Artefact, Runner, Source
from lissom.tasks.loading import load
from lissom.train.batches import in_order, lengths_of, prepared
from lissom.train.loop import Schedule, train
from lissom.train.tapped import Tapped
from lissom.train.teacher import CachedTeacher, LiveTeacher, Teacher, keep_answers
from lissom.workload.workload import Batch, Split, Workload

RESULT = Path(__file__).parent / "results" / "distillation.json"
VIEWS, MORE_VIEWS = 2, 8
REPLACED = 0.25
LENGTH = 64
WHOLE = 512
BATCH = 32
FISHER_TEXTS = 512
RUNTIMES = ("onnxruntime", "openvino")


Objective = Callable[[Tensor, Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Arm:
    """How a student learns: from what, on labelled texts alone or on all.

    With ``terms`` the teacher runs beside it, and it learns from what is inside of it as well, by a
    :class:`lissom.steps.distillation.lesson.Lesson`. ``several`` teachers are the one and all others that are given.
    One that is ``alone`` asks no teacher.
    """

    objective: Objective | None = None
    everything: bool = False
    terms: tuple[Term, ...] = ()
    views: int = VIEWS
    several: bool = False
    alone: bool = False


class Together:
    """Several teachers whose answers were kept, as one: the mean of their probabilities."""

    def __init__(self, teachers: Sequence[CachedTeacher]) -> None:
        self.views = teachers[0].views
        self._all = Several([ByAnswers(teacher) for teacher in teachers])

    def answer(self, batch: Batch, view: int) -> Tensor:
        return self._all.seen(batch, view).outputs


def arms(task: Any) -> dict[str, Arm]:
    """The arms by name. An objective is of the student's answers, the teacher's, and the labels."""

    def half(ours: Tensor, theirs: Tensor, targets: Tensor) -> Tensor:
        known = targets >= 0
        own = task.loss(ours[known], targets[known]) if known.any() else ours.sum() * 0
        return 0.5 * own + 0.5 * task.distance(ours, theirs)

    def only(name: str) -> Objective:
        return lambda ours, theirs, targets: LOSSES.get(name)(ours, theirs)

    return {
        "labels": Arm(lambda ours, theirs, targets: task.loss(ours, targets), alone=True),
        "logits": Arm(lambda ours, theirs, targets: task.distance(ours, theirs)),
        "labels and logits": Arm(half),
        "dist": Arm(only("dist")),
        "standardised": Arm(only("standardised")),
        "views": Arm(lambda ours, theirs, targets: task.distance(ours, theirs), views=MORE_VIEWS),
        "several": Arm(lambda ours, theirs, targets: task.distance(ours, theirs), several=True),
        "hidden": Arm(terms=(Term("logits"), Term("tinybert_hidden"))),
        "cosine": Arm(terms=(Term("logits"), Term("cosine", 0.2))),
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
    sizes = {"self.query": student.heads, "intermediate.dense": student.inner, "word_embeddings": student.width}
    keep = {
        group.index: size
        for group in coupling.groups
        for layer, size in sizes.items()
        if size is not None and group.kind != "head size" and group.name.endswith(layer)
    }
    return without(short, weakest(fisher(short, coupling, Sample(FISHER_TEXTS)), keep))


def pretrained(workload: Workload, data: str, seed: int, progress: Progress) -> Workload:
    """The workload with the encoder as it was before fine-tuning, and a classifier that is drawn anew.

    The seed is that of the classifier alone: every run learns from and chooses by the same texts.
    """
    with tempfile.TemporaryDirectory() as folder:
        start(Path(folder), workload.classes, seed, progress)
        return load(f"hf:{folder}", data=data, task="text", length=LENGTH, progress=progress)


def freeze_embeddings(module: Any) -> nn.Module:
    """The module; its embeddings are those of the teacher, and stay so."""
    module.model.bert.embeddings.requires_grad_(False)
    return module


def outside_embeddings(module: nn.Module) -> int:
    """Parameters that are not in embeddings."""
    held = {id(p) for layer in module.modules() if isinstance(layer, nn.Embedding) for p in layer.parameters()}
    return sum(p.numel() for p in module.parameters() if id(p) not in held)


def answers(workload: Workload, split: Split, folder: Path, progress: Progress, views: int = VIEWS) -> CachedTeacher:
    """The teacher's answers to every view of a split, kept in ``folder``."""
    module, device = copy.deepcopy(workload.module).eval(), fastest_device()

    @torch.no_grad()
    def answer(batch: Batch) -> np.ndarray:
        with device.autocast():
            return module(*batch.inputs).float().numpy()

    keep_answers(split, answer, folder, views=views, progress=progress, what="asking the teacher")
    return CachedTeacher(folder, views, device)


def by_answers(arm: Arm, teacher: Teacher | None) -> Any:
    """The objective of an arm that learns from labels and kept answers, where there is a teacher."""

    def objective(outputs: Tensor, batch: Batch, view: int) -> Tensor:
        assert batch.targets is not None and arm.objective is not None
        theirs = outputs.detach() if teacher is None else teacher.answer(batch, view)
        return arm.objective(outputs.float(), theirs, batch.targets)

    return objective


def by_insides(arm: Arm, workload: Workload, module: nn.Module) -> tuple[nn.Module, Any]:
    """What is trained, and the objective, of an arm that learns from what is inside of the teacher too."""
    pairing = propose(module, workload.module, workload.example)
    ours, theirs = taps(arm.terms, pairing)
    teacher, real = Live(workload.module, theirs, fastest_device()), padding_masks(module)
    return Tapped(module, ours), Lesson(workload.task, teacher, arm.terms, pairing, real=real)


def run(
    begin: Workload,
    student: Student,
    arm: Arm,
    split: Split,
    teachers: tuple[Workload, Teacher | None],
    seed: int,
    checkpoint: Path,
) -> dict[str, Any]:
    """Train one student and score it. A training that was stopped goes on from its last epoch."""
    module = freeze_embeddings(copy.deepcopy(begin.module))
    learner, objective = (
        by_insides(arm, teachers[0], module.eval()) if arm.terms else (module, by_answers(arm, teachers[1]))
    )
    steps = math.ceil(len(begin.splits.train) / BATCH)
    share = min(1.0, steps / math.ceil(len(split) / BATCH))
    schedule = Schedule(student.epochs, student.rate, BATCH, warm_up=0.1, views=arm.views, share=share, seed=seed)
    begun = time.monotonic()
    trained = train(learner, split, objective, schedule, checkpoint=checkpoint, device=fastest_device())
    seconds = time.monotonic() - begun
    checkpoint.unlink(missing_ok=True)
    done = begin.with_module(trained.module if isinstance(trained, Tapped) else trained)
    return {
        "select": accuracy(done, "select"),
        "test": accuracy(done, "test"),
        "test_int8": accuracy_int8(done, "test"),
        "steps": steps * student.epochs,
        "epochs": student.epochs,
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


def read(path: Path) -> dict[str, Any]:
    """What was measured so far."""
    return {"data": {}, **known(path)}


def note(given: argparse.Namespace, **values: Any) -> None:
    """Add to what is there about a data set; a row of ``runs`` comes behind the others."""
    rows = [{**row, "machine": describe().processor} for row in values.pop("runs", [])]
    with added(given.result) as results:
        mine = results.setdefault("data", {}).setdefault(given.data, {"runs": []})
        mine["runs"] += rows
        mine.update(values)
        results["machine"] = to_json(describe())
    print(values or rows[-1], flush=True)


def missing(given: argparse.Namespace) -> list[dict[str, Any]]:
    """The runs that were asked for and are not there yet."""
    there = read(given.result)["data"].get(given.data, {"runs": []})["runs"]
    asked = [
        {"student": name, "arm": arm, "seed": seed}
        for name in given.students
        for seed in given.seeds
        for arm in given.arms
    ]
    return [key for key in asked if not any(key.items() <= row.items() for row in there)]


def beside(workload: Workload, given: argparse.Namespace, progress: Progress) -> dict[str, Any]:
    """What the students are compared with: the teacher, and linear models of word counts."""
    whole = load(f"hf:{given.teacher}", data=given.data, task="text", length=WHOLE, progress=progress)
    return {
        "teacher": {
            "train": accuracy(workload, "train"),
            "select": accuracy(workload, "select"),
            "test": accuracy(workload, "test"),
            "test_int8": accuracy_int8(workload, "test"),
            "parameters_outside_embeddings": outside_embeddings(workload.module),
        },
        "bag of words": bag_of_words(workload),
        "bag of words, whole texts": bag_of_words(whole),
        "cut": sum(length > LENGTH for length in lengths(whole)) / len(whole.splits.train),
        "examples": {part: len(getattr(workload.splits, part)) for part in ("train", "select", "test")},
    }


@torch.no_grad()
def together(teachers: Sequence[Workload]) -> dict[str, Any]:
    """How many teachers there are, and percent of a split that they get right together and each alone."""
    found: dict[str, Any] = {"teachers": len(teachers), "alone": [accuracy(one, "test") for one in teachers]}
    for part in ("select", "test"):
        split, right = getattr(teachers[0].splits, part), 0
        for batch in prepared(split, in_order(len(split), 100)):
            assert batch.targets is not None
            said = [one.module.eval()(*batch.inputs) for one in teachers]
            right += int((mean_answer(said, [1 / len(said)] * len(said)).argmax(1) == batch.targets).sum())
        found[part] = 100 * right / len(split)
    return found


def lengths(workload: Workload) -> Sequence[int]:
    """Tokens of each training text."""
    found = lengths_of(workload.splits.train)
    assert found is not None
    return found


def measure(given: argparse.Namespace) -> None:
    """Make all runs that are not there yet."""
    progress, data = Progress(), given.data

    def with_views(views: int) -> Workload:
        options: Any = {"length": LENGTH, "replaced": REPLACED, "views": views}
        return load(f"hf:{given.teacher}", data=data, task="text", progress=progress, **options)

    workload = with_views(VIEWS)
    if "teacher" not in read(given.result)["data"].get(data, {}):
        note(given, **beside(workload, given, progress))
    train_split: Any = workload.splits.train
    alone = all(arms(workload.task)[name].alone for name in given.arms)
    own = None if alone else answers(workload, train_split, given.teacher / "answers", progress)
    by_whom = {} if alone else {"teacher_select": accuracy(workload, "select")}
    others = [load(f"hf:{folder}", data=data, task="text", progress=progress, length=LENGTH) for folder in given.others]
    if others and "several" not in read(given.result)["data"][data]:
        note(given, several=together([workload, *others]))
    everything, of_all = train_split, own
    for key in missing(given):
        how, student = arms(workload.task)[key["arm"]], STUDENTS[key["student"]]
        student = replace(student, epochs=given.epochs or student.epochs)
        if how.everything and everything is train_split:
            everything = joined(
                train_split, unlabelled(progress), workload.files["tokenizer.json"], train_split.encoding
            )
            note(given, **{"without labels": len(everything) - len(train_split)})
            of_all = answers(workload, everything, given.teacher / "answers-all", progress)
        begin = started(pretrained(workload, data, key["seed"], progress), student)
        split, teacher = (everything, of_all) if how.everything else (train_split, None if how.alone else own)
        if how.several:
            kept = [
                answers(one, split, folder / "answers", progress)
                for one, folder in zip(others, given.others, strict=True)
            ]
            assert own is not None
            teacher = Together([own, *kept])
        if how.views != VIEWS:
            split = with_views(how.views).splits.train
            teacher = answers(workload, split, given.teacher / f"answers-{how.views}", progress, how.views)
        checkpoint = given.teacher / f"{'-'.join(map(str, key.values()))}.pt".replace(" ", "-")
        row = run(begin, student, how, split, (workload, teacher), key["seed"], checkpoint)
        more = {} if how.alone else by_whom
        note(given, runs=[{**key, **row, **more, "parameters_outside_embeddings": outside_embeddings(begin.module)}])


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
    found = {n: {"median": statistics.median(v), "n": len(v)} for n, v in samples.items()}
    note(given, latency_ms=found, timed_on=to_json(describe()))


def formats(given: argparse.Namespace) -> None:
    """The teacher in FP32 and in INT8 with ranges of each input and with fixed ones, on two runtimes."""
    progress = Progress()
    workload = load(f"hf:{given.teacher}", data=given.data, task="text", length=LENGTH, progress=progress)
    example = [tensor.numpy() for tensor in workload.example]
    test = [workload.splits.test.take([number]) for number in range(len(workload.splits.test))]
    rows: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory() as temp:
        made = {f"{name} {how}": item for name in RUNTIMES for how, item in in_formats(workload, name, Path(temp))}
        runners = {key: TARGETS.get(key.split()[0])().load(item.path, threads=1) for key, item in made.items()}
        samples = interleaved({k: lambda r=r: r.run(example) for k, r in runners.items()}, seconds=30.0)
        labels = np.concatenate([batch.targets.numpy() for batch in test if batch.targets is not None])
        answered = {
            key: np.asarray([runner.run([tensor.numpy() for tensor in batch.inputs])[0][0].argmax() for batch in test])
            for key, runner in runners.items()
        }
        for key, chosen in answered.items():
            rows[key] = {
                "test": 100 * float((chosen == labels).mean()),
                "agreement": 100 * float((chosen == answered[f"{key.split()[0]} FP32"]).mean()),
                "size_bytes": made[key].size_bytes,
                "latency_ms": statistics.median(samples[key]),
                "n": len(samples[key]),
            }
            print(key, rows[key], flush=True)
    note(given, formats=rows, timed_on=to_json(describe()))


def in_formats(workload: Workload, name: str, folder: Path) -> Iterator[tuple[str, Artefact]]:
    """The artefacts of a runtime."""
    target = TARGETS.get(name)()
    context = Context(workload, target, lambda batch: workload.module(*batch.inputs).numpy(), folder, folder)
    plain = target.export(workload.module.eval(), workload.example, target.place(folder, f"{name}-fp32"))
    yield "FP32", plain
    for how, static in (("INT8, ranges of each input", False), ("INT8, fixed ranges", True)):
        own = folder / f"{name}-{how}"
        own.mkdir()
        yield how, QuantizeInt8(256, search=False, static=static).apply(plain, workload, replace(context, folder=own))


def throughput(given: argparse.Namespace) -> None:
    """Texts learnt from in a second with kept answers and with the teacher beside, three times in turn."""
    workload = load(f"hf:{given.teacher}", data=given.data, task="text", length=LENGTH, limit=640)
    begin, device = started(workload, STUDENTS["TinyBERT-style"]), fastest_device()
    freeze_embeddings(begin.module)
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
    found = {n: {"median": statistics.median(v), "n": len(v)} for n, v in rates.items()}
    note(given, texts_a_second=found, timed_on=to_json(describe()))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("teacher", type=Path, help="the folder that training/text_teacher.py wrote")
    parser.add_argument("--data", default="movie-reviews")
    parser.add_argument("--arms", type=lambda text: text.split(","), default=["labels", "logits", "logits+"])
    parser.add_argument("--seeds", type=lambda text: [int(part) for part in text.split(",")], default=[0, 1, 2])
    parser.add_argument("--students", type=lambda text: text.split(","), default=list(STUDENTS))
    parser.add_argument("--others", type=lambda text: [Path(part) for part in text.split(",")], default=[])
    parser.add_argument("--epochs", type=int, help="in the place of those of each student")
    parser.add_argument("--result", type=Path, default=RESULT)
    parser.add_argument("--latency", action="store_true", help="time the models instead")
    parser.add_argument("--throughput", action="store_true", help="time the training instead")
    parser.add_argument("--formats", action="store_true", help="time and score the teacher's number formats instead")
    chosen = parser.parse_args()
    other = {"latency": latency, "throughput": throughput, "formats": formats}
    next((run_it for name, run_it in other.items() if getattr(chosen, name)), measure)(chosen)
