"""Reading a run back: finished, unfinished, broken, absent."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from lissom.core.errors import LissomError
from lissom.core.ledger import Ledger
from lissom.report.view import Reach, Skipped, read


def test_everything_that_was_written_is_read(met_run: Path) -> None:
    view = read(met_run)
    assert view.settings.model == "zoo:fixture"
    assert view.machine is not None and view.machine.cores == 2
    assert [trial.number for trial in view.trials] == [1, 2, 3, 4, 5]
    assert [trial.number for trial in view.kept] == [1, 2, 5]
    assert [neighbour.name for neighbour in view.neighbours] == ["fixture-small", "fixture-tiny"]
    assert view.skipped == (Skipped("drop layers", "no block returns what it was given"),)
    assert view.reach[0] == Reach("minimum fp32", 150_000, 0.05, 1_000_000, within=False)
    assert view.notes == ("select was carved from train: its scores flatter everybody alike",)
    assert view.end is not None and view.end.parts_seconds["train"] == 301.0
    assert view.finished and view.met is True


def test_the_original_is_of_the_test_split_once_there_is_a_verdict(met_run: Path) -> None:
    original = read(met_run).original
    assert original is not None and original.split == "test"


def test_an_unfinished_run_is_shown_as_far_as_it_got(unfinished_run: Path) -> None:
    view = read(unfinished_run)
    assert not view.finished and view.met is None and view.verdict is None
    assert len(view.trials) == 2
    assert view.original is not None and view.original.split == "select"
    assert view.estimate == {"seconds": 420.0, "disk_bytes": 3.1e8}


def test_a_line_cut_off_by_a_kill_is_left_out(unfinished_run: Path) -> None:
    ledger = unfinished_run / "ledger.jsonl"
    ledger.write_bytes(ledger.read_bytes()[:-20])
    assert len(read(unfinished_run).trials) == 1


def test_records_of_later_versions_may_say_more(met_run: Path) -> None:
    Ledger(met_run).append("skipped", "new", {"what": "a", "why": "b", "since": 3})
    assert read(met_run).skipped[-1] == Skipped("a", "b")


def test_reading_changes_nothing(any_run: Path) -> None:
    before = {path: path.read_bytes() for path in any_run.iterdir()}
    read(any_run)
    assert {path: path.read_bytes() for path in any_run.iterdir()} == before


def test_a_folder_without_a_run_says_where_runs_are(met_run: Path) -> None:
    with pytest.raises(LissomError, match=r"there is no run in .*\nhint: runs nearby: .*run"):
        read(met_run.parent)
    with pytest.raises(LissomError, match=r"does not exist, so there is no run in it\nhint: runs nearby"):
        read(met_run.parent / "typo")


def test_a_file_and_an_empty_folder_hold_no_run(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LissomError, match="is not a folder"):
        read(tmp_path / "file")
    (tmp_path / "a" / "b").mkdir(parents=True)
    with pytest.raises(LissomError, match=r"no run in .*b: .*\nhint: give the folder"):
        read(tmp_path / "a" / "b")


def test_a_ledger_without_settings_has_nothing_to_show(tmp_path: Path) -> None:
    (tmp_path / "ledger.jsonl").write_text(json.dumps({"schema": 1, "kind": "note", "key": "", "value": "x"}) + "\n")
    with pytest.raises(LissomError, match="before it wrote its settings"):
        read(tmp_path)


def test_the_trial_that_was_delivered_is_known(met_run: Path) -> None:
    view = read(met_run)
    assert view.delivered is view.trials[-1]


def test_nothing_is_delivered_before_the_verdict(unfinished_run: Path) -> None:
    assert read(unfinished_run).delivered is None


def test_moves_of_one_name_are_told_apart_by_their_number(unfinished_run: Path) -> None:
    ledger = Ledger(unfinished_run)
    base = read(unfinished_run).trials[0]
    for number in (3, 4, 5):
        ledger.put(replace(base, number=number, move="again"), str(number))
    ledger.append("delivered", "", {"trial": 4, "plan": []})
    delivered = read(unfinished_run).delivered
    assert delivered is not None and delivered.number == 4
