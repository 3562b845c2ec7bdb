"""Every command in the documents runs, long ones in a quick mode, and every Python block too.

A line of a ``console`` block that begins with ``$ lissom`` or ``$ make`` is a command. ``lissom compress`` gets
``--quick`` and folders under ``runs/`` become temporary ones; a command that reads an earlier run finds it there.
"""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = [ROOT / "README.md", ROOT / "README.zh.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)
LATER = ("make test", "make check", "make demo-")


def commands(document: Path) -> list[str]:
    blocks = BLOCK.findall(document.read_text(encoding="utf-8"))
    text = "\n".join(blocks).replace("\\\n", " ")
    return [line[2:].split("#")[0].strip() for line in text.splitlines() if line.startswith("$ ")]


def quickened(command: str, runs: Path) -> list[str]:
    words = shlex.split(command.replace("runs/", f"{runs}/"))
    if words[0] == "make":
        return [*words, "QUICK=--quick", f"DEMO={runs}/demo", f"PYTHON={sys.executable}"]
    if words[:2] == ["lissom", "compress"]:
        return [*words, "--quick"]
    return words


@pytest.mark.slow
@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_command_runs(document: Path, tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("documents")
    runs = folder / "runs"
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    for command in commands(document):
        if command.startswith(LATER):
            continue
        done = subprocess.run(
            quickened(command, runs), cwd=ROOT, env=environment, capture_output=True, text=True, timeout=600
        )
        # 1: the quick mode need not meet the budget
        assert done.returncode in (0, 1), f"{command}\n{done.stdout[-1500:]}\n{done.stderr[-1500:]}"
        assert "Traceback" not in done.stderr


def test_the_readme_has_commands():
    assert len(commands(ROOT / "README.md")) >= 5
