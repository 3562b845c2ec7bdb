"""A workload of clips: features, labels by speaker, damaged and silent clips, and what is refused."""

import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

pytest.importorskip("soundfile")
pytest.importorskip("kaldi_native_fbank")

import soundfile

import lissom
from lissom.core.errors import LissomError
from lissom.tasks.speech.handling import Features, read_clip
from lissom.tasks.speech.split import SOUNDS as VIEWED
from lissom.tasks.speech.split import ClipSplit
from lissom.testing.tiny_sounds import RATE, SOUNDS, write_sounds
from lissom.workload.workload import Workload


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_sounds(tmp_path_factory.mktemp("sounds"), each=6)


def load(data: Path, **options: object) -> Workload:
    return lissom.load("zoo:ds_cnn_s", data=data, task="speech", random_weights=True, **options)


def test_inputs_are_what_a_bundle_computes(folder: Path) -> None:
    workload = load(folder)
    split = workload.splits.test
    assert isinstance(split, ClipSplit) and workload.classes == SOUNDS and workload.task.name == "speech"
    features = Features.from_json(workload.handling["features"])
    assert features.rate == RATE
    batch = split.take([0, 3])
    assert batch.inputs[0].shape == (2, 1, 40, 100) and batch.targets is not None
    for row, place in enumerate((0, 3)):
        sound = read_clip(folder / split.names[place], features.rate)
        expected = features(features.window(sound))
        np.testing.assert_allclose(batch.inputs[0][row].numpy(), expected, atol=0.02)
        assert SOUNDS[int(batch.targets[row])] == split.names[place].split("/")[0]
    with torch.no_grad():
        assert workload.module(*workload.example).shape == (1, 3)


def test_views_of_training_clips_are_the_same_each_time(folder: Path) -> None:
    train = load(folder).splits.train
    plain, first, again, other = (train.take([1, 2], view=view).inputs[0] for view in (None, 0, 0, 1))
    assert torch.equal(first, again) and not torch.equal(first, other) and not torch.equal(first, plain)
    assert torch.equal(train.take([2], view=0).inputs[0], first[1:])
    test = load(folder).splits.test
    assert torch.equal(test.take([0], view=5).inputs[0], test.take([0]).inputs[0])


def test_speakers_are_kept_apart(folder: Path) -> None:
    workload = load(folder)
    said = {
        name: {item.split("/")[1] for item in getattr(workload.splits, name).names}
        for name in ("train", "select", "test")
    }
    assert sum(map(len, said.values())) == 4
    assert any("clips of" in note for note in workload.notes)


def test_features_without_memory_are_made_each_time(folder: Path) -> None:
    split = load(folder).splits.select
    assert isinstance(split, ClipSplit) and split.kept is not None
    lean = ClipSplit(split.windows, split.names, split.labels, split.features, None, 0).with_kept(10)
    assert lean.kept is None and torch.equal(lean.take([1, 4]).inputs[0], split.take([1, 4]).inputs[0])


def test_silent_and_damaged_clips_are_named(tmp_path: Path) -> None:
    folder = write_sounds(tmp_path / "sounds", each=40)
    soundfile.write(folder / "flat" / "ada" / "0.wav", np.zeros(4000), RATE)
    bad = folder / "rise" / "ben" / "3.wav"
    bad.write_bytes(bad.read_bytes()[:500])
    notes = "\n".join(load(folder).notes)
    assert "1 clips are silent: flat/ada/0.wav" in notes
    assert "1 clips could not be read and were left out: rise/ben/3.wav: it is cut off: 500 bytes of" in notes
    for number in range(10):
        (folder / "rise" / "ben" / f"{number}.wav").write_bytes(b"nothing")
    with pytest.raises(LissomError, match=r"10 of \d+ \w+ clips cannot be read: rise/ben/0.wav: it is not sound"):
        load(folder)


def test_a_clip_that_is_damaged_in_its_zip_is_left_out(tmp_path: Path) -> None:
    folder, packed = write_sounds(tmp_path / "sounds", each=40), tmp_path / "sounds.zip"
    with zipfile.ZipFile(packed, "w") as archive:  # stored as they are
        for file in sorted(folder.rglob("*.wav")):
            archive.write(file, file.relative_to(folder))
        place = archive.getinfo("rise/ben/3.wav").header_offset + 400
    content = bytearray(packed.read_bytes())
    content[place] ^= 255
    packed.write_bytes(content)
    assert "1 clips could not be read and were left out: rise/ben/3.wav: Bad CRC-32" in "\n".join(load(packed).notes)


