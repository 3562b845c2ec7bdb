"""Every command in the documents runs, in order, long ones in a quick mode, and so do the READMEs' lines of Python.

A line of a ``console`` block that begins with ``$`` is a command. ``lissom compress`` and ``make demo`` get
``--quick``; folders under ``runs/`` become temporary ones; a command that reads an earlier run finds it there. The
READMEs' first run is that of ``make demo``: it has its settings and its folder, and is found finished.
"""

import ast
import os
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

import lissom
from lissom.core.errors import LissomError
from lissom.core.progress import Progress
from lissom.engine.options import Options
from lissom.tasks.text.movie_reviews import find_movie_reviews
from lissom.tasks.translation.libreoffice_help import find_english_german
from lissom.tasks.translation.options import TranslationOptions
from lissom.train.loop import Schedule, supervised, train
from lissom.zoo.fine_tuned import encoder_files

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = [ROOT / name for name in ("README.md", "README.zh.md", "CONTRIBUTING.md")]
DOCUMENTS += sorted((ROOT / "docs").glob("*.md"))
BLOCK = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)
PYTHON = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
FIRST, DEMO = "runs/first", ("runs/demo", "--target", "onnxruntime", "--time-limit", "4m")
THIS = ("make test", "make check")  # what runs these tests, and what runs beside them


def commands(document: Path) -> list[str]:
    """What a document tells its reader to type."""
    text = "\n".join(BLOCK.findall(document.read_text(encoding="utf-8"))).replace("\\\n", " ")
    return [line[2:].split("#")[0].strip() for line in text.splitlines() if line.startswith("$ ")]


ALL = list(dict.fromkeys(command for document in DOCUMENTS for command in commands(document)))


def quickened(command: str, runs: Path) -> list[str]:
    """The command in its quick mode, with its folders under ``runs``."""
    as_demo = DEMO[1:] if FIRST in command and "compress" in command else ()
    words = [*shlex.split(command.replace(FIRST, DEMO[0]).replace("runs/", f"{runs}/")), *as_demo]
    if words[0] == "make":
        short = " --epochs 1 --length 16" if "demo-text" in words else ""
        demo = words[1]
        places = [f"{demo.replace('-', '_').upper()}={runs}/{demo}"]
        return [*words, f"QUICK=--quick{short}", *places]
    if words == ["lissom", "targets"]:
        return [*words, "onnxruntime"]  # each of them has tests of its own
    return [*words, "--quick"] if words[:2] == ["lissom", "compress"] else words


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("documents") / "runs"


@pytest.fixture(scope="module")
def data() -> None:
    from lissom.tasks.image.sources import find

    try:
        find("fashion-mnist", download=True, progress=Progress(False))
        find_movie_reviews(download=True)
        find_english_german(download=True)
        encoder_files(download=True, progress=Progress(False))
    except LissomError as error:
        pytest.skip(f"the commands need Fashion-MNIST, film reviews with an encoder, and help pages: {error}")


@pytest.mark.parametrize("command", [command for command in ALL if command not in THIS])
def test_a_command_runs(command: str, runs: Path, data: None) -> None:
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    done = subprocess.run(
        quickened(command, runs), cwd=ROOT, env=environment, capture_output=True, text=True, timeout=600, check=False
    )
    code = done.returncode
    if command.startswith("make") and code == 2 and "Error 1" in done.stderr:
        code = 1  # what the recipe ended with
    # 1: a quick run need not meet its budget
    assert code == 0 or (code == 1 and ("compress" in command or "demo" in command)), done.stderr[-1500:]
    assert "Traceback" not in done.stderr


def test_the_readmes_have_the_same_commands() -> None:
    assert commands(ROOT / "README.md") == commands(ROOT / "README.zh.md")
    assert len(commands(ROOT / "README.md")) >= 5


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_python_blocks_are_python(document: Path) -> None:
    for block in PYTHON.findall(document.read_text(encoding="utf-8")):
        ast.parse(block)


