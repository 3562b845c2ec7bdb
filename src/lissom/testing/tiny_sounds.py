"""Made sounds of three classes as files, by speakers of different pitch, for tests of the task speech."""

import copy
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
import soundfile
import torch
from safetensors.torch import save_file
from torch import nn

from lissom.tasks.loading import load
from lissom.tasks.speech.augmentation import Augmentation
from lissom.tasks.speech.handling import Samples
from lissom.train.loop import Schedule, supervised, train
from lissom.workload.workload import Workload
from lissom.zoo.ds_cnn import DsCnn

SOUNDS = ("fall", "flat", "rise")
SPEAKERS = ("ada", "ben", "cyd", "dan")
RATE = 8000
_FEW_CHANGES = Augmentation(stretch=0.2, colour_db=0, pace=0, tract=0)  # a small network learns through in seconds
_MODEL = """
from lissom.zoo.ds_cnn import DsCnn


def net():
    return DsCnn(16, 2, narrow=True, num_classes=3)
"""


def made_sound(name: str, speaker: int, seed: int, seconds: float = 0.5, rate: int = RATE) -> Samples:
    """A tone that falls, stays or rises by an octave, under noise; ``(samples,)`` in -1..1."""
    draw = np.random.default_rng((seed, speaker, SOUNDS.index(name)))
    time = np.arange(round(seconds * rate)) / rate
    start = 500 * (1 + 0.15 * speaker) * draw.uniform(0.95, 1.05)
    slope = {"fall": -1, "flat": 0, "rise": 1}[name] / seconds
    phase = 2 * np.pi * np.cumsum(start * 2 ** (slope * time)) / rate
    sound = draw.uniform(0.1, 0.6) * np.sin(phase) * np.hanning(len(time)) ** 0.2
    return (sound + draw.normal(0, 0.003, len(time))).astype(np.float32)


def write_sounds(folder: Path, each: int = 12, speakers: Sequence[str] = SPEAKERS, ending: str = "wav") -> Path:
    """Write ``folder/CLASS/SPEAKER/NUMBER.wav``, ``each`` of them for every class and speaker."""
    for name in SOUNDS:
        for number, speaker in enumerate(speakers):
            place = folder / name / speaker
            place.mkdir(parents=True, exist_ok=True)
            for seed in range(each):
                soundfile.write(place / f"{seed}.{ending}", made_sound(name, number, seed), RATE)
    return folder


@cache
def _learnt() -> nn.Module:
    with tempfile.TemporaryDirectory() as folder, torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        workload = _workload(write_sounds(Path(folder)), DsCnn(16, 2, narrow=True, num_classes=len(SOUNDS)))
        return train(workload.module, workload.splits.train, supervised(workload.task), Schedule(16, 2e-2, batch=16))


def tiny_speech_workload(folder: Path) -> Workload:
    """The sounds of :func:`write_sounds` in ``folder``, with a small network that was trained on them."""
    return _workload(folder, copy.deepcopy(_learnt()))


def write_speech_model(folder: Path) -> str:
    """Write the trained network as ``net.safetensors`` with ``net.py`` that builds it; what to call it."""
    folder.mkdir(parents=True, exist_ok=True)
    save_file({name: tensor.clone() for name, tensor in _learnt().state_dict().items()}, folder / "net.safetensors")
    (folder / "net.py").write_text(_MODEL, encoding="utf-8")
    return f"{folder / 'net.py'}:net"


def _workload(folder: Path, module: nn.Module) -> Workload:
    return load(module, data=folder, task="speech", bands=20, hop_ms=20.0, augmentation=_FEW_CHANGES)
