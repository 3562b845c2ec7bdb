"""Recordings of any length in windows that end where it is quiet, read block by block."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile
import soxr

from lissom.tasks.recognition.log_mel import LogMel
from lissom.tasks.recognition.wave_window import Wave
from lissom.tasks.speech.handling import blocks, level, opened

Samples = npt.NDArray[np.float32]
Hearing = LogMel | Wave
PAUSE_S = 0.2  # that a window ends in the middle of
SEARCHED = 0.25  # of a window's end, where its quietest moment is looked for


def windows(source: Path | bytes, features: Hearing) -> Iterator[tuple[float, Samples]]:
    """The windows of a file: seconds at which each begins, and its samples at the model's rate.

    A recording that fits into one window is one. A longer one is cut at the quietest moment of the last quarter of
    each window, so that few words are cut.

    Args:
        source: a file of sound that libsndfile reads, or its content; channels are averaged.
        features: what the model hears.

    Raises:
        LissomError: it is not sound, is cut off, damaged, or holds values that are not numbers.
    """
    loudest = level(source)
    with opened(source) as file:
        yield from cut(_blocks(file, features, loudest), features)


def cut(blocks: Iterable[Samples], features: Hearing) -> Iterator[tuple[float, Samples]]:
    """The windows of sound at the model's rate that comes in blocks of any length."""
    begun, waiting = 0, np.zeros(0, dtype=np.float32)
    for block in blocks:
        waiting = np.concatenate([waiting, block])
        while len(waiting) > features.length:
            end = _quietest(waiting[: features.length], features.rate)
            yield begun / features.rate, waiting[:end]
            begun, waiting = begun + end, waiting[end:]
    if len(waiting):
        yield begun / features.rate, waiting


def _blocks(file: soundfile.SoundFile, features: Hearing, loudest: float) -> Iterator[Samples]:
    same = file.samplerate == features.rate
    stream = None if same else soxr.ResampleStream(file.samplerate, features.rate, 1, dtype="float32")
    for block in blocks(file, round(features.seconds * file.samplerate)):
        sound = block / np.float32(loudest)
        yield sound if stream is None else stream.resample_chunk(sound)
    if stream is not None:
        yield stream.resample_chunk(np.zeros(0, dtype=np.float32), last=True)


def _quietest(window: Samples, rate: int) -> int:
    """The sample in the middle of the quietest pause near the end of a window."""
    pause = max(1, min(round(PAUSE_S * rate), len(window) // 2))
    start = len(window) - max(round(SEARCHED * len(window)), 2 * pause)
    energy = np.concatenate([[0.0], np.cumsum(np.square(window[start:], dtype=np.float64))])
    sums = energy[pause:] - energy[:-pause]
    return start + int(np.argmin(sums)) + pause // 2
