"""Who may write into a folder, and whether a run may go on there."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from lissom.core.errors import LissomError
from lissom.core.records import Settings
from lissom.engine import folder as folder_of_runs
from lissom.engine.folder import RunFolder

SETTINGS = Settings("m", "d", "image", "size<=2%", "onnxruntime", 1, 1, 0, {"epochs": 3, "loading": {"size": 32}})


def opened(path: Path, settings: Settings = SETTINGS) -> RunFolder:
    folder = RunFolder(path, settings)
    folder.close()
    return folder


def test_a_new_folder_is_made_and_found_again(tmp_path: Path) -> None:
    first = opened(tmp_path / "a" / "run é")
    assert not first.resumed and not first.finished
    again = opened(tmp_path / "a" / "run é")
    assert again.resumed and again.ledger.get(Settings) == SETTINGS


def test_settings_are_written_once(tmp_path: Path) -> None:
    for _ in range(3):
        folder = opened(tmp_path)
    assert [record.kind for record in folder.ledger] == ["settings"]


def test_a_run_with_an_end_is_finished(tmp_path: Path) -> None:
    opened(tmp_path).ledger.append("end", "", {"met": True})
    assert opened(tmp_path).finished


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"budget": "size<=3%"}, "budget was 'size<=2%', now 'size<=3%'"),
        ({"seed": 7}, "seed was 0, now 7"),
        ({"options": {"epochs": 4, "loading": {"size": 32}}}, "epochs was 3, now 4"),
        ({"options": {"epochs": 3, "loading": {"size": 64}}}, "size was 32, now 64"),
        ({"options": {"epochs": 3, "loading": {}}}, "size was 32, now None"),
        ({"options": {"epochs": 3, "loading": {"size": 32}, "more": 1}}, "more was None, now 1"),
    ],
)
def test_other_settings_are_refused(tmp_path: Path, changed: dict, said: str) -> None:
    opened(tmp_path)
    before = (tmp_path / "ledger.jsonl").read_bytes()
    with pytest.raises(LissomError, match="a run with other settings") as caught:
        RunFolder(tmp_path, replace(SETTINGS, **changed))
    assert said in caught.value.message and "-o" in caught.value.hints[0]
    assert (tmp_path / "ledger.jsonl").read_bytes() == before


def test_after_a_refusal_the_right_settings_are_taken(tmp_path: Path) -> None:
    """A program or a notebook corrects its mistake without being started again."""
    opened(tmp_path)
    with pytest.raises(LissomError, match="other settings"):
        RunFolder(tmp_path, replace(SETTINGS, seed=1))
    assert opened(tmp_path).resumed


def test_many_changes_are_not_all_told(tmp_path: Path) -> None:
    opened(tmp_path)
    with pytest.raises(LissomError) as caught:
        RunFolder(tmp_path, Settings("M", "D", "I", "B", "T", 2, 2, 2))
    assert caught.value.message.count(", now ") == 3


def test_a_foreign_folder_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("precious")
    with pytest.raises(LissomError, match=r"is not empty and holds no run \(it has thesis.tex\)"):
        RunFolder(tmp_path, SETTINGS)
    assert [item.name for item in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("x")
    with pytest.raises(LissomError, match="run is a file"):
        RunFolder(tmp_path / "run", SETTINGS)
    with pytest.raises(LissomError, match="cannot be written"):
        RunFolder(tmp_path / "run" / "deeper", SETTINGS)


def test_what_a_kill_before_the_first_line_leaves_is_no_foreign_folder(tmp_path: Path) -> None:
    (tmp_path / ".lock").touch()
    (tmp_path / "ledger.jsonl").write_bytes(b'{"schema": 1, "kind": "sett')
    folder = opened(tmp_path)
    assert not folder.resumed and folder.ledger.get(Settings) == SETTINGS


def test_what_a_kill_left_half_written_is_removed(tmp_path: Path) -> None:
    opened(tmp_path)
    kept = tmp_path / "work" / "model.safetensors"
    torn = kept.with_name(".model.safetensors.4711.part")
    kept.parent.mkdir()
    for path in (kept, torn):
        path.write_bytes(b"x")
    bundle = tmp_path / ".bundle.part"
    bundle.mkdir()
    (bundle / ".model.onnx.4711.part").write_bytes(b"x")
    opened(tmp_path)
    assert kept.exists() and not torn.exists() and not bundle.exists()


_HOLDER = """
import sys
from pathlib import Path
from lissom.core.records import Settings
from lissom.engine.folder import RunFolder
RunFolder(Path(sys.argv[1]), Settings("m", "d", "image", "size<=2%", "onnxruntime", 1, 1, 0,
          {"epochs": 3, "loading": {"size": 32}}))
