"""The words that synthesisers and a real voice say: what is found and refused, and, where programs are there, heard."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("soundfile")
pytest.importorskip("kaldi_native_fbank")

from lissom.core.errors import LissomError
from lissom.tasks.dividing import divide
from lissom.tasks.speech import synthetic_words
from lissom.tasks.speech.prompts import FOLDER, SPEAKER, decoded
from lissom.tasks.speech.synthesis import Synthesisers, Utterance
from lissom.tasks.speech.synthetic_words import CLASSES, find_synthetic_words, made_from_recordings, recordings

SAYS = """#!/bin/sh
echo "$@" >> "$(dirname "$0")/said"
while [ $# -gt 1 ]; do case "$1" in -w|-o) shift; cp "$(dirname "$0")/sound" "$1";; esac; shift; done
"""


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Programs that write what they were asked, in the place of the real ones."""
    root = tmp_path / "root"
    for program in ("espeak-ng", "flite"):
        place = root / "usr/bin" / program
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(SAYS, encoding="utf-8")
        place.chmod(0o755)
    (root / "usr/bin/sound").write_bytes(b"a sound")
    (root / FOLDER).mkdir(parents=True)
    monkeypatch.setattr(synthetic_words, "INSTALLED", root)
    monkeypatch.setenv("LISSOM_CACHE", str(tmp_path / "cache"))
    return root


@pytest.fixture
def nothing_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(synthetic_words, "INSTALLED", tmp_path / "nowhere")
    monkeypatch.setenv("LISSOM_CACHE", str(tmp_path / "cache"))


def test_nothing_is_fetched_unasked(nothing_installed: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(synthetic_words, "unpack_packages", lambda *given: pytest.fail("fetched"))
    with pytest.raises(LissomError, match="neither installed nor in") as caught:
        find_synthetic_words()
    assert "--download" in caught.value.hints[0] and "apt-get install espeak-ng flite" in caught.value.hints[1]


def test_what_could_not_be_fetched_is_told(nothing_installed: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(LissomError, match="could not be fetched: there is no apt-get here") as caught:
        find_synthetic_words(download=True)
    assert "apt-get install espeak-ng" in caught.value.hints[0]


def test_what_was_fetched_is_kept(
    nothing_installed: None, installed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(synthetic_words, "INSTALLED", tmp_path / "nowhere")
    monkeypatch.setattr(
        synthetic_words, "unpack_packages", lambda packages, folder: shutil.copytree(installed, folder / "deb")
    )
    find_synthetic_words(download=True)
    monkeypatch.setattr(synthetic_words, "unpack_packages", lambda *given: pytest.fail("fetched again"))
    find_synthetic_words(download=True)


def test_each_split_has_voices_of_its_own_and_says_whose(installed: Path) -> None:
    found = find_synthetic_words()
    groups = {name: set(part.groups.tolist()) for name, part in found.parts.items() if part.groups is not None}
    assert len(groups["train"]) >= 30 and groups["select"] == {"flite rms"} and groups["test"] == {SPEAKER}
    assert not groups["train"] & groups["select"]
    for part in found.parts.values():
        assert part.labels is not None and set(part.labels.tolist()) == set(range(len(CLASSES)))
    assert found.grouped_by == "voices"
    assert "synthetic" in found.notes[0] and "Allison Smith" in found.notes[0] and "shortened" in found.notes[0]
    assert any(f"clips of {SPEAKER}" in note for note in divide(found).notes)


def test_a_voice_of_one_pitch_says_nothing_twice() -> None:
    asked = [(u.voice, u.speed, u.pitch) for u in made_from_recordings(["rms", "slt"], (1.0, 1.5), (0.5, 1.0))]
    assert len(asked) == len(CLASSES) * (2 + 4)
    assert {pitch for voice, _, pitch in asked if voice == "rms"} == {95}


def test_every_recording_belongs_to_one_word() -> None:
    listed = [name for names in recordings().values() for name in names]
    assert len(listed) == len(set(listed)) and recordings()["nine"] == ("digits/9",)
    assert recordings()["november"] == ("digits/mon-10", "phonetic/n_p") and recordings()["zulu"] == ("phonetic/z_p",)


def test_a_word_is_said_once_and_kept(installed: Path) -> None:
    train = find_synthetic_words().parts["train"]
    first = train.items.read(0)
    assert isinstance(first.source, Path) and first.source.read_bytes() == b"a sound"
    train.items.read(0)
    said = (installed / "usr/bin/said").read_text(encoding="utf-8").splitlines()
    assert len(said) == 1 and said[0].startswith("-v en-us+Alex -s ") and said[0].endswith(f" {CLASSES[0]}")
    again = find_synthetic_words().parts["train"]
    assert [again.items.name(row) for row in range(5)] == [train.items.name(row) for row in range(5)]


def test_a_program_that_fails_is_told(installed: Path, tmp_path: Path) -> None:
    (installed / "usr/bin/flite").write_text("#!/bin/sh\necho no such voice >&2\nexit 1\n", encoding="utf-8")
    with pytest.raises(LissomError, match="flite could not say 'yes': no such voice"):
        Synthesisers(installed).say(Utterance("yes", "flite", "none", 1.0, 100), tmp_path / "yes.wav")


def test_recordings_that_are_not_there() -> None:
    pytest.importorskip("av")
    with pytest.raises(LissomError, match="cannot be decoded"):
        decoded(Path("nowhere.g722"))


def test_the_real_programs_and_recordings(monkeypatch: pytest.MonkeyPatch) -> None:
    if "LISSOM_DATA" not in os.environ or not (Path(os.environ["LISSOM_DATA"]) / "synthetic-words").is_dir():
        pytest.skip("needs LISSOM_DATA, a folder with synthetic-words/debian as --download fetches it")
    pytest.importorskip("av")
    monkeypatch.setenv("LISSOM_CACHE", os.environ["LISSOM_DATA"])
    found = find_synthetic_words()
    chosen_by = found.parts["select"].items
    assert len({chosen_by.read(row).samples(8000).tobytes() for row in range(9)}) == 9  # of one word
    for part in found.parts.values():
        heard = part.items.read(len(part) - 1).samples(16000)
        assert 3000 < len(heard) < 32000 and 0.05 < np.abs(heard).max() <= 1
