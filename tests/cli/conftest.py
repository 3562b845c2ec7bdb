"""The command line, called in this process or in one of its own, and a tiny model and data as a user has them."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from lissom.cli.main import main
from lissom.testing.commands import Done
from lissom.testing.tiny import drawn_splits, trained_net

# a shell lets what it starts in the background ignore Ctrl-C, and that is inherited
CODE = (
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); from lissom.cli.main import main; main()"
)
MODEL = """
from lissom.testing.tiny import drawn_splits, fresh_net


def net():
    return fresh_net()


def data():
    splits = drawn_splits()
    parts = {"train": splits.train, "select": splits.select, "test": splits.test}
    return {name: [(s.pictures[i], int(s.labels[i])) for i in range(len(s))] for name, s in parts.items()}
"""


Lissom = Callable[..., Done]


@pytest.fixture
def lissom(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Lissom:
    """Run a command in this process."""

    def run(*arguments: object) -> Done:
        capfd.readouterr()
        monkeypatch.setattr(sys, "argv", ["lissom", *map(str, arguments)])
        with pytest.raises(SystemExit) as stopped:
            main()
        captured = capfd.readouterr()
        code = stopped.value.code
        return Done(code if isinstance(code, int) else 0, captured.out, captured.err)

    return run


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def process() -> "Callable[..., subprocess.Popen[str]]":
    """Start a command in a process of its own."""

    def start(*arguments: object) -> "subprocess.Popen[str]":
        command = [sys.executable, "-c", CODE, *map(str, arguments)]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    return start


@pytest.fixture(scope="session")
def user(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with model.py, net.safetensors and one picture."""
    folder = tmp_path_factory.mktemp("mon projet 项目")
    (folder / "model.py").write_text(MODEL, encoding="utf-8")
    state = {name: tensor.clone() for name, tensor in trained_net().state_dict().items()}
    save_file(state, folder / "net.safetensors")
    test = drawn_splits().test
    Image.fromarray(test.pictures[0].transpose(1, 2, 0).copy()).save(folder / "une image.png")
    return folder


@pytest.fixture(scope="session")
def compressing(user: Path) -> Callable[..., list[str]]:
    """The words of ``lissom compress`` on the tiny model, as little as there is."""

    def words(output: Path, **changed: str) -> list[str]:
        options = {
            "data": f"{user / 'model.py'}:data",
            "weights": str(user / "net.safetensors"),
            "budget": "parameters<=60%, size<=70%, drop<=30pt",
            "mean": "0.5,0.5,0.5",
            "std": "0.5,0.5,0.5",
            **changed,
        }
        given = [word for name, value in options.items() for word in (f"--{name}", value)]
        return ["compress", f"{user / 'model.py'}:net", *given, "--quick", "-o", str(output)]

    return words