print("here", flush=True)
sys.stdin.read()
"""


def test_a_second_process_is_refused_until_the_first_is_gone(tmp_path: Path) -> None:
    command = [sys.executable, "-c", _HOLDER, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None and holder.stdout.readline() == "here\n"
        with pytest.raises(LissomError, match="another process is at work"):
            RunFolder(tmp_path, SETTINGS)
        holder.kill()
    assert opened(tmp_path).resumed, "a lock dies with its process"


def test_handles_are_given_back(tmp_path: Path) -> None:
    opened(tmp_path)
    before = len(os.listdir("/proc/self/fd")) if Path("/proc/self/fd").exists() else None
    for _ in range(5):
        opened(tmp_path)
        with pytest.raises(LissomError):
            RunFolder(tmp_path, replace(SETTINGS, seed=1))
    if before is not None:
        assert len(os.listdir("/proc/self/fd")) == before


def refused(path: Path, settings: Settings = SETTINGS) -> RunFolder:
    folder = RunFolder(path, settings)
    with pytest.raises(LissomError, match="never"), folder.beginning():
        (path / "work").mkdir(exist_ok=True)
        (path / "work" / "original.onnx").touch()
        raise LissomError("that is never met")
    folder.close()
    return folder


def test_what_was_refused_before_it_began_is_in_nobodys_way(tmp_path: Path) -> None:
    refused(tmp_path)
    (tmp_path / "summary.json").write_text("{}")
    again = opened(tmp_path, replace(SETTINGS, budget="size<=50%"))
    assert not again.resumed and [record.kind for record in again.ledger] == ["settings"]
    assert {item.name for item in tmp_path.iterdir()} == {".lock", "ledger.jsonl"}


def test_a_start_that_was_stopped_and_then_refused_is_in_nobodys_way(tmp_path: Path) -> None:
    opened(tmp_path).ledger.append("start", "1", {})
    refused(tmp_path)
    assert not opened(tmp_path, replace(SETTINGS, budget="size<=50%")).resumed


def test_a_kill_while_a_refused_run_is_removed_is_made_good(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refused(tmp_path)
    (tmp_path / "summary.json").write_text("{}")
    whole = Path.unlink

    def killed(path: Path, missing_ok: bool = False) -> None:
        if path.name == "ledger.jsonl":
            raise KeyboardInterrupt
        whole(path, missing_ok=missing_ok)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", killed)
        with pytest.raises(KeyboardInterrupt):
            opened(tmp_path)
    assert [record.kind for record in opened(tmp_path).ledger] == ["settings"]


def test_a_run_that_did_some_work_is_not_removed_by_a_later_refusal(tmp_path: Path) -> None:
    opened(tmp_path).ledger.append("trial", "1", {"number": 1})
    refused(tmp_path)
    assert opened(tmp_path).ledger.find("trial", "1") == {"number": 1}
    with pytest.raises(LissomError, match="other settings"):
        RunFolder(tmp_path, replace(SETTINGS, seed=1))


def test_a_bundle_that_was_being_replaced_leaves_nothing(tmp_path: Path) -> None:
    opened(tmp_path)
    (tmp_path / ".bundle.old").mkdir()
    (tmp_path / ".bundle.old" / "model.onnx").touch()
    opened(tmp_path)
    assert {item.name for item in tmp_path.iterdir()} == {".lock", "ledger.jsonl"}


def test_a_full_folder_for_temporary_files_is_said_before_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(need_bytes: int) -> None:
        raise LissomError("no room", hint="TMPDIR")

    monkeypatch.setattr(folder_of_runs, "check_temporary", full)
    with pytest.raises(LissomError, match="no room"):
        RunFolder(tmp_path, SETTINGS)
    assert not (tmp_path / "ledger.jsonl").exists()
