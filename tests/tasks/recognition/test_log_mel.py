"""Whisper's features with numpy are those of transformers, and recordings come in windows."""

import io
from pathlib import Path

import numpy as np
import pytest
import soundfile

pytest.importorskip("transformers")

from lissom.core.errors import LissomError
from lissom.tasks.recognition.log_mel import LogMel
from lissom.tasks.recognition.windows import windows
from lissom.tasks.speech.handling import read_clip

RATE = 16000


def speech_like(seconds: float, seed: int = 0, rate: int = RATE) -> np.ndarray:
    """Tones that come and go over faint noise, ``(samples,)``."""
    draw, time = np.random.default_rng(seed), np.arange(round(seconds * rate)) / rate
    tones = sum(draw.uniform(0.05, 0.2) * np.sin(2 * np.pi * f * time) for f in draw.uniform(80, 3000, 6))
    return (tones * (np.sin(3 * time) > 0) + draw.normal(0, 0.002, len(time))).astype(np.float32)


@pytest.mark.parametrize(("seconds", "bands"), [(1.3, 80), (0.01, 80), (29.99, 80), (30.0, 128)])
def test_they_are_those_of_transformers(seconds: float, bands: int) -> None:
    from transformers import WhisperFeatureExtractor

    sound = speech_like(seconds)
    theirs = WhisperFeatureExtractor(feature_size=bands)
    ours = LogMel(bands)(sound)
    padded = np.pad(sound, (0, 30 * RATE - len(sound))).astype(np.float64)
    assert ours.shape == (bands, 3000) and ours.dtype == np.float32
    np.testing.assert_allclose(ours, theirs._np_extract_fbank_features(padded[None], "cpu")[0], atol=1e-5)
    np.testing.assert_allclose(ours, theirs(sound, sampling_rate=RATE).input_features[0], atol=2e-4)  # in float32


def test_silence_and_clipping_have_features() -> None:
    silent = LogMel()(np.zeros(RATE, dtype=np.float32))
    assert np.allclose(silent, -1.5)
    assert np.isfinite(LogMel()(np.clip(9 * speech_like(1), -1, 1))).all()


@pytest.mark.parametrize(("rate", "channels"), [(16000, 1), (44100, 2), (8000, 1)])
def test_a_long_recording_comes_in_windows_that_end_in_pauses(tmp_path: Path, rate: int, channels: int) -> None:
    sound = speech_like(75, rate=rate)
    pauses = [(at, at + 0.5) for at in (27.0, 51.0)]
    for begin, end in pauses:
        sound[round(begin * rate) : round(end * rate)] = 0
    soundfile.write(tmp_path / "long.wav", np.stack([sound] * channels, axis=1), rate)
    found = list(windows(tmp_path / "long.wav", LogMel()))
    assert abs(sum(len(part) for _, part in found) - 75 * RATE) <= 2
    assert all(len(part) <= 30 * RATE for _, part in found)
    starts = [start for start, _ in found[1:]]
    assert all(any(begin <= start <= end for begin, end in pauses) for start in starts) and len(starts) == 2


def test_an_hour_is_never_in_memory_as_a_whole(tmp_path: Path) -> None:
    with soundfile.SoundFile(tmp_path / "hour.wav", "w", 8000, 1) as file:
        for _ in range(60):
            file.write(np.zeros(60 * 8000, dtype=np.float32))
    longest, total = 0, 0
    for start, part in windows(tmp_path / "hour.wav", LogMel()):
        assert abs(start * RATE - total) <= 1
        longest, total = max(longest, len(part)), total + len(part)
    assert longest <= 30 * RATE and abs(total - 3600 * RATE) <= 2


def test_whole_numbers_as_floats_are_heard_as_they_were_learnt_from(tmp_path: Path) -> None:
    sound = speech_like(40)
    sound[len(sound) // 2 :] *= 0.5  # the peak of all is not that of each window
    soundfile.write(tmp_path / "whole.wav", sound * 32768, RATE, subtype="FLOAT")
    parts = [part for _, part in windows(tmp_path / "whole.wav", LogMel())]
    assert len(parts) > 1 and np.array_equal(np.concatenate(parts), read_clip(tmp_path / "whole.wav", RATE))


def test_a_short_one_is_one_window_and_a_cut_one_is_refused() -> None:
    held = io.BytesIO()
    soundfile.write(held, speech_like(2), RATE, format="WAV")
    assert [len(part) for _, part in windows(held.getvalue(), LogMel())] == [2 * RATE]
    with pytest.raises(LissomError, match="cut off"):
        list(windows(held.getvalue()[:20000], LogMel()))
