"""What happens to sound before the model: soundfile, soxr, kaldi-native-fbank and numpy, so without torch alike."""

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import kaldi_native_fbank as fbank
import numpy as np
import numpy.typing as npt
import soundfile
import soxr

from lissom.core.errors import LissomError

Samples = npt.NDArray[np.float32]
LONGEST_S = 60.0  # of a clip; what is longer is a recording, to be listened to in windows
RANGE = 10.0  # nepers of power below the loudest that are told apart
QUIET = 0.0  # log power that the loudest band and frame is at least taken for, so that faint noise is not made loud
SILENT = 1e-4  # of full scale
CLIPPED_SHARE = 0.01
_LEAST_POWER = float(np.log(np.finfo(np.float32).eps))  # as a log, to which Kaldi lifts that of silence
_BLOCK = 1 << 20  # samples that are read at a time
_GUESSED = 2 * 1152  # samples by which libsndfile is off, whose MP3 does not say how many it holds
_LARGEST = 2.0**32  # programs that write whole numbers as floats stay below
_UNKNOWN_SIZE = 0x7FFF0000  # of a WAV: what programs write that do not know it yet


@dataclass(frozen=True)
class Features:
    """From sound of one channel to the model's input ``(1, bands, frames)``, float32.

    Log power in triangular mel bands of Hann windows, as Kaldi computes it (Povey et al. 2011). Each window of sound
    is measured against its own loudest band and frame, so that the recording level does not matter, and lies in
    -1..1; with ``mean`` and ``std`` it is instead the log power less ``mean``, divided by ``std``.

    Args:
        rate: samples a second.
        seconds: length of the window that the model hears.
        bands: of the mel scale, from 20 Hz to half the rate.
        window_ms: length of a frame.
        hop_ms: from one frame to the next.
        mean: of the log power, for models that were trained so.
        std: of the log power.
    """

    rate: int = 16000
    seconds: float = 1.0
    bands: int = 40
    window_ms: float = 30.0
    hop_ms: float = 10.0
    mean: float | None = None
    std: float = 1.0

    def __post_init__(self) -> None:
        for name, least, most in (("rate", 4000, 192000), ("seconds", 0.1, LONGEST_S), ("bands", 8, 256)):
            if not least <= getattr(self, name) <= most:
                raise LissomError(f"{name} {getattr(self, name):g} is not possible", hint=f"give {least:g} to {most:g}")
        if not 1 <= self.hop_ms <= self.window_ms <= 1000 * self.seconds or self.std <= 0:
            raise LissomError(f"frames of {self.window_ms:g} ms every {self.hop_ms:g} ms are not possible")
        try:
            self._computer()
        except ValueError as error:  # a band would lie between two frequencies that a frame tells apart
            raise LissomError(
                f"{self.bands} bands are too many for frames of {self.window_ms:g} ms at {self.rate} samples a second",
                hint="fewer --bands, or a longer --window-ms",
            ) from error

    @property
    def length(self) -> int:
        """Samples in a window."""
        return round(self.rate * self.seconds)

    @property
    def silence(self) -> float:
        """The value of every band and frame in silence, the least that there is."""
        return -1.0 if self.mean is None else (_LEAST_POWER - self.mean) / self.std

    def __call__(self, window: Samples) -> npt.NDArray[np.float32]:
        """The model's input of one window, ``(length,)`` in -1..1: ``(1, bands, frames)``."""
        computer = self._computer()
        computer.accept_waveform(self.rate, window.tolist())  # an array is read much more slowly
        computer.input_finished()
        power = np.stack([computer.get_frame(frame) for frame in range(computer.num_frames_ready)], axis=1)
        if self.mean is not None:
            return ((power - self.mean) / self.std)[None].astype(np.float32)
        below = np.maximum(power - max(float(power.max()), QUIET), -RANGE)
        return (below * (2 / RANGE) + 1)[None].astype(np.float32)

    def _computer(self) -> fbank.OnlineFbank:
        options = fbank.FbankOptions()
        options.frame_opts.samp_freq = self.rate
        options.frame_opts.frame_length_ms, options.frame_opts.frame_shift_ms = self.window_ms, self.hop_ms
        options.frame_opts.dither, options.frame_opts.snip_edges = 0.0, False
        options.frame_opts.window_type = "hann"
        options.mel_opts.num_bins = self.bands
        return fbank.OnlineFbank(options)

    def window(self, samples: Samples) -> Samples:
        """``(length,)`` out of sound of any length: its loudest part, or the whole amid silence."""
        missing = self.length - len(samples)
        if missing >= 0:
            return np.pad(samples, (missing // 2, missing - missing // 2))
        energy = np.concatenate([[0.0], np.cumsum(np.square(samples, dtype=np.float64))])
        start = int(np.argmax(energy[self.length :] - energy[: -self.length]))
        return samples[start : start + self.length]

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)

    @staticmethod
    def from_json(data: dict[str, Any]) -> "Features":
        """The inverse of :meth:`to_json`."""
        return Features(**data)


@contextmanager
def opened(source: Path | bytes) -> Iterator[soundfile.SoundFile]:
    """A WAV, FLAC or other file of sound that libsndfile reads.

    Raises:
        LissomError: it is not sound, it is cut off, or it holds none.
    """
    try:
        file = soundfile.SoundFile(source if isinstance(source, Path) else io.BytesIO(source))
    except (soundfile.LibsndfileError, OSError, TypeError) as error:
        if isinstance(source, Path) and not source.is_file():
            raise LissomError("there is no such file") from error
        if isinstance(error, TypeError):  # what soundfile raises of a file called .raw
            raise LissomError("raw samples do not say their rate", hint="save it as a WAV or FLAC") from error
        raise LissomError("it is not sound that can be read") from error
    with file:
        told, found = _sizes(source)
        if file.format.startswith("WAV") and told < _UNKNOWN_SIZE and 0 < found < told:
            raise LissomError(f"it is cut off: {found} bytes of {told}")
        if not file.frames:
            raise LissomError("it holds no sound")
        try:
            yield file
        except soundfile.LibsndfileError as error:
            raise LissomError("it is damaged or cut off") from error


def _sizes(source: Path | bytes) -> tuple[int, int]:
    """The bytes that the head of a WAV tells, and those that are there."""
    if isinstance(source, bytes):
        return int.from_bytes(source[4:8], "little") + 8, len(source)
    with source.open("rb") as file:
        return int.from_bytes(file.read(8)[4:], "little") + 8, os.fstat(file.fileno()).st_size


def read_clip(source: Path | bytes, rate: int) -> Samples:
    """A whole clip in one channel, ``(samples,)`` at ``rate``, in -1..1.

    Raises:
        LissomError: it cannot be read, is cut off, longer than a minute, or holds values that are not numbers.
    """
    with opened(source) as file:
        if file.frames > LONGEST_S * file.samplerate:
            length = file.frames / file.samplerate
            raise LissomError(
                f"it is {length:.0f} s long, and a clip is at most {LONGEST_S:.0f} s",
                hint="cut it, or listen to it in windows: predict.py --stream",
            )
        samples = np.concatenate(list(blocks(file, _BLOCK)))
        samples /= max(1.0, float(np.abs(samples).max()))  # as :func:`level`
        return resampled(samples, file.samplerate, rate)


def blocks(file: soundfile.SoundFile, size: int) -> Iterator[Samples]:
    """The sound of an opened file in one channel, block by block.

    Args:
        file: at its start.
        size: samples of a block; the last may have fewer.

    Raises:
        LissomError: it is cut off, or holds values that are not numbers.
    """
    left = file.frames
    while left > 0:
        read = np.asarray(file.read(size, dtype="float32", always_2d=True), dtype=np.float32)
        if not len(read):
            if file.format == "MP3" and left <= _GUESSED:
                return
            raise LissomError(f"it is cut off: {left} samples are missing")
        left -= len(read)
        yield mono(read)


def level(source: Path | bytes) -> float:
    """What the samples of a file are divided by: the largest, as programs write that count in whole numbers, or 1.

    Raises:
        LissomError: it cannot be read, or holds values that are not numbers.
    """
    found = 1.0
    with opened(source) as file:
        if file.subtype.startswith("PCM"):  # whole numbers are at most 1 as they are read
            return found
        for block in file.blocks(blocksize=_BLOCK, dtype="float32", always_2d=True):
            found = max(found, float(np.abs(mono(np.asarray(block, dtype=np.float32))).max(initial=0.0)))
    return found


def mono(samples: npt.NDArray[np.float32]) -> Samples:
    """The mean of the channels of ``(samples, channels)``.

    Raises:
        LissomError: there are values that are not numbers, or far too large.
    """
    if not np.isfinite(samples).all():
        raise LissomError("it holds values that are not numbers")
    if (largest := float(np.abs(samples).max(initial=0.0))) > _LARGEST:
        raise LissomError(f"it holds values of up to {largest:.1e}: that is no sound")
    return samples.mean(axis=1, dtype=np.float32)


def resampled(samples: Samples, before: int, after: int) -> Samples:
    """The sound at another rate."""
    return samples if before == after else soxr.resample(samples, before, after)


def remarks(samples: Samples) -> list[str]:
    """What is to be known before an answer is believed: silence, clipping."""
    peak = float(np.abs(samples).max(initial=0.0))
    if peak < SILENT:
        return ["silence"]
    top = np.abs(samples) >= 0.99 * peak
    flat = float((top[1:] & top[:-1] & (samples[1:] == samples[:-1])).mean()) if len(samples) > 1 else 0.0
    return [f"clipped: {flat:.0%} of the samples are at the limit"] if flat > CLIPPED_SHARE else []
