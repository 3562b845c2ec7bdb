"""Clips in folders, zips, manifests and the user's own code; speakers by folders, patterns and columns."""

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("soundfile")
pytest.importorskip("kaldi_native_fbank")

from lissom.core.errors import LissomError
from lissom.tasks.dividing import divide
from lissom.tasks.speech.clips import ObjectClips
from lissom.tasks.speech.sources import find
from lissom.testing.tiny_sounds import RATE, SOUNDS, SPEAKERS, made_sound, write_sounds


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_sounds(tmp_path_factory.mktemp("des sons"), each=3)


def test_folders_of_classes_with_folders_of_speakers(folder: Path) -> None:
    found = find(folder)
    whole = found.parts["all"]
    assert found.classes == SOUNDS and len(whole) == 36
    assert whole.groups is not None and set(whole.groups.tolist()) == set(SPEAKERS)
    for row in range(len(whole)):
        name, speaker, _ = whole.items.name(row).split("/")
        assert whole.labels is not None and found.classes[whole.labels[row]] == name and whole.groups[row] == speaker
    assert len(whole.items.read(0).samples(2 * RATE)) == RATE


def test_a_zip_is_the_folder(folder: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "sons.zip", "w") as archive:
        for file in sorted(folder.rglob("*.wav")):
            archive.write(file, f"top/{file.relative_to(folder)}")
    found = find(tmp_path / "sons.zip")
    assert found.classes == SOUNDS and len(found.parts["all"]) == 36 and found.parts["all"].groups is not None
    assert np.array_equal(
        found.parts["all"].items.read(5).samples(RATE), find(folder).parts["all"].items.read(5).samples(RATE)
    )


def flat(folder: Path, to: Path, pattern: str) -> Path:
    for file in folder.rglob("*.wav"):
        name, speaker, number = file.relative_to(folder).parts
        place = to / name / pattern.format(speaker=speaker, number=number.removesuffix(".wav"))
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(file.read_bytes())
    return to


def test_a_pattern_finds_speakers(folder: Path, tmp_path: Path) -> None:
    made = flat(folder, tmp_path, "{speaker}_{number}.wav")
    assert find(made).parts["all"].groups is None
    groups = find(made, speaker=r"(\w+)_\d+\.wav$").parts["all"].groups
    assert groups is not None and set(groups.tolist()) == set(SPEAKERS)
    for pattern, said in ((r"(x)_", "does not fit"), (r"\w+", "has no group"), ("(", "is not one")):
        with pytest.raises(LissomError, match=said):
            find(made, speaker=pattern)


def test_what_a_function_gives_has_no_paths_with_speakers() -> None:
    with pytest.raises(LissomError, match="samples without paths"):
        find(([], []), speaker=r"(\w+)_")


def test_speech_commands_names_tell_speakers(folder: Path, tmp_path: Path) -> None:
    made = tmp_path / "commands"
    for number, speaker in enumerate(SPEAKERS):
        for name in SOUNDS:
            place = made / name / f"{number:08x}_nohash_0.wav"
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes((folder / name / speaker / "0.wav").read_bytes())
    groups = find(made).parts["all"].groups
    assert groups is not None and len(set(groups.tolist())) == len(SPEAKERS)


def manifest(folder: Path, name: str, change: dict[int, dict[str, object]] | None = None, **more: object) -> Path:
    path = folder / f"{name}.jsonl"
    rows = []
    for number, file in enumerate(sorted(folder.rglob("*.wav"))):
        label, speaker, _ = file.relative_to(folder).parts
        row = {"audio": str(file.relative_to(folder)), "label": label, "speaker": speaker, **more}
        rows.append({**row, **(change or {}).get(number, {})})
    path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    return path


def test_a_manifest_is_the_folder_and_divides_by_speaker(folder: Path) -> None:
    found = divide(find(manifest(folder, "plain")))
    parts = {
        name: set((part.groups if part.groups is not None else np.array([])).tolist())
        for name, part in found.parts.items()
    }
    assert found.classes == SOUNDS and sum(map(len, parts.values())) == 4 and len(set.union(*parts.values())) == 4


