"""Recordings and their texts out of manifests, tables, folders and zips; what is wrong is said before any work."""

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from lissom.core.errors import LissomError
from lissom.core.progress import Progress
from lissom.tasks.listing import Found
from lissom.tasks.recognition.hearing import check_memory, hear
from lissom.tasks.recognition.recordings import Recording, find

RATE = 8000


def write(folder: Path, *names: str, seconds: float = 0.5, channels: int = 1, rate: int = RATE) -> None:
    sound = 0.1 * np.sin(np.arange(round(seconds * rate)) / 7)
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(folder / name, np.stack([sound] * channels, axis=1), rate)


def manifest(folder: Path, *rows: dict[str, Any]) -> Path:
    path = folder / "all.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def texts(found: Found[Recording], part: str = "all") -> list[str | None]:
    return [found.parts[part].items.read(int(row)).text for row in found.parts[part].rows]


def test_a_manifest_may_say_split_and_speaker_and_that_nothing_is_said(tmp_path: Path) -> None:
    write(tmp_path, "a.wav", "b.wav")
    rows = {"audio": "a.wav", "text": "grüß Gott", "split": "train", "speaker": "anna"}
    found = find(manifest(tmp_path, rows, {"audio": "b.wav", "text": "", "split": "test", "speaker": "ben"}))
    assert texts(found, "train") == ["grüß Gott"] and texts(found, "test") == [""]
    groups = found.parts["test"].groups
    assert groups is not None and groups.tolist() == ["ben"] and not found.labelled


def test_a_table_a_folder_and_a_zip_say_the_same(tmp_path: Path) -> None:
    write(tmp_path / "data", "train/a.wav", "test/b.flac")
    for name, text in (("train/a", "one, two"), ("test/b", "three\n")):
        (tmp_path / "data" / f"{name}.txt").write_text(text, encoding="utf-8")
    (tmp_path / "data" / "all.csv").write_text(
        'file,sentence,split\ntrain/a.wav,"one, two",train\ntest/b.flac,three,test\n', encoding="utf-8-sig"
    )
    with zipfile.ZipFile(tmp_path / "data.zip", "w") as archive:
        for file in sorted((tmp_path / "data").rglob("*.*")):
            archive.write(file, file.relative_to(tmp_path / "data"))
    for source in (tmp_path / "data" / "all.csv", tmp_path / "data", tmp_path / "data.zip"):
        found = find(source)
        assert (texts(found, "train"), texts(found, "test")) == (["one, two"], ["three"]), source


def test_what_nobody_wrote_down_has_no_text(tmp_path: Path) -> None:
    write(tmp_path, "a.wav", "b.wav")
    assert texts(find(tmp_path)) == [None, None]
    assert texts(find(manifest(tmp_path, {"audio": "a.wav"}, {"audio": "b.wav"}))) == [None, None]


def test_what_is_wrong_is_said_with_its_line(tmp_path: Path) -> None:
    write(tmp_path, "a.wav")
    wrong = [
        ([{"audio": "a.wav", "text": "yes"}, {"audio": "a.wav"}], "line 2 has no text"),
        ([{"audio": "a.wav", "text": 7}], "line 1 has a text that is a int"),
        ([{"audio": "gone.wav", "text": "yes"}], "1 of 1 files that are not there: 'gone.wav'"),
        ([{"text": "yes"}], "line 1 has no audio"),
        ([], "is empty"),
    ]
    for rows, said in wrong:
        with pytest.raises(LissomError, match=said):
            find(manifest(tmp_path, *rows))
    write(tmp_path / "half", "a.wav", "b.wav")
    (tmp_path / "half" / "a.txt").write_text("yes")
    with pytest.raises(LissomError, match=r"1 of 2 clips have no text beside them, such as b\.wav"):
        find(tmp_path / "half")
    (tmp_path / "half" / "b.txt").write_bytes(b"\xff\xfe\xff")
    with pytest.raises(LissomError, match=r"beside b\.wav is no text"):
        find(tmp_path / "half")
    (tmp_path / "notes.txt").write_text("yes")
    with pytest.raises(LissomError, match="not data that can be read here"):
        find(tmp_path / "notes.txt")


def test_quotes_in_a_table_of_tabs_are_letters(tmp_path: Path) -> None:
    write(tmp_path, "a.wav", "b.wav", "c.wav")
    long = "so " * 60000
    rows = ["path\tsentence\tage", 'a.wav\t"Yes, he said\t', 'b.wav\tno"\t', f"c.wav\t{long}\t20", ""]
    (tmp_path / "all.tsv").write_text("\n".join(rows), encoding="utf-8")
    assert texts(find(tmp_path / "all.tsv")) == ['"Yes, he said', 'no"', long]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("all.csv", "file,text\na.wav,yes\na.wav,yes, indeed\n", "line 3: 3 columns, where the first line has 2"),
        ("all.csv", 'file,text\na.wav,"two\nlines"\na.wav\n', "line 4: 1 columns, where the first line has 2"),
        ("all.tsv", "file\ttext\na.wav\tyes\tno\n", "line 2: 3 columns"),
        ("all.csv", "file,text\n", "holds no rows"),
        ("all.csv", "", "holds no rows"),
    ],
)
def test_rows_of_another_width_are_told_with_their_line(name: str, content: str, said: str, tmp_path: Path) -> None:
    write(tmp_path, "a.wav")
    (tmp_path / name).write_text(content, encoding="utf-8")
    with pytest.raises(LissomError, match=said):
        find(tmp_path / name)


