"""What the scripts in benchmarks/ have in common."""

import importlib
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"
ROWS = 40
ADDER = f"""
import sys
from pathlib import Path
from adding import added

for number in range({ROWS}):
    with added(Path(sys.argv[1])) as results:
        results.setdefault("rows", []).append([sys.argv[2], number])
"""


Script = Callable[[str], Any]


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Script:
    """A script by its name; they are in no package."""
    monkeypatch.syspath_prepend(BENCHMARKS)
    return importlib.import_module


def test_processes_that_add_at_a_time_lose_no_row(tmp_path: Path) -> None:
    path = tmp_path / "results" / "rows.json"
    command = [sys.executable, "-c", ADDER, str(path)]
    running = [subprocess.Popen([*command, name], cwd=BENCHMARKS) for name in "abc"]
    assert [process.wait(60) for process in running] == [0, 0, 0]
    rows = json.loads(path.read_text(encoding="utf-8"))["rows"]
    assert sorted(rows) == [[name, number] for name in "abc" for number in range(ROWS)]
    assert [item.name for item in path.parent.iterdir()] == ["rows.json"]


def test_an_error_on_the_way_writes_nothing(tmp_path: Path, script: Script) -> None:
    path, adding = tmp_path / "rows.json", script("adding")
    with adding.added(path) as results:
        results["rows"] = [1]
    with pytest.raises(RuntimeError), adding.added(path) as results:
        results["rows"] = []
        raise RuntimeError
    assert adding.known(path) == {"rows": [1]}
    with adding.added(path) as results:  # the lock is free again
        results["rows"].append(2)
    assert adding.known(path) == {"rows": [1, 2]} and adding.known(tmp_path / "none.json") == {}


def test_students_are_told_by_what_is_cut(script: Script) -> None:
    told = script("distillation_students").told
    assert told("DistilBERT-style") == "3 of 6 layers"
    assert told("TinyBERT-style") == "3 of 6 layers, 4 of 12 heads, 576 of 1,536 feed-forward units"
    shorter, longer = told("narrow TinyBERT-style"), told("narrow TinyBERT-style for longer")
    assert longer == shorter.replace("8 epochs", "24 epochs") != shorter


@pytest.mark.parametrize(
    ("seeds", "said"),
    [
        ({"labels": 3, "logits": 3}, ""),
        ({"labels": 3, "logits": 1, "dist": 1}, "Some arms were run with 1 of 3 seeds so far: differences"),
        (
            {"labels": 3, "logits": 2, "dist": 1},
            "with fewer than 3 seeds so far (small from the teacher's answers alone: 2; small from DIST: 1)",
        ),
    ],
)
def test_few_seeds_are_told_by_arm_where_they_differ(script: Script, seeds: dict[str, int], said: str) -> None:
    runs = [{"student": "small", "arm": arm} for arm, count in seeds.items() for _ in range(count)]
    found = " ".join(script("distillation_page")._few(runs))
    assert said in found if said else not found
