"""``lissom compress --task speech``: its own options, a run from clips to a bundle that hears, and refusals."""

import base64
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("soundfile")
pytest.importorskip("kaldi_native_fbank")

import soundfile

from lissom.report.view import read
from lissom.testing.tiny_sounds import RATE, SOUNDS, write_sounds, write_speech_model

Lissom = Callable[..., Any]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("des sons")
    write_sounds(made / "sounds", each=6)
    write_speech_model(made)
    return made


def compressing(folder: Path, output: Path, *more: str) -> list[str]:
    given = ["compress", f"{folder / 'net.py'}:net", "--weights", str(folder / "net.safetensors"), "-o", str(output)]
    given += ["--data", str(folder / "sounds"), "--budget", "parameters<=60%, drop<=40pt", "--epochs", "1", "--quick"]
    return [*given, *more]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--task", "speech", "--size", "32"], "--size is of the task image, and the task is speech"),
        (["--rate", "8000"], "--rate is of the task speech, and the task is image"),
        (["--task", "speech", "--rate", "3"], "rate 3 is not possible"),
        (["--task", "speech", "--speaker", "x(y)"], "does not fit"),
        (["--task", "speech", "--window-ms", "5"], "frames of 5 ms every 10 ms are not possible"),
        (["--task", "speech", "--data", "nowhere.jsonl"], "there is no file or folder nowhere.jsonl"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_refusals(lissom: Lissom, folder: Path, tmp_path: Path, options: list[str], said: str) -> None:
    lissom(*compressing(folder, tmp_path / "run", *options)).is_refusal(said)
    assert not (tmp_path / "run").exists()


def test_a_model_of_keywords_meets_a_budget_and_hears_a_clip(lissom: Lissom, folder: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    done = lissom(*compressing(folder, run, "--task", "speech", "--bands", "20", "--hop-ms", "20"))
    assert done.code == 0, done.err
    assert "met" in done.out and "CLIP.wav" in done.out
    page = (run / "report.html").read_text(encoding="utf-8")
    assert "--hop-ms 20.0" in page and "--bands 20" in page
    samples = read(run).samples
    assert len(samples) >= len(SOUNDS) and page.count("<audio controls") == len(samples) and "media-src data:" in page
    assert {sample.truth for sample in samples} <= set(SOUNDS) and len({one.name for one in samples}) == len(samples)
    sound, rate = soundfile.read(io.BytesIO(base64.b64decode(samples[0].content)))
    assert rate == RATE and len(sound) == RATE and abs(sound).max() > 0.05
    told = lissom("predict", run / "bundle", folder / "sounds" / "rise" / "ada" / "1.wav", "--top", "1")
    assert told.code == 0 and ": rise " in told.out