def test_a_damaged_text_in_a_zip_is_told(tmp_path: Path) -> None:
    write(tmp_path, "a.wav")
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        archive.write(tmp_path / "a.wav", "a.wav")
        archive.writestr("a.txt", "what is said here")
    content = (tmp_path / "all.zip").read_bytes().replace(b"what is said here", b"what is sung here")
    (tmp_path / "all.zip").write_bytes(content)
    with pytest.raises(LissomError, match=r"a\.txt in .*all\.zip cannot be read: Bad CRC"):
        find(tmp_path / "all.zip")


def test_stereo_other_rates_silence_and_long_files_are_heard_or_named(tmp_path: Path) -> None:
    write(tmp_path, "stereo.wav", channels=2, rate=22050)
    write(tmp_path, "long.wav", seconds=5.0)
    soundfile.write(tmp_path / "silent.wav", np.zeros(RATE), RATE)
    rows = [{"audio": name, "text": name[:-4]} for name in ("long.wav", "silent.wav", "stereo.wav")]
    heard = hear("train", find(manifest(tmp_path, *rows)).parts["all"], 16000, 2.0, Progress(False))
    assert heard.names == ["silent.wav", "stereo.wav"] and heard.texts == ["silent", "stereo"]
    assert [len(sound) for sound in heard.sounds] == [16000, 8000]
    assert heard.too_long == ("long.wav",) and heard.silent == ("silent.wav",) and not heard.unreadable
    with pytest.raises(LissomError, match="all 1 train recordings are longer than the 2 s"):
        hear("train", find(manifest(tmp_path, rows[0])).parts["all"], 16000, 2.0, Progress(False))


def test_more_than_the_memory_holds_and_silence_alone_are_refused(tmp_path: Path) -> None:
    check_memory("train", [20.0] * 9000, 16000, 30.0)
    with pytest.raises(LissomError, match=r"12,000 train recordings of 67 hours need 7\.7 GB of memory"):
        check_memory("train", [20.0] * 12000 + [40.0] * 9000, 16000, 30.0)
    soundfile.write(tmp_path / "silent.wav", np.zeros(RATE), RATE)
    rows = [{"audio": "silent.wav", "text": "yes"}]
    with pytest.raises(LissomError, match=r"all 1 test recordings are silent, such as silent\.wav"):
        hear("test", find(manifest(tmp_path, *rows)).parts["all"], RATE, 2.0, Progress(False))


def test_a_file_that_is_cut_off_is_an_error(tmp_path: Path) -> None:
    write(tmp_path, "a.wav")
    (tmp_path / "a.wav").write_bytes((tmp_path / "a.wav").read_bytes()[:1000])
    with pytest.raises(LissomError, match=r"1 of 1 train recordings cannot be read: a\.wav: it is cut off"):
        hear(
            "train",
            find(manifest(tmp_path, {"audio": "a.wav", "text": "yes"})).parts["all"],
            RATE,
            2.0,
            Progress(False),
        )


@pytest.mark.parametrize("packed", [False, True])
def test_folders_of_splits_below_a_common_one_are_known_and_what_lies_beside_is_told(
    packed: bool, tmp_path: Path
) -> None:
    files = ("train/anna/a.wav", "train/ben/b.wav", "Validation/c.wav", "test/d.wav")
    write(tmp_path / "data" / "corpus" / "v1", *files, "stray.wav", "more/e.wav")
    for name in files:
        (tmp_path / "data" / "corpus" / "v1" / name).with_suffix(".txt").write_text(name, encoding="utf-8")
    source = tmp_path / "data"
    if packed:
        source = tmp_path / "data.zip"
        with zipfile.ZipFile(source, "w") as archive:
            for file in sorted((tmp_path / "data").rglob("*.*")):
                archive.write(file, file.relative_to(tmp_path / "data"))
    found = find(source)
    assert texts(found, "train") == list(files[:2]) and texts(found, "select") == [files[2]]
    assert texts(found, "test") == [files[3]]
    assert found.notes == ("2 clips beside the folders of the splits were left out",)


def test_a_folder_of_train_alone_is_no_whole_set(tmp_path: Path) -> None:
    write(tmp_path / "data", "train/anna/a.wav", "train/anna/b.wav")
    assert list(find(tmp_path / "data").parts) == ["train"]
    write(tmp_path / "other", "top/anna/a.wav", "top/anna/b.wav")
    assert list(find(tmp_path / "other").parts) == ["all"]


def test_half_of_a_letter_in_a_text_is_told_with_its_line(tmp_path: Path) -> None:
    write(tmp_path, "a.wav", "b.wav")
    rows = [{"audio": "a.wav", "text": "yes"}, {"audio": "b.wav", "text": "no \ud83d"}]
    with pytest.raises(LissomError, match=r"all\.jsonl, line 2 holds half of a letter, \\ud83d"):
        find(manifest(tmp_path, *rows))
    given = [((np.ones(9), RATE), "no \ud83d")]
    with pytest.raises(LissomError, match=r"the text of data train 0 holds half of a letter"):
        find((given, given))


def test_a_text_in_the_column_of_files_is_told(tmp_path: Path) -> None:
    with pytest.raises(LissomError, match=r"1 of 1 files that are not there: 'so so [so ]*'\n") as refused:
        find(manifest(tmp_path, {"audio": "so " * 200, "text": "a.wav"}))
    assert len(refused.value.message) < 300