def test_a_set_without_any_sound_is_refused(tmp_path: Path) -> None:
    folder = write_sounds(tmp_path / "sounds", each=1)
    for file in folder.rglob("*.wav"):
        soundfile.write(file, np.zeros(4000), RATE)
    with pytest.raises(LissomError, match=r"all \d+ \w+ clips are silent, such as"):
        load(folder)


def test_views_share_sounds_that_are_made_once_and_are_the_same_when_asked_again(folder: Path) -> None:
    split = load(folder).splits.train
    assert isinstance(split, ClipSplit) and split.heard is not None and split.augmentation is not None
    first, again, other = (split.take([0, 1], view=view).inputs[0] for view in (1, 1, 1 + VIEWED))
    assert torch.equal(first, again) and not torch.equal(first, other)
    still = replace(split, augmentation=replace(split.augmentation, pace=0.0, tract=0.0, bands=0, frames=0))
    assert torch.equal(still.take([0], view=1).inputs[0], still.take([0], view=1 + VIEWED).inputs[0])
    lean = replace(still, heard=None)
    assert not torch.equal(lean.take([0], view=1).inputs[0], lean.take([0], view=1 + VIEWED).inputs[0])
    assert torch.equal(lean.take([0], view=1).inputs[0], still.take([0], view=1).inputs[0])


def test_views_of_log_power_are_masked_with_its_own_silence(folder: Path) -> None:
    split = load(folder, mean=2.0, std=4.0).splits.train
    assert isinstance(split, ClipSplit) and split.features.silence < -4
    views = np.concatenate([split.take(range(6), view=view).inputs[0].numpy() for view in range(4)])
    silent = np.abs(views - split.features.silence) < 1e-4
    assert not (views == -1).any() and views[~silent].min() > split.features.silence, "no value lies below silence"


def test_a_compression_that_python_lacks_is_damage(tmp_path: Path) -> None:
    folder, packed = write_sounds(tmp_path / "sounds", each=40), tmp_path / "sounds.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        for file in sorted(folder.rglob("*.wav")):
            archive.write(file, file.relative_to(folder))
    content = bytearray(packed.read_bytes())
    entry = content.rindex(b"rise/ben/3.wav") - 46  # in the list at the end, of which byte 10 is the compression
    content[entry + 10] = 98
    packed.write_bytes(content)
    told = "1 clips could not be read and were left out: rise/ben/3.wav: That compression method is not supported"
    assert told in "\n".join(load(packed).notes)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"pixels": 3}, "there is no option 'pixels' for clips of sound"),
        ({"rate": 100}, "rate 100 is not possible"),
        ({"bands": 128}, "128 bands are too many for frames of 30 ms at 8000 samples a second"),
        ({"classes": ["a", "b"]}, "2 class names for a model with 3 outputs"),
        ({"speaker": "x(y)z"}, "does not fit"),
    ],
)
def test_refusals(folder: Path, options: dict[str, object], said: str) -> None:
    with pytest.raises(LissomError, match=said):
        load(folder, **options)


def test_a_model_of_another_input_is_refused(folder: Path) -> None:
    with pytest.raises(LissomError, match="cannot be run on features of"):
        lissom.load("zoo:bc_resnet_1", data=folder, task="speech", random_weights=True, bands=20)
    with pytest.raises(LissomError, match=r"answers one clip with \(1, 1, 4000\), not \(1, classes\)"):
        lissom.load(torch.nn.Flatten(2), data=folder, task="speech", random_weights=True)


def test_outputs_are_named_in_the_order_that_is_given(folder: Path) -> None:
    classes = list(reversed(SOUNDS))
    workload = load(folder, classes=classes)
    split = workload.splits.test
    assert isinstance(split, ClipSplit)
    targets = split.take(range(len(split))).targets
    assert targets is not None
    assert [classes[int(number)] for number in targets] == [name.split("/")[0] for name in split.names]


@pytest.mark.parametrize("package", ["soundfile", "kaldi_native_fbank", "soxr"])
def test_a_missing_package_is_said_with_its_extra(folder: Path, monkeypatch: pytest.MonkeyPatch, package: str) -> None:
    for name in [name for name in sys.modules if name.startswith("lissom.tasks.speech")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(LissomError, match=f"the task speech needs the package '{package}'") as refused:
        load(folder)
    assert "pip install 'lissom[speech]'" in str(refused.value)