MODEL = """
from torch import nn


def build():
    return nn.Sequential(
        nn.Conv2d(3, 32, 3, 2, 1), nn.BatchNorm2d(32), nn.ReLU(), nn.Conv2d(32, 64, 3, 2, 1), nn.BatchNorm2d(64),
        nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 2),
    )
"""


@pytest.fixture
def own_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The files that the READMEs' Python speaks of: a model, its weights and a folder of photos of two classes."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "model", raising=False)
    Path("model.py").write_text(MODEL, encoding="utf-8")
    draw = np.random.default_rng(0)
    for label, (name, colour) in enumerate({"day": (200, 180, 90), "night": (20, 30, 90)}.items()):
        Path("photos", name).mkdir(parents=True)
        for number in range(100):
            shade = draw.normal(colour, 70, (1, 1, 3)) + draw.normal(0, 40, (32, 32, 3))
            Image.fromarray(shade.clip(0, 255).astype(np.uint8)).save(Path("photos", name, f"{number}-{label}.png"))
    workload = lissom.load("model.py:build", data="photos/", task="image", random_weights=True)
    torch.manual_seed(0)
    schedule = Schedule(epochs=6, rate=1e-2, batch=16)
    learnt = train(workload.module, workload.splits.train, supervised(workload.task), schedule)
    save_file(learnt.state_dict(), "model.safetensors")


def _without_comments(block: str) -> str:
    return ast.unparse(ast.parse(block))


def test_the_lines_of_python_run(
    own_model: None, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    short = Options(measure_s=0.5, most_epochs=2, calibration=128)
    monkeypatch.setattr("lissom.api.Options", lambda: short)  # what is done where the caller asks for nothing else
    (block,), (other,) = (PYTHON.findall((ROOT / n).read_text(encoding="utf-8")) for n in ("README.md", "README.zh.md"))
    assert _without_comments(block) == _without_comments(other)
    exec(compile(block, "README.md", "exec"), {})
    assert "verdict on the test split" in capsys.readouterr().out
    assert {"model.onnx", "predict.py", "manifest.json"} <= {path.name for path in Path("bundle").iterdir()}


def test_the_lines_on_losses_run() -> None:
    (block,) = PYTHON.findall((ROOT / "docs/texts.md").read_text(encoding="utf-8"))
    names: dict[str, Any] = {}
    exec(compile(block, "texts.md", "exec"), names)
    assert names["loss"].item() > 0


def test_the_lines_on_pruning_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (block,) = PYTHON.findall((ROOT / "docs/pruning.md").read_text(encoding="utf-8"))
    exec(compile(block, "pruning.md", "exec"), {})
    assert "True" in capsys.readouterr().out and (tmp_path / "resnet18-half.safetensors").is_file()


def test_the_first_run_is_that_of_the_demo() -> None:
    (told,) = (command for command in ALL if command.startswith("lissom compress"))
    recipe = (ROOT / "Makefile").read_text(encoding="utf-8").split("\ndemo: ")[1].split("\n\n")[0].replace("\\\n", " ")
    made = shlex.split(recipe[recipe.index("lissom compress") :].replace("$(QUICK) ", "").replace("$(DEMO)", DEMO[0]))
    options = shlex.split(told.replace(FIRST, DEMO[0])) + list(DEMO[1:])
    assert sorted(options) == sorted(made)


def test_each_demo_installs_what_is_declared() -> None:
    needs = re.findall(r"^demo[\w-]*: \$\(call NEEDS,([\w-]+)\)$", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    known = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
    assert len(needs) == 6 and set(needs) <= {"plain", *known}


def test_languages_are_written_as_the_option_takes_them() -> None:
    told = [word for path in DOCUMENTS for word in re.findall(r"--languages ([\w,-]+)", path.read_text("utf-8"))]
    assert told and all(TranslationOptions(languages=word).pair() for word in told)
