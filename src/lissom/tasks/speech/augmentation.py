"""Augmented views of clips: pure functions of the sound and of a generator that belongs to one view of one clip."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lissom.core.errors import LissomError
from lissom.tasks.speech.handling import Samples

Maps = npt.NDArray[np.float32]


def shifted(samples: Samples, by: int) -> Samples:
    """The sound ``by`` samples later, or earlier where negative; silence comes in."""
    moved = np.zeros_like(samples)
    if by >= 0:
        moved[by:] = samples[: len(samples) - by]
    else:
        moved[:by] = samples[-by:]
    return moved


def stretched(samples: Samples, factor: float) -> Samples:
    """The sound ``factor`` times as fast, about its middle and at the same length, so that its pitch rises too
    (speed perturbation; Ko et al. 2015)."""
    middle = (len(samples) - 1) / 2
    places = middle + (np.arange(len(samples)) - middle) * factor
    return np.interp(places, np.arange(len(samples)), samples, left=0.0, right=0.0).astype(np.float32)


def noisy(samples: Samples, below_db: float, slope: float, generator: np.random.Generator) -> Samples:
    """With noise whose power is ``below_db`` under that of the sound's loudest tenth of a window.

    Args:
        samples: ``(samples,)``.
        below_db: signal-to-noise ratio in decibels.
        slope: 0 for white noise, 1 for pink, 2 for brown: power falls with this exponent of the frequency.
        generator: draws the noise.
    """
    spectrum = np.fft.rfft(generator.standard_normal(len(samples)))
    spectrum[1:] /= np.arange(1, len(spectrum)) ** (slope / 2)
    spectrum[0] = 0
    noise = np.fft.irfft(spectrum, len(samples))
    blocks = np.square(samples[: len(samples) // 10 * 10]).reshape(10, -1).mean(1)
    wanted = float(blocks.max()) * 10 ** (-below_db / 10)
    scale = np.sqrt(wanted / max(float(np.square(noise).mean()), 1e-20))
    return (samples + scale * noise).astype(np.float32)


def masked(features: Maps, bands: slice, frames: slice) -> Maps:
    """With some bands and some frames at the least value, -1 (SpecAugment; Park et al. 2019, section 2)."""
    changed = features.copy()
    changed[..., bands, :] = -1.0
    changed[..., frames] = -1.0
    return changed


@dataclass(frozen=True)
class Augmentation:
    """How views of a clip differ; zero leaves a change out.

    Args:
        shift_ms: largest shift in either direction.
        stretch: largest change of the speed, as a share.
        noise_db: least signal-to-noise ratio; each view draws one between that and 40 dB above.
        bands: most bands that are masked at once.
        frames: most frames that are masked at once.
    """

    shift_ms: float = 100.0
    stretch: float = 0.2
    noise_db: float | None = 5.0
    bands: int = 6
    frames: int = 16

    def __post_init__(self) -> None:
        if self.shift_ms < 0 or not 0 <= self.stretch < 1 or self.bands < 0 or self.frames < 0:
            raise LissomError(f"an augmentation of {self} is not possible", hint="give numbers from 0 on")

    def sound(self, samples: Samples, rate: int, generator: np.random.Generator) -> Samples:
        """Another view of the sound, ``(samples,)``."""
        if self.stretch:
            samples = stretched(samples, float(np.exp(generator.uniform(-1, 1) * np.log1p(self.stretch))))
        reach = round(self.shift_ms * rate / 1000)
        if reach:
            samples = shifted(samples, int(generator.integers(-reach, reach + 1)))
        if self.noise_db is not None:
            below, slope = generator.uniform(self.noise_db, self.noise_db + 40), generator.uniform(0, 2)
            samples = noisy(samples, float(below), float(slope), generator)
        return samples

    def features(self, features: Maps, generator: np.random.Generator) -> Maps:
        """Another view of the features, ``(1, bands, frames)``."""
        return masked(
            features,
            _stripe(features.shape[-2], self.bands, generator),
            _stripe(features.shape[-1], self.frames, generator),
        )

    def __str__(self) -> str:
        noise = "no noise" if self.noise_db is None else f"noise down to {self.noise_db:g} dB"
        return (
            f"clips shifted by up to {self.shift_ms:g} ms, up to {self.stretch:.0%} faster or slower, {noise}, "
            f"masks of up to {self.bands} bands and {self.frames} frames"
        )


def _stripe(size: int, most: int, generator: np.random.Generator) -> slice:
    width = int(generator.integers(0, min(most, size) + 1))
    start = int(generator.integers(0, size - width + 1))
    return slice(start, start + width)
