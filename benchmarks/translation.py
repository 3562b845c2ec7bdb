"""English to German on Multi30k: a teacher, and students of at most a quarter of it, for results/translation.json.

    python benchmarks/translation.py DATA WORK teacher
    python benchmarks/translation.py DATA WORK answer
    python benchmarks/translation.py DATA WORK train {references,distilled} [--seed N]
    python benchmarks/translation.py DATA WORK score MODEL...
    python benchmarks/translation.py DATA WORK equal
    python benchmarks/translation.py DATA WORK time
    python benchmarks/translation.py DATA WORK write

DATA is a folder with train, val and test_2016_flickr in en and de (Elliott et al. 2016). The teacher learns from the
references; `answer` asks it for its translations of the train split, by beams; `train` teaches one student by
references or by those translations (sequence-level distillation, Kim and Rush 2016), in the same number of steps.
`score` and `equal` use the test split, which nothing is chosen by. The first distilled student is also scored and timed
with a shortlist of likely words, counted in the pairs of the train split. `time` is for a quiet machine: single
sentences in turn, one thread. Every part goes on where it was stopped, and what is there is not made again.
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers.utils import logging

import lissom
from lissom.core.files import write_json
from lissom.core.machine import describe
from lissom.core.records import to_json
from lissom.core.statistics import drop_interval
from lissom.export.pair_files import decoder_of
from lissom.export.runners.pair_runner import Runner
from lissom.layers.sequence_runner import ModuleRunner
from lissom.steps.shortlist.lexical import LexicalShortlist, lists_of
from lissom.targets.onnx_pair_int8 import quantize_pair
from lissom.targets.onnx_runtime import OnnxRuntime
from lissom.targets.onnx_shortlist import shortlist_pair
from lissom.tasks.generating import Rules, beam_search, greedy
from lissom.tasks.translation.lexicon import coverage
from lissom.tasks.translation.measures import Bleu, ChrF
from lissom.tasks.translation.split import PairSplit
from lissom.workload.workload import Workload

RESULTS = Path(__file__).parent / "results" / "translation.json"
SCRIPT = Path(__file__).parents[1] / "training" / "translation.py"
LANGUAGES = "en-de"
TEACHER = ["--words", "4000", "--width", "160", "--inner", "512", "--heads", "4", "--layers", "3", "5"]
TEACHER += ["--rate", "1e-3", "--epochs", "8"]
STUDENT = ["--width", "96", "--inner", "240", "--heads", "4", "--layers", "3", "1", "--dropout", "0.1"]
STUDENT += ["--rate", "2e-3", "--epochs", "8"]
BEAMS = 4
TOGETHER = 64  # sentences that the teacher is asked for at a time
EQUAL = 200
SHORTLIST = LexicalShortlist()


def taught(data: Path, output: Path, settings: Sequence[str]) -> None:
    """Train a model in a process of its own, where it is not there."""
    if not (output / "config.json").is_file():
        command = [sys.executable, str(SCRIPT), str(data), str(output), "--languages", LANGUAGES, *settings]
        subprocess.run(command, check=True)


def teacher(data: Path, work: Path) -> None:
    """Train the teacher."""
    taught(data, work / "teacher", TEACHER)


def student(data: Path, work: Path, how: str, seed: int) -> None:
    """Train a student by ``references`` or what the teacher said: ``distilled``."""
    settings = [*STUDENT, "--tokenizer", str(work / "teacher"), "--seed", str(seed)]
    if how == "distilled":
        settings += ["--answers", str(work / "answers.jsonl")]
    taught(data, work / f"{how}-{seed}", settings)


def loaded(data: Path, model: Path) -> Workload:
    """A model with the data."""
    return lissom.load(f"hf:{model}", data=str(data), task="translation", languages=LANGUAGES)


def pair(workload: Workload, model: Path, precision: str) -> Path:
    """The main file of a model's pair in ``fp32`` or ``int8``, made where it is not there."""
    plain, whole = model / "onnx" / "fp32.onnx", model / "onnx" / f"{precision}.onnx"
    if not decoder_of(plain).is_file():
        OnnxRuntime().export(workload.module, workload.example, plain)
    if not decoder_of(whole).is_file():
        quantize_pair(plain, whole)
    return whole


