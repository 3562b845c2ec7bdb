"""Runs written through the ledger, with made-up figures: met, missed, unfinished and crowded."""

import random
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from lissom.core.ledger import Ledger
from lissom.core.records import (
    Figures,
    LimitCheck,
    Machine,
    Neighbour,
    Settings,
    Trial,
    Verdict,
    Width,
)

CLOTHES = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)  # fmt: skip
SETTINGS = Settings(
    model="zoo:fixture",
    data="made-up-pictures",
    task="image",
    budget="size<=2%, latency<=15%, drop<=0.5pt",
    target="onnxruntime",
    threads=1,
    batch=1,
    seed=0,
    options={
        "epochs": None,
        "calibration": 1024,
        "weights": None,
        "loading": {"random_weights": False, "keep": [], "limit": None},
    },
)
MACHINE = Machine(
    processor="Fixture CPU @ 2.00GHz",
    cores=2,
    instructions=("avx2", "avx512_vnni"),
    system="Linux x86_64",
    versions={"python": "3.11.7", "lissom": "0.1.0", "torch": "2.14.0", "onnxruntime": "1.32.0"},
)
ORIGINAL_BYTES, ORIGINAL_MACS, ORIGINAL_MS = 25_210_000, 24_480_000, 2.31
SMALL_BYTES = 327_730


def figures(share: float, score: float, classes: int = 10, split: str = "select", seed: int = 0) -> Figures:
    """Figures of an artefact that costs ``share`` of the original."""
    chance = random.Random(f"{share} {score} {seed}")
    middle = ORIGINAL_MS * share
    samples = tuple(middle * (0.97 + chance.lognormvariate(-3.4, 0.7)) for _ in range(200))
    p50, p95 = sorted(samples)[100], sorted(samples)[190]
    return Figures(
        score=score,
        score_interval=(round(score - 0.45, 2), round(score + 0.45, 2)),
        latency_ms=p50,
        latency_interval_ms=(p50 * 0.99, p50 * 1.01),
        latency_p95_ms=p95,
        size_bytes=round(ORIGINAL_BYTES * share * 0.8 if share < 1 else ORIGINAL_BYTES),
        macs=round(ORIGINAL_MACS * share),
        parameters=round(6_302_474 * share),
        peak_memory_bytes=round(1_900_000 * (0.2 + 0.8 * share)),
        split=split,
        latency_samples_ms=samples,
        score_by_class=tuple(min(100.0, max(0.0, chance.gauss(score, 4))) for _ in range(classes)),
        examples=10_000 if split == "test" else 5_000,
    )


def trial(number: int, move: str, share: float, score: float, kept: bool, reason: str, size_bytes: int = 0) -> Trial:
    """One measured move; like the engine, it keeps no single timings."""
    measured = replace(figures(share, score), latency_samples_ms=())
    return Trial(
        number=number,
        move=move,
        steps=(
            {"step": "prune", "ratio": 0.5, "criterion": "taylor"},
            {"step": "reconstruct", "examples": 2048},
            {"step": "distill", "epochs": 2.0},
        ),
        figures=replace(measured, size_bytes=size_bytes or measured.size_bytes),
        kept=kept,
        reason=reason,
        seconds=41.5 + number,
        drop=round(93.3 - score, 2),
        drop_interval=(round(92.95 - score, 2), round(93.65 - score, 2)),
        latency_ratio=share,
        parts_seconds={"train": 30.0, "measure": 6.0, "export": 4.0},
    )


TRIALS = (
    trial(1, "prune 50 % + repair + distill", 0.31, 93.42, True, "on the way: latency 31 % of 15 %"),
    trial(2, "prune 80 % + repair + distill", 0.14, 93.1, True, "on the way: size 11.2 % of 2 %"),
    trial(3, "factorize features.15", 0.137, 92.9, False, "not faster on onnxruntime (0.98x to 1.03x)"),
    trial(4, "cluster 16", 0.14, 41.3, False, "loses 52.00 points, allowed are 0.50 points"),
    trial(5, "quantize int8", 0.09, 93.05, True, "meets the budget", SMALL_BYTES),
)


