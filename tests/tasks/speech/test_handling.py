"""Features of clips: where tones lie, any level and rate, windows; bad files are told, never hung upon."""

import io
import struct
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("soundfile")
pytest.importorskip("kaldi_native_fbank")

import soundfile

from lissom.core.errors import LissomError
from lissom.tasks.speech.handling import Features, read_clip, remarks


def tone(hertz: float, seconds: float = 1.0, rate: int = 16000, level: float = 0.3) -> np.ndarray:
    return (level * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def mel(hertz: float) -> float:
    return 1127 * np.log(1 + hertz / 700)


@pytest.mark.parametrize("hertz", [200, 440, 1000, 3000, 6000])
def test_a_tone_lies_in_its_band(hertz: float) -> None:
    features = Features()
    found = features(tone(hertz))
    assert found.shape == (1, 40, 100) and found.dtype == np.float32
    edges = np.linspace(mel(20), mel(8000), 42)
    band = int(found[0, :, 50].argmax())
    assert edges[band] <= mel(hertz) <= edges[band + 2]


def test_against_the_definition_of_log_mel_power() -> None:
    """One frame from the definition: pre-emphasis, periodic Hann window, power spectrum, triangles over mel."""
    features = Features(rate=8000, seconds=0.5, mean=0.0)
    sound = np.random.default_rng(0).normal(0, 0.1, features.length).astype(np.float32)
    found = features(sound)[0, :, 20]
    size, hop = 240, 80
    start = 20 * hop + hop // 2 - size // 2  # frames lie about their middles
    frame = sound[start : start + size].astype(np.float64)
    frame -= frame.mean()
    frame = frame - 0.97 * np.concatenate([frame[:1], frame[:-1]])
    frame *= 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)
    power = np.abs(np.fft.rfft(frame, 256)) ** 2
    edges = np.linspace(mel(20), mel(4000), 42)
    at = np.array([mel(bin_ * 8000 / 256) for bin_ in range(129)])
    weights = [
        np.clip(np.minimum((at - a) / (b - a), (c - at) / (c - b)), 0, None)
        for a, b, c in zip(edges, edges[1:], edges[2:], strict=False)
    ]
    expected = np.log(np.maximum(np.array(weights)[:, :128] @ power[:128], 1.1920929e-07))
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_the_level_does_not_matter_and_silence_is_least() -> None:
    features = Features()
    loud, quiet = features(tone(500, level=0.9)), features(tone(500, level=0.09))
    assert np.abs(loud - quiet).mean() < 1e-4
    assert (features(np.zeros(16000, dtype=np.float32)) == -1).all()
    assert loud.min() >= -1 and loud.max() == pytest.approx(1, abs=1e-6)


def test_other_sizes() -> None:
    assert Features(rate=8000, seconds=1.5, bands=20, hop_ms=20)(np.zeros(12000, np.float32)).shape == (1, 20, 75)
    assert Features.from_json(Features(seconds=2).to_json()) == Features(seconds=2)


@pytest.mark.parametrize("changed", [{"rate": 10}, {"seconds": 0}, {"bands": 2}, {"hop_ms": 40}, {"std": 0}])
def test_impossible_features(changed: dict[str, float]) -> None:
    with pytest.raises(LissomError, match="not possible"):
        Features(**changed)  # pyright: ignore[reportArgumentType]


def test_more_bands_than_a_frame_tells_apart_are_refused_at_once() -> None:
    with pytest.raises(LissomError, match="128 bands are too many for frames of 30 ms at 16000") as refused:
        Features(bands=128)
    assert refused.value.hints == ("fewer --bands, or a longer --window-ms",)
    assert Features(bands=128, window_ms=60)(np.zeros(16000, np.float32)).shape == (1, 128, 100)


def test_windows() -> None:
    features = Features(rate=8000, seconds=0.5)
    short = np.ones(1000, dtype=np.float32)
    held = features.window(short)
    assert len(held) == 4000 and held[1500:2500].all() and held.sum() == 1000
    long = np.concatenate([np.full(9000, 0.01), np.full(3000, 0.5), np.full(9000, 0.01)]).astype(np.float32)
    assert (features.window(long) == 0.5).sum() == 3000
    assert len(features.window(np.zeros(4000, np.float32))) == 4000


def test_stereo_other_rates_and_formats_are_the_same_sound(tmp_path: Path) -> None:
    features, sound = Features(), tone(700, 0.8)
    soundfile.write(tmp_path / "plain.wav", sound, 16000, subtype="FLOAT")
    expected = features(features.window(read_clip(tmp_path / "plain.wav", 16000)))
    soundfile.write(tmp_path / "stereo.wav", np.stack([sound, sound], 1), 16000, subtype="FLOAT")
    soundfile.write(tmp_path / "48.wav", tone(700, 0.8, 48000), 48000, subtype="FLOAT")
    soundfile.write(tmp_path / "a.flac", sound, 16000)
    for name in ("stereo.wav", "48.wav", "a.flac"):
        found = features(features.window(read_clip((tmp_path / name).read_bytes(), 16000)))
        assert np.abs(found - expected)[:, 10:20, 20:80].mean() < 0.02, name


