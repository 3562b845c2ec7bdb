"""Augmentation: each change does what it says, and a view is the same whenever it is asked for."""

import numpy as np
import pytest

pytest.importorskip("soundfile")
pytest.importorskip("kaldi_native_fbank")

from lissom.core.errors import LissomError
from lissom.tasks.speech.augmentation import Augmentation, coloured, masked, noisy, paced, shifted, stretched, voiced
from lissom.tasks.speech.handling import Features
from lissom.testing.tiny_sounds import RATE, made_sound

SOUND = made_sound("rise", 0, 0, seconds=1.0)


@pytest.mark.parametrize("by", [-300, 0, 1, 300])
def test_a_shift_moves_and_fills_with_silence(by: int) -> None:
    moved = shifted(SOUND, by)
    kept = SOUND[max(0, -by) : len(SOUND) - max(0, by)]
    assert np.array_equal(moved[max(0, by) : len(SOUND) + min(0, by)], kept)
    assert np.count_nonzero(moved) == np.count_nonzero(kept)


@pytest.mark.parametrize("factor", [0.8, 1.25])
def test_a_faster_sound_is_higher_and_stays_in_the_middle(factor: float) -> None:
    tone = np.sin(2 * np.pi * 500 * np.arange(RATE) / RATE).astype(np.float32)
    found = stretched(tone, factor)
    spectrum = np.abs(np.fft.rfft(found * np.hanning(RATE)))
    assert spectrum.argmax() == pytest.approx(500 * factor, abs=2) and len(found) == RATE
    assert np.array_equal(stretched(tone, 1.0), tone)


@pytest.mark.parametrize("slope", [0.0, 2.0])
def test_noise_has_the_power_that_was_asked_for(slope: float) -> None:
    noise = noisy(SOUND, 10, slope, np.random.default_rng(0)) - SOUND
    loudest = np.square(SOUND).reshape(10, -1).mean(1).max()
    assert 10 * np.log10(loudest / np.square(noise).mean()) == pytest.approx(10, abs=0.1)
    spectrum = np.abs(np.fft.rfft(noise)) ** 2
    low, high = spectrum[50:400].mean(), spectrum[2000:4000].mean()
    assert (low / high > 20) == (slope > 0)
    silence = np.zeros(100, np.float32)
    assert not noisy(silence, 10, 0, np.random.default_rng(0)).any()


def test_a_microphone_changes_each_frequency_as_it_says() -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, RATE).astype(np.float32)
    found = coloured(noise, np.array([0.0, 0.0, 20.0]), RATE)
    change = 20 * np.log10(np.abs(np.fft.rfft(found)) / np.abs(np.fft.rfft(noise)))
    middle = 700 * (np.exp(np.log1p(RATE / 2 / 700) / 2) - 1)  # hertz at half of the mel scale
    assert np.abs(change[: int(middle)]).max() < 0.1 and change[RATE // 2 - 1] == pytest.approx(20, abs=0.1)
    assert (np.diff(change[int(middle) + 1 : -1]) > -0.1).all()


@pytest.mark.parametrize("factor", [0.8, 1.25])
def test_a_pace_moves_frames_about_the_middle_and_a_tract_moves_bands(factor: float) -> None:
    features = np.full((1, 20, 41), -1.0, dtype=np.float32)
    features[0, 8, [12, 28]] = 1.0  # two sounds, 8 frames before and after the middle
    heard = paced(features, factor)
    assert heard.shape == features.shape and heard.dtype == np.float32
    assert {int(heard[0, 8, :20].argmax()), int(heard[0, 8, 21:].argmax()) + 21} == {
        round(20 - 8 / factor),
        round(20 + 8 / factor),
    }
    assert int(voiced(features, factor)[0, :, 12].argmax()) == round(8.5 / factor - 0.5)
    assert np.array_equal(paced(features, 1.0), features) and np.allclose(voiced(features, 1.0), features)
    assert (paced(np.ones_like(features), 1.5)[..., :5] == -1).all()  # silence comes in


def test_masks() -> None:
    features = np.random.default_rng(0).uniform(-0.9, 1, (1, 40, 100)).astype(np.float32)
    found = masked(features, slice(3, 7), slice(20, 30))
    assert (found[0, 3:7] == -1).all() and (found[0, :, 20:30] == -1).all()
    assert np.array_equal(found == -1, found != features)


@pytest.mark.parametrize("options", [{}, {"mean": 3.0, "std": 2.0}])
def test_what_comes_in_and_what_is_masked_is_silence(options: dict[str, float]) -> None:
    features = Features(rate=RATE, **options)  # pyright: ignore[reportArgumentType]
    assert (features(np.zeros(RATE, np.float32)) == np.float32(features.silence)).all()
    heard = features(SOUND)
    assert (paced(heard, 1.5, silence=features.silence)[..., :5] == np.float32(features.silence)).all()
    found = masked(heard, slice(3, 7), slice(20, 30), silence=features.silence)
    assert (found[0, 3:7] == np.float32(features.silence)).all() and found.dtype == np.float32
    masks = Augmentation(0, 0, 0, None, 0, 0, bands=40, frames=100)
    seen = [masks.features(heard, np.random.default_rng(seed), silence=features.silence) for seed in range(5)]
    assert {float(value) for view in seen for value in view[view != heard]} == {float(np.float32(features.silence))}


def test_a_view_depends_on_its_generator_alone() -> None:
    augmentation = Augmentation()
    first, again, other = (augmentation.sound(SOUND, RATE, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert np.array_equal(first, again) and not np.array_equal(first, other)
    nothing = Augmentation(0, 0, 0, None, 0, 0, 0, 0)
    assert np.array_equal(nothing.sound(SOUND, RATE, np.random.default_rng(0)), SOUND)
    features = np.zeros((1, 40, 100), np.float32)
    assert np.array_equal(nothing.features(features, np.random.default_rng(0)), features)


@pytest.mark.parametrize("changed", [{"shift_ms": -1}, {"stretch": 1}, {"bands": -1}])
def test_impossible_augmentation(changed: dict[str, float]) -> None:
    with pytest.raises(LissomError, match="not possible"):
        Augmentation(**changed)  # pyright: ignore[reportArgumentType]