def test_splits_of_a_manifest(folder: Path) -> None:
    splits = {k: {"split": ("train", "dev", "test")[k % 3]} for k in range(36)}
    found = find(manifest(folder, "splits", splits))
    assert {name: len(part) for name, part in found.parts.items()} == {"train": 12, "select": 12, "test": 12}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({3: {"audio": "nowhere.wav"}}, r"names 1 of 36 files that are not there: 'nowhere.wav'"),
        ({3: {"audio": "a word " * 99}}, r"names 1 of 36 files that are not there: 'a word [a word]*'\n"),
        ({3: {"audio": ""}}, "line 4 has no audio"),
        ({3: {"label": None}}, "line 4 has no label"),
        ({3: {"speaker": ""}}, "line 4 has no speaker"),
        ({3: {"split": "train"}}, "line 1 has no split"),
        ({k: {"split": "bogus"} for k in range(36)}, "a split 'bogus'"),
    ],
)
def test_damaged_manifests(folder: Path, change: dict[int, dict[str, object]], said: str) -> None:
    with pytest.raises(LissomError, match=said):
        find(manifest(folder, "damaged", change))


def test_files_that_are_no_data(tmp_path: Path) -> None:
    for name, content, said in (
        ("a.jsonl", "{", "line 1"),
        ("b.jsonl", "[1]", "not an object"),
        ("c.jsonl", "\n", "is empty"),
        ("d.txt", "x", "not data that can be read"),
    ):
        (tmp_path / name).write_text(content)
        with pytest.raises(LissomError, match=said):
            find(tmp_path / name)
    (tmp_path / "empty").mkdir()
    with pytest.raises(LissomError, match="holds no clips"):
        find(tmp_path / "empty")
    with pytest.raises(LissomError, match="there is no file or folder"):
        find(str(tmp_path / "nowhere"))


def test_the_users_own_code() -> None:
    items = [((made_sound(name, 0, seed), RATE), k) for seed in range(4) for k, name in enumerate(SOUNDS)]
    found = find((items, items[:6]))
    assert found.numbered and {name: len(part) for name, part in found.parts.items()} == {"train": 12, "test": 6}
    assert len(found.parts["test"].items.read(0).samples(2 * RATE)) == RATE
    with pytest.raises(LissomError, match=r"not a sequence of"):
        find(([1, 2], [3]))
    with pytest.raises(LissomError, match="not one row of numbers"):
        find(([((np.zeros((2, 9)), RATE), 0)], items)).parts["train"].items.read(0)


@pytest.mark.parametrize("kind", [np.uint8, np.int16, np.int32, np.int64, np.float64, list])
def test_samples_of_any_type_are_the_same_sound(kind: Any) -> None:
    sound = np.sin(np.arange(800) / 7)
    if kind in (np.uint8, np.int16, np.int32):
        limits = np.iinfo(kind)
        given = (np.rint(sound * 0.5 * (2.0 ** (limits.bits - 1) - 1)) + (128 if kind == np.uint8 else 0)).astype(kind)
    else:  # programs that count in whole numbers, and write them as others
        whole = np.rint(sound * 32767)
        given = whole.astype(int).tolist() if kind is list else whole.astype(kind)
    samples = ObjectClips([((given, RATE), 0)], "mine").read(0).samples(RATE)
    peak = 0.5 if kind in (np.uint8, np.int16, np.int32) else 1.0
    np.testing.assert_allclose(samples, sound * peak, atol=0.01 if kind == np.uint8 else 1e-4)
    assert samples.dtype == np.float32


@pytest.mark.parametrize(
    ("samples", "rate", "said"),
    [
        ([0.1, 0.2], 0, "mine 0: a rate of 0 samples a second"),
        ([0.1, 0.2], -8000, "a rate of -8000"),
        ([0.1, 0.2], None, r"is not \(\(samples, rate\), label\)"),
        ([0.1, 0.2], float("inf"), r"is not \(\(samples, rate\), label\)"),
        (["a"], RATE, r"is not \(\(samples, rate\), label\)"),
        ([0.1, float("nan")], RATE, "not numbers"),
        ([0.1, 1e300], RATE, "not numbers"),
        ([0.1, 1e30], RATE, "that is no sound"),
        ([], RATE, "not one row of numbers"),
    ],
)
def test_samples_and_rates_that_are_no_sound(samples: list[Any], rate: Any, said: str) -> None:
    with pytest.raises(LissomError, match=said):
        ObjectClips([((samples, rate), 0)], "mine").read(0)
