"""What the scripts in benchmarks/ have in common."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

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


@pytest.fixture
def adding() -> ModuleType:
    """benchmarks/adding.py, which is in no package."""
    spec = importlib.util.spec_from_file_location("adding", BENCHMARKS / "adding.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_processes_that_add_at_a_time_lose_no_row(tmp_path: Path) -> None:
    path = tmp_path / "results" / "rows.json"
    command = [sys.executable, "-c", ADDER, str(path)]
    running = [subprocess.Popen([*command, name], cwd=BENCHMARKS) for name in "abc"]
    assert [process.wait(60) for process in running] == [0, 0, 0]
    rows = json.loads(path.read_text(encoding="utf-8"))["rows"]
    assert sorted(rows) == [[name, number] for name in "abc" for number in range(ROWS)]
    assert [item.name for item in path.parent.iterdir()] == ["rows.json"]


def test_an_error_on_the_way_writes_nothing(tmp_path: Path, adding: ModuleType) -> None:
    path = tmp_path / "rows.json"
    with adding.added(path) as results:
        results["rows"] = [1]
    with pytest.raises(RuntimeError), adding.added(path) as results:
        results["rows"] = []
        raise RuntimeError
    assert adding.known(path) == {"rows": [1]}
    with adding.added(path) as results:  # the lock is free again
        results["rows"].append(2)
    assert adding.known(path) == {"rows": [1, 2]} and adding.known(tmp_path / "none.json") == {}
