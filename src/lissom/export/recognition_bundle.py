"""The deployable folder of speech recognition: the pair, its loop and features, test vectors, ``predict.py``."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lissom.core.errors import LissomError
from lissom.core.files import sha256, writing
from lissom.export.bundle import SCHEMA, handling_source, predictor, replace_folder, write_json_file
from lissom.export.runners import pair_runner
from lissom.export.sequence_pair import DECODER, ENCODER
from lissom.tasks.generating import Rules, greedy
from lissom.tasks.recognition.log_mel import LogMel

REQUIREMENTS = ("numpy", "kaldi-native-fbank", "soundfile", "soxr", "tokenizers", "onnxruntime")
_FULL_SCALE = 32767
_CARRIED = {  # by name in the bundle: the package, and the module
    "generating.py": ("lissom.tasks", "generating"),
    "log_mel.py": ("lissom.tasks.recognition", "log_mel"),
    "windows.py": ("lissom.tasks.recognition", "windows"),
    "runner.py": ("lissom.export.runners", "pair_runner"),
}
_INSTEAD = {
    "from lissom.core.errors import": "from handling import",
    "from lissom.tasks.speech.handling import": "from handling import",
    "from lissom.tasks.recognition.log_mel import": "from log_mel import",
}


@dataclass(frozen=True)
class Recogniser:
    """What listens.

    Args:
        pair: a folder with ``encoder.onnx`` and ``decoder.onnx``.
        rules: how text is made.
        features: what the encoder hears.
        tokenizer: the content of ``tokenizer.json``.
        name: of the model, for the card.
    """

    pair: Path
    rules: Rules
    features: LogMel
    tokenizer: bytes
    name: str


@dataclass(frozen=True)
class Vector:
    """A test vector: a window of sound ``(samples,)`` in -1..1, and what the PyTorch model says to it."""

    sound: npt.NDArray[np.float32]
    original: Sequence[int]


def write_recognition_bundle(folder: Path, recogniser: Recogniser, vectors: Sequence[Vector]) -> None:
    """Write a bundle to ``folder``, whole or not at all; one that is there is replaced.

    Args:
        folder: of the bundle.
        recogniser: what listens.
        vectors: are answered again by ``predict.py --verify``.

    Raises:
        LissomError: the folder cannot be written, or a vector is longer than a window.
    """
    if any(len(vector.sound) > recogniser.features.length for vector in vectors):
        raise LissomError(f"a test vector is longer than the {recogniser.features.seconds:g} s that the model hears")
    making = folder.with_name(f".{folder.name}.part")
    with writing(folder):
        shutil.rmtree(making, ignore_errors=True)
        making.mkdir(parents=True)
        for name in (ENCODER, DECODER):
            shutil.copyfile(recogniser.pair / name, making / name)
        (making / "tokenizer.json").write_bytes(recogniser.tokenizer)
        handling = {
            "task": "recognition",
            "features": recogniser.features.to_json(),
            "rules": recogniser.rules.to_json(),
        }
        write_json_file(making / "handling.json", handling)
        np.savez(making / "vectors.npz", **_answered(recogniser, vectors))  # pyright: ignore[reportArgumentType]
        for name, source in _sources().items():
            (making / name).write_text(source, encoding="utf-8")
        (making / "requirements.txt").write_text("\n".join(REQUIREMENTS) + "\n", encoding="utf-8")
        (making / "README.md").write_text(_card(recogniser), encoding="utf-8")
        hashes = {item.name: sha256(item) for item in sorted(making.iterdir())}
        write_json_file(making / "manifest.json", {"schema": SCHEMA, "artefact": ENCODER, "sha256": hashes})
        replace_folder(making, folder)


def _sources() -> dict[str, str]:
    """The files of Python in the bundle, free of lissom."""
    found = {"predict.py": predictor("recognition"), "checking.py": predictor("checking")}
    found["handling.py"] = handling_source("speech")
    for name, (package, module) in _CARRIED.items():
        source = resources.files(package).joinpath(f"{module}.py").read_text(encoding="utf-8")
        for old, new in _INSTEAD.items():
            source = source.replace(old, new)
        found[name] = source
    for name, source in found.items():
        assert "from lissom" not in source and "import lissom" not in source, f"{name} imports lissom"
    return found


def _answered(recogniser: Recogniser, vectors: Sequence[Vector]) -> dict[str, npt.NDArray[Any]]:
    runner = pair_runner.PairRunner(recogniser.pair)
    found: dict[str, npt.NDArray[Any]] = {}
    for number, vector in enumerate(vectors):
        sound = np.clip(np.rint(vector.sound * _FULL_SCALE), -_FULL_SCALE, _FULL_SCALE).astype(np.int16)
        frames = recogniser.features(sound.astype(np.float32) / np.float32(_FULL_SCALE))[None]
        found[f"sound_{number}"] = sound
        found[f"tokens_{number}"] = np.asarray(greedy(runner.start([frames]), 1, recogniser.rules)[0], dtype=np.int64)
        found[f"original_{number}"] = np.asarray(vector.original, dtype=np.int64)
    return found


def _card(recogniser: Recogniser) -> str:
    size = sum((recogniser.pair / name).stat().st_size for name in (ENCODER, DECODER))
    lines = [
        f"# {recogniser.name}",
        "",
        f"Task: recognition. Two ONNX files of {size / 1e6:.1f} MB together, and a loop in numpy.",
        f"It hears {recogniser.features.seconds:g} s at a time; longer recordings are cut where it is quiet.",
        "",
        "    pip install -r requirements.txt",
        "    python predict.py RECORDING.wav",
        "    python predict.py --verify",
        "",
        "A model of this kind can say words that were never said, above all in noise. Silence is not given to it.",
    ]
    return "\n".join(lines) + "\n"
