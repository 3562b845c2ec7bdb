"""A bundle of speech recognition runs without torch, transformers and lissom, and says what transformers says."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

pytest.importorskip("transformers")

from lissom.export.recognition_bundle import Recogniser, Vector, write_recognition_bundle

from lissom.core.errors import LissomError
from lissom.tasks.recognition.log_mel import LogMel
from lissom.tasks.rules import rules_of
from lissom.testing.tiny_recognition import exported_whisper, write_tokenizer

FEATURES = LogMel(bands=8, seconds=2.0)
BLOCKED = "import sys\nfor name in ('torch', 'transformers', 'lissom'): sys.modules[name] = None\n"


def sound(seed: int, seconds: float) -> np.ndarray:
    draw, time = np.random.default_rng(seed), np.arange(round(16000 * seconds)) / 16000
    tones = sum(0.1 * np.sin(2 * np.pi * frequency * time) for frequency in draw.uniform(100, 4000, 4))
    return (tones + draw.normal(0, 0.01, len(time))).astype(np.float32)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Path]:
    folder = tmp_path_factory.mktemp("recognition")
    module, pair = exported_whisper()
    write_tokenizer(folder)
    content = (folder / "tokenizer.json").read_bytes()
    recogniser = Recogniser(pair, rules_of(module), FEATURES, content, "tiny")
    vectors = [Vector(sound(seed, 1.5), theirs(module, sound(seed, 1.5))) for seed in range(3)]
    write_recognition_bundle(folder / "bundle", recogniser, vectors)
    with pytest.raises(LissomError, match="longer than the 2 s"):
        write_recognition_bundle(folder / "other", recogniser, [Vector(sound(0, 3.0), [])])
    return module, folder / "bundle"


def theirs(module: Any, samples: np.ndarray) -> list[int]:
    samples = np.rint(samples * 32767).astype(np.float32) / 32767
    with torch.no_grad():
        found = module.generate(torch.from_numpy(FEATURES(samples)[None]), num_beams=1, do_sample=False)[0].tolist()
    end = rules_of(module).end
    return found[: found.index(end)] if end in found else found


def run(bundle: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    code = f"{BLOCKED}import runpy\nsys.path.insert(0, {str(bundle)!r})\nsys.argv = ['predict.py', *sys.argv[1:]]\n"
    code += f"runpy.run_path({str(bundle / 'predict.py')!r}, run_name='__main__')"
    return subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=300)


def test_it_says_what_transformers_says_and_what_is_silent(made: tuple[Any, Path], tmp_path: Path) -> None:
    module, bundle = made
    heard = sound(7, 1.5)
    long = np.concatenate([sound(8, 1.8), np.zeros(3200, np.float32), sound(9, 1.5)])
    soundfile.write(tmp_path / "a.wav", heard, 16000)
    soundfile.write(tmp_path / "long.flac", np.stack([long, long], axis=1), 16000)
    soundfile.write(tmp_path / "silent.wav", np.zeros(8000), 16000)
    done = run(bundle, "--json", *(str(tmp_path / name) for name in ("a.wav", "long.flac", "silent.wav")))
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    words = [int(word.strip("abcdefghijklmnopqrstuvwxyz")) for word in lines[0]["text"].split()]
    assert words == theirs(module, heard) and len(words) > 2
    assert [Path(line["file"]).stem for line in lines] == ["a", "long", "long", "silent"]
    assert 1.5 < lines[2]["at_s"] < 2.0
    assert lines[3]["text"] == "" and lines[3]["remarks"] == ["silence"]


def test_it_is_verified_and_a_changed_file_is_noticed(made: tuple[Any, Path], tmp_path: Path) -> None:
    _, bundle = made
    done = run(bundle, "--verify", "--json")
    found = json.loads(done.stdout)
    assert done.returncode == 0 and (found["agree"], found["vectors"], found["parity"]) == (3, 3, 1.0)
    shutil.copytree(bundle, tmp_path / "changed")
    with (tmp_path / "changed" / "decoder.onnx").open("ab") as file:
        file.write(b"x")
    done = run(tmp_path / "changed", "--verify")
    assert done.returncode == 2 and "decoder.onnx was altered" in done.stdout


def test_a_bad_file_is_one_line(made: tuple[Any, Path], tmp_path: Path) -> None:
    (tmp_path / "no.wav").write_text("no sound")
    done = run(made[1], str(tmp_path / "no.wav"))
    assert done.returncode == 2 and "no.wav: it is not sound" in done.stderr and "Traceback" not in done.stderr