def listed(workload: Workload, model: Path, precision: str) -> Path:
    """The main file of the same pair with a shortlist, made where it is not there."""
    whole = model / "onnx" / f"{precision}-shortlist.onnx"
    if not whole.is_file():
        lists = lists_of(workload, first=SHORTLIST.first, best=SHORTLIST.best)
        shortlist_pair(pair(workload, model, precision), whole, lists)
    return whole


def said_to(runner: Any, split: PairSplit, rows: Sequence[int], rules: Rules, beams: int) -> list[list[int]]:
    """What a model says to some sentences together."""
    sources = [tensor.numpy() for tensor in split.take(rows).inputs[:-1]]
    decoding = runner.start(sources, beams)
    return greedy(decoding, len(rows), rules) if beams == 1 else beam_search(decoding, len(rows), rules, beams)


def answer(data: Path, work: Path) -> None:
    """Ask the teacher for its translations of the train split, sentences of a length together."""
    workload = loaded(data, work / "teacher")
    split: Any = workload.splits.train
    rules, path = Rules.from_json(workload.handling["rules"]), work / "answers.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    known = {json.loads(line)["row"] for line in lines}
    missing = sorted((row for row in range(len(split)) if row not in known), key=lambda row: len(split.sources[row]))
    runner = Runner(pair(workload, work / "teacher", "fp32"))
    for first in range(0, len(missing), TOGETHER):
        rows = missing[first : first + TOGETHER]
        found = zip(rows, said_to(runner, split, rows, rules, BEAMS), strict=True)
        with path.open("a", encoding="utf-8") as file:
            file.write("".join(json.dumps({"row": row, "tokens": tokens}) + "\n" for row, tokens in found))


def score(data: Path, work: Path, names: Sequence[str]) -> None:
    """BLEU and chrF on the test split, in both precisions, greedy and by beams."""
    for name in names:
        workload = loaded(data, work / name)
        split: Any = workload.splits.test
        found: dict[str, Any] = {"parameters": parameters(workload), "test": len(split)}
        for precision in ("fp32", "int8"):
            path = pair(workload, work / name, precision)
            size = sum(file.stat().st_size for file in (path, decoder_of(path)))
            found[precision] = {"size_bytes": size}
            for beams in (1, BEAMS):
                texts = translations(workload, Runner(path), split, beams)
                found[precision][f"beams {beams}"] = scored(workload, texts, split.texts)
        if name in students(work)[:1] and name.startswith("distilled"):
            found["shortlist"] = with_shortlist(workload, work / name)
        write_json(work / name / "scores.json", found)
        print(name, {key: {k: v for k, v in value.items() if k != "grades"} for key, value in _shown(found).items()})


def with_shortlist(workload: Workload, model: Path) -> dict[str, Any]:
    """The same of a model whose decoder scores likely words alone, greedy."""
    split: Any = workload.splits.test
    lists = lists_of(workload, first=SHORTLIST.first, best=SHORTLIST.best)
    held, words = coverage(lists, split, len(split))
    found: dict[str, Any] = {"first": SHORTLIST.first, "best": SHORTLIST.best, "words": words, "held": held}
    for precision in ("fp32", "int8"):
        path = listed(workload, model, precision)
        texts = translations(workload, Runner(path), split, 1, together=1)  # each with its own list alone
        size = OnnxRuntime().artefact(path).size_bytes
        found[precision] = {"size_bytes": size, "beams 1": scored(workload, texts, split.texts)}
    return found


def _shown(found: dict[str, Any]) -> dict[str, Any]:
    return {
        f"{precision} {beams}": values for precision in ("fp32", "int8") for beams, values in found[precision].items()
        if beams != "size_bytes"
    }  # fmt: skip


def parameters(workload: Workload) -> int:
    """All weights, tables of places among them."""
    return sum(weight.numel() for weight in workload.module.parameters())


def translations(workload: Workload, runner: Any, split: PairSplit, beams: int, together: int = TOGETHER) -> list[str]:
    """What is said to every sentence of a split."""
    rules = Rules.from_json(workload.handling["rules"])
    order = sorted(range(len(split)), key=lambda row: len(split.sources[row]))
    texts = [""] * len(split)
    for first in range(0, len(order), together):
        rows = order[first : first + together]
        for row, tokens in zip(rows, said_to(runner, split, rows, rules, beams), strict=True):
            texts[row] = workload.task.text(tokens)  # type: ignore[attr-defined]
    return texts


