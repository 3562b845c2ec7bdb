"""Augmented views of clips: pure functions of the sound and of a generator that belongs to one view of one clip."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lissom.core.errors import LissomError
from lissom.tasks.speech.handling import Samples

Maps = npt.NDArray[np.float32]
_KNOTS = 5  # of a microphone's response


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


def coloured(samples: Samples, response_db: npt.NDArray[np.float64], rate: int) -> Samples:
    """The sound through another microphone: louder and softer by frequency.

    Args:
        samples: ``(samples,)``.
        response_db: decibels at frequencies that lie evenly on the mel scale from 0 to half the rate.
        rate: samples a second.
    """
    spectrum = np.fft.rfft(samples)
    mel = np.log1p(np.linspace(0, rate / 2, len(spectrum)) / 700)
    gain = np.interp(mel, np.linspace(0, mel[-1], len(response_db)), response_db)
    return np.fft.irfft(spectrum * 10 ** (gain / 20), len(samples)).astype(np.float32)


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


def paced(features: Maps, factor: float, *, silence: float = -1.0) -> Maps:
    """The same sounds ``factor`` times as fast about their middle, without change of pitch; silence comes in, which
    has the value ``silence``."""
    middle = (features.shape[-1] - 1) / 2
    places = middle + (np.arange(features.shape[-1]) - middle) * factor
    amid = np.pad(features, ((0, 0), (0, 0), (1, 1)), constant_values=silence)
    return _between(amid, np.clip(places + 1, 0, features.shape[-1] + 1))


def voiced(features: Maps, factor: float) -> Maps:
    """As a vocal tract ``factor`` times as long sounds: bands move on the mel scale (Jaitly and Hinton 2013)."""
    bands = features.shape[-2]
    places = np.clip((np.arange(bands) + 0.5) * factor - 0.5, 0, bands - 1)
    return _between(features.swapaxes(-1, -2), places).swapaxes(-1, -2)


def masked(features: Maps, bands: slice, frames: slice, *, silence: float = -1.0) -> Maps:
    """With some bands and some frames at the value of silence (SpecAugment; Park et al. 2019, section 2)."""
    changed = features.copy()
    changed[..., bands, :] = silence
    changed[..., frames] = silence
    return changed


@dataclass(frozen=True)
class Augmentation:
    """How views of a clip differ; zero leaves a change out.

    Args:
        shift_ms: largest shift in either direction.
        stretch: largest change of the speed, as a share.
        colour_db: spread of a microphone's response over frequencies, as a standard deviation.
        noise_db: least signal-to-noise ratio; each view draws one between that and 40 dB above.
        pace: largest change of the speed beside that, as a share, which leaves the pitch as it is.
        tract: largest change of the length of the vocal tract, as a share.
        bands: most bands that are masked at once.
        frames: most frames that are masked at once.
    """

    shift_ms: float = 100.0
    stretch: float = 0.3
    colour_db: float = 8.0
    noise_db: float | None = 5.0
    pace: float = 0.3
    tract: float = 0.12
    bands: int = 6
    frames: int = 16

    def __post_init__(self) -> None:
        shares = (self.stretch, self.pace, self.tract)
        if (
            not all(0 <= share < 1 for share in shares)
            or min(self.shift_ms, self.colour_db, self.bands, self.frames) < 0
        ):
            raise LissomError(f"an augmentation of {self} is not possible", hint="give numbers from 0 on")

    def sound(self, samples: Samples, rate: int, generator: np.random.Generator) -> Samples:
        """Another view of the sound, ``(samples,)``."""
        if self.stretch:
            samples = stretched(samples, _factor(self.stretch, generator))
        reach = round(self.shift_ms * rate / 1000)
        if reach:
            samples = shifted(samples, int(generator.integers(-reach, reach + 1)))
        if self.colour_db:
            samples = coloured(samples, generator.normal(0, self.colour_db, _KNOTS), rate)
        if self.noise_db is not None:
            below, slope = generator.uniform(self.noise_db, self.noise_db + 40), generator.uniform(0, 2)
            samples = noisy(samples, float(below), float(slope), generator)
        return samples

    def features(self, features: Maps, generator: np.random.Generator, *, silence: float = -1.0) -> Maps:
        """Another view of the features, ``(1, bands, frames)``, in which ``silence`` is the value of silence."""
        if self.pace:
            features = paced(features, _factor(self.pace, generator), silence=silence)
        if self.tract:
            features = voiced(features, _factor(self.tract, generator))
        return masked(
            features,
            _stripe(features.shape[-2], self.bands, generator),
            _stripe(features.shape[-1], self.frames, generator),
            silence=silence,
        )

    def __str__(self) -> str:
        noise = "no noise" if self.noise_db is None else f"noise down to {self.noise_db:g} dB"
        return (
            f"clips shifted by up to {self.shift_ms:g} ms, up to {self.stretch:.0%} faster or slower, and up to "
            f"{self.pace:.0%} at the same pitch, vocal tracts of up to {self.tract:.0%} more or less, "
            f"microphones that differ by {self.colour_db:g} dB, {noise}, "
            f"masks of up to {self.bands} bands and {self.frames} frames"
        )


def _between(features: Maps, places: npt.NDArray[np.float64]) -> Maps:
    """The features at places between the last dimension's, in proportion."""
    before = np.minimum(places.astype(np.int64), features.shape[-1] - 2)
    share = (places - before).astype(np.float32)
    return (features[..., before] * (1 - share) + features[..., before + 1] * share).astype(np.float32)


def _factor(most: float, generator: np.random.Generator) -> float:
    """Between the largest change and its inverse."""
    return float(np.exp(generator.uniform(-1, 1) * np.log1p(most)))


def _stripe(size: int, most: int, generator: np.random.Generator) -> slice:
    width = int(generator.integers(0, min(most, size) + 1))
    start = int(generator.integers(0, size - width + 1))
    return slice(start, start + width)
