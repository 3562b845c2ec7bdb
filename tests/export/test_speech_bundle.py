"""A bundle of keywords: it hears clips and streams in a process without torch, and bad sound never hangs it."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

pytest.importorskip("soundfile")
pytest.importorskip("kaldi_native_fbank")

import soundfile

from lissom.export.bundle import Contents, write_bundle
from lissom.export.onnx_file import export_onnx
from lissom.export.runners.onnx_runner import Runner
from lissom.targets.parity import answers
from lissom.testing.tiny_sounds import RATE, SOUNDS, made_sound, tiny_speech_workload, write_sounds

Predict = Callable[..., Any]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("paquet de sons")
    workload = tiny_speech_workload(write_sounds(folder / "sounds", each=4))
    export_onnx(workload.module, workload.example, folder / "model.onnx")
    inputs = workload.splits.test.take(range(8)).inputs[0].numpy()
    contents = Contents(
        files=(folder / "model.onnx",),
        runner="lissom.export.runners.onnx_runner",
        task="speech",
        handling=workload.handling,
        classes=SOUNDS,
        inputs=(inputs,),
        outputs=Runner(folder / "model.onnx").run([inputs])[0],
        original=answers(workload.module, [inputs]),
        card="# Tiny sounds, made light\n",
        facts={"model": "tiny sounds", "task": "speech", "target": "onnxruntime", "score": 97.5},
    )
    write_bundle(folder / "bundle", contents)
    return folder / "bundle"


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same sounds as files of several kinds, and some that are not to be understood."""
    folder = tmp_path_factory.mktemp("clips")
    for name in SOUNDS:
        sound = made_sound(name, 1, 99)
        soundfile.write(folder / f"{name}.wav", sound, RATE)
        soundfile.write(folder / f"{name}.flac", sound, RATE)
        soundfile.write(folder / f"{name}-stereo.wav", np.stack([sound, sound], 1), RATE)
        soundfile.write(folder / f"{name}-44.wav", made_sound(name, 1, 99, rate=44100), 44100)
        padded = np.concatenate([np.zeros(3 * RATE), sound, np.zeros(4 * RATE)])
        soundfile.write(folder / f"{name}-long.wav", padded, RATE)
    soundfile.write(folder / "silence.wav", np.zeros(RATE), RATE)
    soundfile.write(folder / "clipped.wav", np.clip(8 * made_sound("rise", 1, 99), -0.99, 0.99), RATE)
    (folder / "cut.wav").write_bytes((folder / "rise.wav").read_bytes()[:3000])
    whole = (folder / "rise.flac").read_bytes()
    (folder / "cut.flac").write_bytes(whole[: len(whole) // 2])
    soundfile.write(folder / "cut.mp3", np.tile(made_sound("rise", 1, 99, rate=16000), 4), 16000)
    whole = (folder / "cut.mp3").read_bytes()
    (folder / "cut.mp3").write_bytes(whole[: len(whole) // 2])
    (folder / "none.wav").write_bytes(b"no sound")
    return folder


def test_it_needs_no_torch(bundle: Path) -> None:
    needed = (bundle / "requirements.txt").read_text(encoding="utf-8").split()
    assert sorted(needed) == ["kaldi-native-fbank", "numpy", "onnxruntime", "soundfile", "soxr"]
    for file in bundle.glob("*.py"):
        assert not [word for word in ("torch", "lissom") if f"import {word}" in file.read_text(encoding="utf-8")], file


@pytest.mark.parametrize("kind", [".wav", ".flac", "-stereo.wav", "-44.wav", "-long.wav"])
def test_clips_of_any_kind_are_heard(bundle: Path, predict: Predict, clips: Path, kind: str) -> None:
    done = predict(bundle, *(clips / f"{name}{kind}" for name in SOUNDS), "--json")
    assert done.returncode == 0, done.stderr
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [item["classes"][0]["name"] for item in found] == list(SOUNDS)
    assert all(item["remarks"] == [] for item in found)


def test_silence_and_clipping_are_said_with_the_answer(bundle: Path, predict: Predict, clips: Path) -> None:
    done = predict(bundle, clips / "silence.wav", clips / "clipped.wav")
    assert done.returncode == 0, done.stderr
    silent, clipped = done.stdout.splitlines()
    assert "[silence]" in silent and "[clipped:" in clipped


@pytest.mark.parametrize("options", [[], ["--stream"]])
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("cut.wav", "it is cut off: 3000 bytes of"),
        ("cut.flac", "it is damaged or cut off"),
        ("cut.mp3", "it is cut off"),
        ("none.wav", "not sound that can be read"),
        ("-.wav", "no such file"),
    ],
)
def test_bad_files_are_told(
    bundle: Path, predict: Predict, clips: Path, name: str, said: str, options: list[str]
) -> None:
    done = predict(bundle, clips / name, *options)
    assert done.returncode == 2 and said in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize("rate", [RATE, 16000])
def test_a_stream_names_each_word_at_its_time(bundle: Path, predict: Predict, tmp_path: Path, rate: int) -> None:
    quiet = np.zeros(2 * rate, dtype=np.float32)
    words = ("rise", "fall", "rise")
    parts = [part for word in words for part in (quiet, made_sound(word, 1, 5, rate=rate))]
    soundfile.write(tmp_path / "stream.wav", np.concatenate([*parts, quiet]), rate)
    done = predict(bundle, tmp_path / "stream.wav", "--stream", "--json", "--chunk", "50")
    assert done.returncode == 0, done.stderr
    *heard, last = [json.loads(line) for line in done.stdout.splitlines()]
    assert last["chunks"] == round(last["seconds"] / 0.05) and 0 < last["latency_ms"] <= last["latency_p95_ms"]
    for number, word in enumerate(words):
        start = 2 + number * 2.5
        before = {item["word"] for item in heard if start - 0.85 <= item["at_s"] <= start}
        assert not before  # silence says nothing
        assert word in {item["word"] for item in heard if start <= item["at_s"] <= start + 1.1}


def test_a_chunk_is_not_longer_than_what_is_heard_at_a_time(bundle: Path, predict: Predict, clips: Path) -> None:
    seconds = json.loads((bundle / "handling.json").read_text(encoding="utf-8"))["features"]["seconds"]
    done = predict(bundle, clips / "rise-long.wav", "--stream", "--chunk", str(round(3000 * seconds)))
    assert done.returncode == 2 and f"the model hears {1000 * seconds:g} ms at a time" in done.stderr


def test_a_listener_hears_every_sample(bundle: Path) -> None:
    """Those of a chunk of many windows, and the last ones that a change of the rate keeps back."""
    code = """
import numpy as np, predict
model = predict.Model()
rate = 2 * model.features.rate
listener, heard = predict.Listener(model, rate), []
answer = listener._answer
listener._answer = lambda part: heard.append(len(part)) or answer(part)
listener.hear(np.full(3 * rate, 0.1, np.float32))
listener.hear(np.full(rate, 0.1, np.float32), last=True)
assert sum(heard) == 4 * model.features.rate and max(heard) <= model.features.length, heard
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=bundle, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


def test_an_hour_is_refused_as_a_clip(bundle: Path, predict: Predict, tmp_path: Path) -> None:
    with soundfile.SoundFile(tmp_path / "hour.wav", "w", RATE, 1) as file:
        for _ in range(60):
            file.write(np.zeros(60 * RATE, dtype=np.int16))
    done = predict(bundle, tmp_path / "hour.wav")
    assert done.returncode == 2 and "3600 s long" in done.stderr and "--stream" in done.stderr
    heard = predict(bundle, tmp_path / "hour.wav", "--stream", "--json", "--chunk", "1000")
    assert heard.returncode == 0 and json.loads(heard.stdout)["chunks"] == 3600  # nothing is said in silence


def test_its_vectors_are_answered(bundle: Path, predict: Predict) -> None:
    assert predict(bundle, "--verify").returncode == 0