def scored(workload: Workload, texts: list[str], references: Sequence[str]) -> dict[str, Any]:
    """BLEU and chrF, and what BLEU counts of each sentence."""
    bleu, chrf = workload.task.measure, ChrF()  # type: ignore[attr-defined]
    grades = bleu.grade(texts, references)
    return {
        "bleu": bleu.score(grades),
        "chrf": chrf.score(chrf.grade(texts, references)),
        "signature": bleu.signature,
        "grades": grades.astype(int).tolist(),
    }


def equal(data: Path, work: Path) -> None:
    """Compare the exported pairs with the PyTorch models and with generate() of transformers, token by token."""
    for name in [*students(work)[:1], "teacher"]:
        workload = loaded(data, work / name)
        module: Any = workload.module
        split: Any = workload.splits.test
        rules = Rules.from_json(workload.handling["rules"])
        ours, theirs = Runner(pair(workload, work / name, "fp32")), ModuleRunner(module)
        found = {"inputs": EQUAL}
        for way, beams in (("greedy", 1), (f"{BEAMS} beams", BEAMS)):
            same = [0, 0]
            for row in range(EQUAL):
                tokens = said_to(ours, split, [row], rules, beams)[0]
                same[0] += tokens == said_to(theirs, split, [row], rules, beams)[0]
                same[1] += tokens == generated(module.model, split.sources[row], rules, beams)
            found[way], found[f"{way}, transformers"] = same
        write_json(work / name / "equal.json", found)
        print(name, found)


@torch.no_grad()
def generated(model: Any, source: np.ndarray, rules: Rules, beams: int) -> list[int]:
    """What generate() of transformers says to one sentence."""
    found = model.generate(torch.from_numpy(source)[None], num_beams=beams, do_sample=False, max_length=rules.longest)
    tokens = found[0, len(rules.prompt) :].tolist()
    return tokens[: tokens.index(rules.end)] if rules.end in tokens else tokens


def measure_times(data: Path, work: Path, count: int) -> None:
    """Single sentences, greedy, one thread, all models in turn; the student with a shortlist of likely words too."""
    names = ["teacher", *students(work)[:1]]
    made = {name: loaded(data, work / name) for name in names}
    runners = {
        f"{name} {precision}": Runner(pair(made[name], work / name, precision))
        for name in names
        for precision in ("fp32", "int8")
    }
    for precision in ("fp32", "int8"):
        runners[f"{names[-1]} {precision}, shortlist"] = Runner(listed(made[names[-1]], work / names[-1], precision))
    split: Any = made["teacher"].splits.test
    rules = Rules.from_json(made["teacher"].handling["rules"])
    rows: list[dict[str, Any]] = []
    said: dict[int, int] = {}
    for row in range(count):
        taken: dict[str, Any] = {}
        for name, runner in runners.items():
            taken[name] = one_time(lambda runner=runner, row=row: _same_work(runner, split, row, rules, said))
        rows.append(taken)
    batches = {name: batched(runner, split, rules) for name, runner in runners.items()}
    write_json(
        work / "times.json", {"rows": rows, "per_sentence_in_batches_ms": batches, "machine": to_json(describe())}
    )
    print({name: float(np.median([row[name] for row in rows])) for name in runners}, batches)


def _same_work(runner: Any, split: PairSplit, row: int, rules: Rules, said: dict[int, int]) -> None:
    """Translate one sentence; every model says as many tokens as the reference has, so that none gains by silence."""
    sources = [tensor.numpy() for tensor in split.take([row]).inputs[:-1]]
    decoding = runner.start(sources)
    token = np.asarray(rules.prompt[-1:], dtype=np.int64)
    for _ in range(said.setdefault(row, len(split.answers[row]) + 1)):
        token = rules.allowed(decoding.next(token), 1).argmax(axis=1)


def one_time(work: Callable[[], None]) -> float:
    """Milliseconds."""
    begun = time.perf_counter()
    work()
    return (time.perf_counter() - begun) * 1e3