def test_bad_files_are_told(tmp_path: Path) -> None:
    whole = tmp_path / "whole.wav"
    soundfile.write(whole, tone(500), 16000)
    content = whole.read_bytes()
    for name, wrong, said in (
        ("none", b"", "not sound that can be read"),
        ("text", b"no sound at all", "not sound that can be read"),
        ("cut", content[:10000], "it is cut off: 10000 bytes of 32044"),
        ("head", content[:30], "cannot be read|can be read|cut off"),
    ):
        (tmp_path / name).write_bytes(wrong)
        for source in (tmp_path / name, wrong):
            with pytest.raises(LissomError, match=said):
                read_clip(source, 16000)
    for ending in ("wav", "raw"):
        with pytest.raises(LissomError, match="no such file"):
            read_clip(tmp_path / f"nowhere.{ending}", 16000)
    (tmp_path / "x.raw").write_bytes(content)
    with pytest.raises(LissomError, match="raw samples do not say their rate"):
        read_clip(tmp_path / "x.raw", 16000)
    soundfile.write(tmp_path / "empty.wav", np.zeros(0), 16000)
    with pytest.raises(LissomError, match="holds no sound"):
        read_clip(tmp_path / "empty.wav", 16000)
    soundfile.write(tmp_path / "nan.wav", np.full(100, np.nan, np.float32), 16000, subtype="FLOAT")
    with pytest.raises(LissomError, match="not numbers"):
        read_clip(tmp_path / "nan.wav", 16000)


def test_a_cut_flac_is_told(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.flac", np.random.default_rng(0).normal(0, 0.2, 16000), 16000)
    content = (tmp_path / "a.flac").read_bytes()
    with pytest.raises(LissomError, match=r"damaged|cut off|can be read"):
        read_clip(content[: len(content) // 2], 16000)


def test_a_cut_mp3_is_told(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.mp3", np.random.default_rng(0).normal(0, 0.2, 48000), 16000)
    content = (tmp_path / "a.mp3").read_bytes()
    assert len(read_clip(content, 16000)) == 48000
    with pytest.raises(LissomError, match=r"it is cut off: \d+ samples are missing"):
        read_clip(content[: len(content) // 2], 16000)


def test_an_mp3_that_does_not_say_how_long_it_is_is_whole() -> None:
    av = pytest.importorskip("av")
    written, sound = io.BytesIO(), np.tile(tone(500, 2.0), 5)[None]
    with av.open(written, "w", format="mp3", options={"write_xing": "0"}) as file:
        stream = file.add_stream("libmp3lame", rate=16000)
        frame = av.AudioFrame.from_ndarray(sound, format="fltp", layout="mono")
        frame.sample_rate = 16000
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            file.mux(packet)
    assert abs(len(read_clip(written.getvalue(), 16000)) - sound.shape[1]) < 3 * 1152


def test_a_wav_of_unknown_length_is_read(tmp_path: Path) -> None:
    """As programs write it that send it while they make it."""
    soundfile.write(tmp_path / "a.wav", tone(500), 16000)
    content = bytearray((tmp_path / "a.wav").read_bytes())
    content[4:8] = content[40:44] = struct.pack("<I", 0x7FFFF024)
    assert len(read_clip(bytes(content), 16000)) == 16000


def test_an_hour_is_refused_before_it_is_read(tmp_path: Path) -> None:
    with soundfile.SoundFile(tmp_path / "hour.wav", "w", 8000, 1) as file:
        for _ in range(60):
            file.write(np.zeros(8000 * 60, dtype=np.int16))
    with pytest.raises(LissomError, match="3600 s long, and a clip is at most 60 s") as refused:
        read_clip(tmp_path / "hour.wav", 16000)
    assert "--stream" in str(refused.value)


def test_remarks() -> None:
    assert remarks(np.zeros(100, np.float32)) == ["silence"] and remarks(np.zeros(0, np.float32)) == ["silence"]
    assert remarks(tone(500)) == []
    assert remarks(np.clip(tone(500, level=2), -1, 1))[0].startswith("clipped")


def test_whole_numbers_as_floats_are_heard_as_the_sound_they_are(tmp_path: Path) -> None:
    sound = tone(440, 0.3)
    soundfile.write(tmp_path / "whole.wav", sound * 32768, 16000, subtype="FLOAT")
    soundfile.write(tmp_path / "usual.wav", sound, 16000, subtype="FLOAT")
    whole, usual = (read_clip(tmp_path / f"{name}.wav", 16000) for name in ("whole", "usual"))
    assert np.abs(whole).max() == pytest.approx(1) and np.allclose(whole * np.abs(usual).max(), usual, atol=1e-5)


def test_values_that_are_no_sound(tmp_path: Path) -> None:
    sound = tone(440, 0.3)
    sound[100] = 1e30
    soundfile.write(tmp_path / "huge.wav", sound, 16000, subtype="FLOAT")
    with pytest.raises(LissomError, match=r"values of up to 1.0e\+30: that is no sound"):
        read_clip(tmp_path / "huge.wav", 16000)
