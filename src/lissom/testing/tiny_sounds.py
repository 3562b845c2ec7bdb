"""Made sounds of three classes as files, by speakers of different pitch, for tests of the task speech."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile

from lissom.tasks.speech.handling import Samples

SOUNDS = ("fall", "flat", "rise")
SPEAKERS = ("ada", "ben", "cyd", "dan")
RATE = 8000


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
