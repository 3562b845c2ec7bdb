"""The features of Whisper with numpy alone, as the feature extractor of transformers makes them.

A bundle carries this file as it is.
"""

from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.float32]
LINEAR_HERTZ, LINEAR_MELS, STEP = 1000.0, 15.0, np.log(6.4) / 27.0  # Slaney's scale: straight below, logarithmic above
FLOOR = 1e-10  # power
RANGE = 8.0  # powers of ten below the loudest that are told apart


@dataclass(frozen=True)
class LogMel:
    """From a window of sound, ``(samples,)`` in -1..1, to ``(bands, frames)`` in float32 (Radford et al. 2022, 2.2).

    The window is filled up with silence. Frames are of Hann windows; bands are triangles of equal area on the scale of
    Slaney's Auditory Toolbox (1998).

    Args:
        bands: of the mel scale, from 0 Hz to half the rate.
        seconds: length of the window that the model hears.
        rate: samples a second.
        frame: samples in a frame.
        hop: samples from one frame to the next.
    """

    bands: int = 80
    seconds: float = 30.0
    rate: int = 16000
    frame: int = 400
    hop: int = 160

    @property
    def length(self) -> int:
        """Samples in a window."""
        return round(self.rate * self.seconds)

    @cached_property
    def filters(self) -> npt.NDArray[np.float64]:
        """What each band takes of each frequency, ``(bands, frequencies)``."""
        hertz = np.linspace(0, self.rate / 2, self.frame // 2 + 1)
        edges = from_mels(np.linspace(0, to_mels(self.rate / 2), self.bands + 2))
        widths = np.diff(edges)[:, None]
        slopes = edges[:, None] - hertz
        rising, falling = -slopes[:-2] / widths[:-1], slopes[2:] / widths[1:]
        areas = 2 / (edges[2:] - edges[:-2])
        return np.maximum(0, np.minimum(rising, falling)) * areas[:, None]

    def __call__(self, samples: Samples) -> npt.NDArray[np.float32]:
        """The features of at most :attr:`length` samples, ``(bands, frames)``."""
        assert samples.ndim == 1 and len(samples) <= self.length, "longer sound comes in windows"
        frames, half = self.length // self.hop, self.frame // 2
        padded = np.zeros(self.length, dtype=np.float64)
        padded[: len(samples)] = samples
        padded = np.pad(padded, half, mode="reflect")
        heard = frames if len(samples) > self.length - self.frame else -(-(len(samples) + half) // self.hop) + 1
        heard = min(heard, frames)  # those behind it are of silence
        places = np.arange(heard)[:, None] * self.hop + np.arange(self.frame)
        window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(self.frame) / self.frame)
        power = np.abs(np.fft.rfft(padded[places] * window, axis=1)) ** 2
        logs = np.full((self.bands, frames), np.log10(FLOOR))
        logs[:, :heard] = np.log10(np.maximum(self.filters @ power.T, FLOOR))
        return ((np.maximum(logs, logs.max() - RANGE) + 4) / 4).astype(np.float32)

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)

    @staticmethod
    def from_json(data: dict[str, Any]) -> "LogMel":
        """The inverse of :meth:`to_json`."""
        return LogMel(**data)


def to_mels(hertz: float) -> float:
    """A frequency on Slaney's scale."""
    return float(
        hertz * LINEAR_MELS / LINEAR_HERTZ
        if hertz < LINEAR_HERTZ
        else LINEAR_MELS + np.log(hertz / LINEAR_HERTZ) / STEP
    )


def from_mels(mels: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Frequencies in Hz of places on Slaney's scale."""
    above = LINEAR_HERTZ * np.exp(STEP * (np.maximum(mels, LINEAR_MELS) - LINEAR_MELS))
    return np.where(mels < LINEAR_MELS, mels * LINEAR_HERTZ / LINEAR_MELS, above)
