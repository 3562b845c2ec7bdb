"""A ledger survives a kill at any byte, two writers, and says what it cannot read."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lissom.core.errors import LissomError
from lissom.core.ledger import Ledger
from lissom.core.records import SCHEMA, Machine, Settings

SETTINGS = Settings("m", "d", "image", "size<=2%", "onnxruntime", 1, 1, 0, {"é": [1, 2.5, None]})
plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def three(folder: Path) -> bytes:
    ledger = Ledger(folder)
    ledger.put(SETTINGS)
    ledger.append("probe", "0:8,1:16", {"size": 12.5, "line\nbreak": "ü\u2028"})
    ledger.append("note", "0", "数据")
    return ledger.path.read_bytes()


def test_what_is_written_is_read(tmp_path: Path) -> None:
    three(tmp_path)
    again = Ledger(tmp_path)
    assert again.get(Settings) == SETTINGS
    assert again.find("probe", "0:8,1:16") == {"size": 12.5, "line\nbreak": "ü\u2028"}
    assert again.find("probe") is None and again.find("nothing") is None and again.get(Machine) is None
    assert [record.kind for record in again] == ["settings", "probe", "note"]


def test_reading_makes_no_file(tmp_path: Path) -> None:
    assert list(Ledger(tmp_path / "run")) == []
    assert not (tmp_path / "run").exists()


def test_the_latest_of_each_key_counts_in_order_of_first_appearance(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    for key, value in (("a", 1), ("b", 2), ("a", 3)):
        ledger.append("note", key, value)
    for read in (ledger, Ledger(tmp_path)):
        assert read.values("note") == [3, 2]
        assert read.by_key("note") == {"a": 3, "b": 2} and list(read.by_key("note")) == ["a", "b"]
        assert read.find("note", "a") == 3


@dataclass(frozen=True)
class Fact:
    number: int


def test_records_are_found_by_their_class(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.put(Fact(1), "one")
    ledger.put(Fact(2), "two")
    assert Ledger(tmp_path).all(Fact) == [Fact(1), Fact(2)]
    assert Ledger(tmp_path).get(Fact, "two") == Fact(2)


def test_a_kill_at_any_byte_loses_the_last_line_alone(tmp_path: Path) -> None:
    whole = three(tmp_path / "whole")
    ends = [0, *(place + 1 for place, byte in enumerate(whole) if byte == 10)]
    for length in range(len(whole) + 1):
        folder = tmp_path / str(length)
        folder.mkdir()
        (folder / "ledger.jsonl").write_bytes(whole[:length])
        ledger = Ledger(folder)
        left = sum(end <= length for end in ends) - 1
        assert len(list(ledger)) == left
        ledger.append("note", "after", length)
        again = Ledger(folder)
        assert [record.key for record in again][left:] == ["after"]
        assert (folder / "ledger.jsonl").read_bytes().startswith(whole[: ends[left]])


DAMAGED = [
    b"",
    b"{}",
    b"[1]",
    b"null",
    b'{"schema": 1',
    b"\xff\xfe",
    b'{"schema": 1, "kind": "x"}',
    b'{"schema": "one", "kind": "x", "key": "", "value": 1}',
]


@pytest.mark.parametrize("line", DAMAGED)
def test_damage_before_the_end_is_refused(tmp_path: Path, line: bytes) -> None:
    lines = three(tmp_path).splitlines(keepends=True)
    damaged = b"".join([lines[0], line + b"\n", *lines[2:]])
    (tmp_path / "ledger.jsonl").write_bytes(damaged)
    with pytest.raises(LissomError, match="line 2, is damaged"):
        Ledger(tmp_path)
    assert (tmp_path / "ledger.jsonl").read_bytes() == damaged


@pytest.mark.parametrize("fields", [{}, {"value": 1, "kind": "x", "key": ""}], ids=["other fields", "same fields"])
def test_a_newer_schema_is_refused(tmp_path: Path, fields: dict[str, object]) -> None:
    three(tmp_path)
    with (tmp_path / "ledger.jsonl").open("a") as file:
        file.write(json.dumps({"schema": SCHEMA + 1, **fields}) + "\n")
    with pytest.raises(LissomError, match="newer lissom") as caught:
        Ledger(tmp_path)
    assert "upgrade" in caught.value.hints[0]


def test_every_line_says_its_schema(tmp_path: Path) -> None:
    assert [json.loads(line)["schema"] for line in three(tmp_path).splitlines()] == [SCHEMA] * 3


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(st.text(max_size=8), st.text(max_size=8), plain), max_size=5))
def test_any_plain_value_comes_back(tmp_path_factory: pytest.TempPathFactory, written: list) -> None:
    folder = tmp_path_factory.mktemp("ledger")
    ledger = Ledger(folder)
    for kind, key, value in written:
        ledger.append(kind, key, value)
    assert [(r.kind, r.key, r.value) for r in Ledger(folder)] == written


_WRITER = """
import sys
from pathlib import Path
from lissom.core.ledger import Ledger
ledger = Ledger(Path(sys.argv[1]))
for number in range(60):
    ledger.append("note", f"{sys.argv[2]} {number}", "x" * 3000)
"""


def test_two_processes_may_append(tmp_path: Path) -> None:
    writers = [subprocess.Popen([sys.executable, "-c", _WRITER, str(tmp_path), name]) for name in ("one", "two")]
    assert [writer.wait() for writer in writers] == [0, 0]
    keys = [record.key for record in Ledger(tmp_path)]
    for name in ("one", "two"):
        assert [key for key in keys if key.startswith(name)] == [f"{name} {number}" for number in range(60)]


def test_a_full_disk_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = three(tmp_path)
    ledger = Ledger(tmp_path)

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(LissomError, match="the disk is full"):
        ledger.append("note", "1", "x")
    monkeypatch.undo()
    assert (tmp_path / "ledger.jsonl").read_bytes().startswith(whole)
    assert ledger.find("note", "1") is None, "what is not on the disk is not known"