def verdict(met: bool = True) -> Verdict:
    """The last word: met, or missed by latency."""
    latency = LimitCheck("latency", 0.09, 0.15, "9 %", "15 %", True)
    if not met:
        latency = LimitCheck("latency", 0.18, 0.15, "18 %", "15 %", False)
    return Verdict(
        met=met,
        original=figures(1.0, 93.33, split="test"),
        final=replace(figures(latency.used, 93.1, split="test"), size_bytes=SMALL_BYTES),
        drop=0.23,
        drop_interval=(-0.11, 0.52),
        latency_ratio=latency.used,
        latency_ratio_interval=(latency.used * 0.98, latency.used * 1.03),
        limits=(
            LimitCheck("size", 0.013, 0.02, "1.3 %", "2 %", True),
            latency,
            LimitCheck("drop", 0.23, 0.5, "0.23 points", "0.50 points", True),
        ),
        classes=CLOTHES,
        widths=(
            Width("features.0", "convolution", 32, 16),
            Width("features.3", "convolution", 64, 24),
            Width("features.6", "convolution", 128, 40),
            Width("features.9", "convolution", 256, 56),
            Width("features.12", "convolution", 512, 64),
            Width("features.15", "convolution", 1024, 72),
            Width("classifier", "linear", 10, 10),
        ),
        agreement=96.4,
    )


def begin(folder: Path, settings: Settings = SETTINGS) -> Ledger:
    """A run that measured its original."""
    ledger = Ledger(folder)
    ledger.put(settings)
    ledger.put(MACHINE)
    ledger.append("baseline", "", figures(1.0, 93.3))
    return ledger


def finish(ledger: Ledger, last: Verdict, given: Trial) -> None:
    """The verdict, the trial that was delivered, and what is written around it."""
    ledger.put(last)
    plan = [{"name": given.move, "steps": [*TRIALS[0].steps, *given.steps]}]
    ledger.append("delivered", "", {"trial": given.number, "plan": plan})
    for name, share, score in (("fixture-small", 0.22, 92.4), ("fixture-tiny", 0.06, None)):
        size, macs = round(ORIGINAL_BYTES * share), round(ORIGINAL_MACS * share)
        ledger.put(Neighbour(name, size, macs, ORIGINAL_MS * share, score, "trained by nobody"), key=name)
    for name, share in (("minimum fp32", 0.05), ("minimum int8", 0.03), ("planned int8", 0.09)):
        value = {"name": name[-4:], "size_bytes": 3e6 * share, "latency_ratio": share, "macs": 2e7 * share}
        ledger.append("reach", name, {**value, "within": name != "minimum fp32"})
    ledger.append("skipped", "depth", {"what": "drop layers", "why": "no block returns what it was given"})
    ledger.append("note", "split", "select was carved from train: its scores flatter everybody alike")
    ledger.append("end", "", {"met": last.met, "seconds": 402.0, "parts_seconds": {"train": 301.0, "measure": 62.0}})


def write_met(folder: Path) -> Path:
    """A run with five moves that met its budget."""
    ledger = begin(folder)
    for item in TRIALS:
        ledger.put(item, key=str(item.number))
    finish(ledger, verdict(), TRIALS[-1])
    return folder


def write_missed(folder: Path) -> Path:
    """A run whose result is too slow, with a move that broke before it could be measured."""
    ledger = begin(folder)
    reason = "on the way: latency 18 % of 15 %"
    closest = trial(1, "prune 90 % + repair + distill", 0.18, 93.1, True, reason, SMALL_BYTES)
    broken = replace(TRIALS[1], figures=None, kept=False, reason="export failed: <Squeeze> is not supported")
    for item in (closest, broken):
        ledger.put(item, key=str(item.number))
    finish(ledger, verdict(met=False), closest)
    return folder


def write_unfinished(folder: Path) -> Path:
    """A run that was killed after two moves."""
    ledger = begin(folder)
    ledger.append("estimate", "", {"seconds": 420.0, "disk_bytes": 3.1e8})
    for item in TRIALS[:2]:
        ledger.put(item, key=str(item.number))
    return folder