def batched(runner: Any, split: PairSplit, rules: Rules) -> float:
    """Milliseconds a sentence where 32 of about a length are translated together."""
    order = sorted(range(len(split)), key=lambda row: len(split.sources[row]))
    groups = [order[first : first + 32] for first in range(0, len(order), 128)]
    took = one_time(lambda: [said_to(runner, split, rows, rules, 1) for rows in groups] and None)
    return took / sum(map(len, groups))


def students(work: Path) -> list[str]:
    """The students that are there, those that the teacher taught first."""
    return [
        place.name
        for how in ("distilled", "references")
        for place in sorted(work.glob(f"{how}-*"))
        if (place / "config.json").is_file()
    ]


def write(work: Path) -> None:
    """Put together what was measured."""
    names = [name for name in ("teacher", *students(work)) if (work / name / "scores.json").is_file()]
    scores = {name: json.loads((work / name / "scores.json").read_text(encoding="utf-8")) for name in names}
    found: dict[str, Any] = {
        "what": "English to German, Multi30k, test_2016_flickr; one sentence at a time, one thread",
        "settings": {"teacher": " ".join(TEACHER), "student": " ".join(STUDENT), "beams": BEAMS},
        "models": {name: _without_grades(item) for name, item in scores.items()},
        "drops": {
            f"{name} {precision}, beams {beams}": _drop(
                scores["teacher"]["fp32"][f"beams {beams}"], scores[name][precision][f"beams {beams}"]
            )
            for name in names
            for precision in ("fp32", "int8")
            for beams in (1, BEAMS)
        },
        "drops_of_shortlists": {
            f"{name} {precision}": _drop(item[precision]["beams 1"], item["shortlist"][precision]["beams 1"])
            for name, item in scores.items()
            for precision in ("fp32", "int8")
            if "shortlist" in item
        },
        "equal": {
            name: json.loads((work / name / "equal.json").read_text(encoding="utf-8"))
            for name in names
            if (work / name / "equal.json").is_file()
        },
        "machine": to_json(describe()),
    }
    if (work / "times.json").is_file():
        found["times"] = _times(json.loads((work / "times.json").read_text(encoding="utf-8")))
    write_json(RESULTS, found)
    print(json.dumps(found["models"], indent=1))


def _without_grades(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return {key: _without_grades(inner) for key, inner in value.items() if key != "grades"}


def _drop(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """Points of BLEU that are lost, with the interval over sentences drawn again."""
    grades = (np.asarray(item["grades"], dtype=float) for item in (before, after))
    drop, interval = drop_interval(*grades, Bleu().score)
    return {"drop": drop, "interval": interval}


def _times(kept: dict[str, Any]) -> dict[str, Any]:
    rows, first = kept["rows"], "teacher fp32"
    ratios = {name: [row[first] / row[name] for row in rows] for name in rows[0]}
    return {
        "sentences": len(rows),
        "ms": {name: float(np.median([row[name] for row in rows])) for name in rows[0]},
        "times_as_fast": {
            name: {"median": float(np.median(values)), "5_to_95": [float(v) for v in np.percentile(values, [5, 95])]}
            for name, values in ratios.items()
        },
        "per_sentence_in_batches_ms": kept["per_sentence_in_batches_ms"],
        "machine": kept["machine"],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("what", choices=["teacher", "answer", "train", "score", "equal", "time", "write"])
    parser.add_argument("names", nargs="*", help="of students by how they are taught, or of models to be scored")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--sentences", type=int, default=200)
    given = parser.parse_args()
    torch.set_num_threads(1)
    logging.set_verbosity_error()
    if given.what == "teacher":
        teacher(given.data, given.work)
    elif given.what == "answer":
        answer(given.data, given.work)
    elif given.what == "train":
        for how in given.names:
            student(given.data, given.work, how, given.seed)
    elif given.what == "score":
        score(given.data, given.work, given.names or ["teacher", *students(given.work)])
    elif given.what == "equal":
        equal(given.data, given.work)
    elif given.what == "time":
        measure_times(given.data, given.work, given.sentences)
    else:
        write(given.work)


if __name__ == "__main__":
    main()
