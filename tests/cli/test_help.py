"""Every command explains itself with an example that runs, without waiting for PyTorch."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from lissom.cli.main import app

COMMANDS = ("profile", "groups", "compress", "apply", "bench", "predict", "report", "zoo", "targets")


def test_the_verbs() -> None:
    assert {info.name or info.callback.__name__ for info in app.registered_commands} >= set(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_help_shows_an_example(lissom, command: str, flag: str) -> None:
    done = lissom(command, flag)
    assert done.code == 0 and done.err == ""
    assert re.search(rf"Example:\s+lissom\s+{command}\b", done.out), done.out
    assert "Usage: lissom" in done.out


def test_help_names_every_command(lissom) -> None:
    done = lissom("--help")
    assert done.code == 0 and all(re.search(rf"\b{command}\b", done.out) for command in COMMANDS)


def test_an_option_of_two_tasks_says_what_it_is_for_each(lissom) -> None:
    text = " ".join(re.sub(r"[│|]", " ", lissom("compress", "--help").out).split())
    assert "text: accuracy, macro-f1, matthews or spearman; translation: bleu or chrf." in text


def test_without_a_word_the_help_is_shown(lissom) -> None:
    done = lissom()
    assert done.code == 2 and "compress" in done.out + done.err


@pytest.mark.parametrize("command", COMMANDS)
def test_examples_name_options_that_there_are(lissom, command: str) -> None:
    text = lissom(command, "--help").out
    example = re.split(r"[╭┌]", text[text.index("Example:") :])[0]
    for option in re.findall(r"(?<=\s)--?[a-z][a-z-]*", example):
        assert re.search(rf"{option}\b", text.replace(example, "")), option


_IMPORTS = """
import sys
sys.argv = ["lissom", *sys.argv[1:]]
{what}
heavy = ("torch", "torchvision", "numpy", "onnx", "onnxruntime", "PIL")
slow = sorted(name for name in heavy if name in sys.modules)
print("LOADED", *slow)
"""
_MAIN = """
from lissom.cli.main import main
try:
    main()
except SystemExit:
    pass
"""


def loaded(what: str, *arguments: str) -> list[str]:
    command = [sys.executable, "-W", "error", "-c", _IMPORTS.format(what=what), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout[done.stdout.rindex("LOADED") :].split()[1:]


def test_importing_lissom_imports_nothing_heavy() -> None:
    assert loaded("import lissom; dir(lissom)") == []


@pytest.mark.parametrize("arguments", [["--help"], ["compress", "--help"], ["zoo", "--help"], ["compres"]])
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    assert loaded(_MAIN, *arguments) == []


def test_a_budget_is_read_before_anything_is_imported() -> None:
    assert "torch" not in loaded(_MAIN, "compress", "x", "--data", "d", "--budget", "nonsense")


def test_names_of_the_package_are_there() -> None:
    import lissom as package

    assert all(getattr(package, name) is not None for name in package.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nope'"):
        package.nope  # noqa: B018, asking is what raises


def test_the_console_script_is_main() -> None:
    script = Path(sys.executable).with_name("lissom")
    if script.exists():
        done = subprocess.run([script, "compres"], capture_output=True, text=True, check=False)
        assert done.returncode == 2 and done.stderr.startswith("error: No such command 'compres'")