def write_crowded(folder: Path) -> Path:
    """100 classes, 60 layers, long names, and names that would break a careless page."""
    chance = random.Random(5)
    ledger = begin(folder, replace(SETTINGS, model="timm:a_rather_long_name_of_a_network.made_up_for_a_test"))
    item = TRIALS[0]
    for number in range(1, 19):
        share, kept = 0.95**number, number % 3 != 0
        move = f"prune {number * 5} % of backbone.stages.2.blocks.{number}.mlp + repair + distill"
        item = trial(number, move, share, 93.4 - number / 9, kept, "a reason that goes on for a while " * 3)
        ledger.put(item, key=str(number))
    names = tuple(f"class {n} with a long name, 长名字" for n in range(97))
    names += ("<script>alert(1)</script>", "a & b", '"quoted" [red]')
    layers = tuple(
        Width(
            f"backbone.stages.{n // 15}.blocks.{n}.attention.projection",
            "linear",
            512,
            chance.choice((512, 96)),
        )
        for n in range(60)
    )
    first = figures(1.0, 93.33, 100, "test")
    last = replace(figures(0.09, 93.1, 100, "test"), size_bytes=SMALL_BYTES)
    finish(ledger, replace(verdict(), original=first, final=last, classes=names, widths=layers), item)
    return folder


def write_unlabelled(folder: Path) -> Path:
    """A run on pictures without labels: what is scored is agreement."""
    settings = replace(SETTINGS, data="photos", budget="size<=30%, drop<=2pt")
    ledger = Ledger(folder)
    ledger.put(settings)
    ledger.put(MACHINE)
    first, last = (replace(figures(share, score, 0), by_labels=False) for share, score in ((1.0, 100.0), (0.2, 98.8)))
    ledger.append("baseline", "", first)
    item = replace(trial(1, "quantize int8", 0.2, 98.8, True, "meets the budget"), drop=1.2, drop_interval=(0.7, 1.8))
    item = replace(item, figures=last)
    ledger.put(item, key="1")
    word = replace(
        verdict(),
        original=replace(first, split="test"),
        final=replace(last, split="test"),
        drop=1.2,
        drop_interval=(0.7, 1.8),
        limits=(LimitCheck("drop", 1.2, 2.0, "1.20 points", "2.00 points", True),),
        agreement=98.8,
        divergence=0.0123,
    )
    finish(ledger, word, item)
    return folder


WRITERS: dict[str, Callable[[Path], Path]] = {
    "met": write_met,
    "missed": write_missed,
    "unfinished": write_unfinished,
    "crowded": write_crowded,
    "unlabelled": write_unlabelled,
}


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Each run written once: a ledger waits for the disk at every line."""
    return {name: write(tmp_path_factory.mktemp("runs") / name) for name, write in WRITERS.items()}


@pytest.fixture
def copied(written: dict[str, Path], tmp_path: Path) -> Callable[[str], Path]:
    """A run of its own for the test that asks."""
    return lambda name: shutil.copytree(written[name], tmp_path / "run")


@pytest.fixture(params=list(WRITERS))
def any_run(request: pytest.FixtureRequest, copied: Callable[[str], Path]) -> Path:
    """Each of the runs in turn."""
    return copied(request.param)


@pytest.fixture
def met_run(copied: Callable[[str], Path]) -> Path:
    """A finished run that met its budget."""
    return copied("met")


@pytest.fixture
def missed_run(copied: Callable[[str], Path]) -> Path:
    """A finished run that missed its limit on the latency."""
    return copied("missed")


@pytest.fixture
def unfinished_run(copied: Callable[[str], Path]) -> Path:
    """A run that was killed."""
    return copied("unfinished")


@pytest.fixture
def crowded_run(copied: Callable[[str], Path]) -> Path:
    """A run with many classes, layers and moves."""
    return copied("crowded")


@pytest.fixture
def unlabelled_run(copied: Callable[[str], Path]) -> Path:
    """A run without labels."""
    return copied("unlabelled")
