"""How a command ends that fails: exit code 2 and a few lines for people, with --json an object for programs."""

import errno
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lissom.cli import main as command

Lissom = Callable[..., Any]
_WAITS = "import lissom.cli.main as m, time; m.app = lambda **k: (print('here', flush=True), time.sleep(60)); m.main()"
_PRINTS = "import lissom.cli.main as m; m.app = lambda **k: print('\\xe9' * {}); m.main()"


def run(code: str, *words: str, **options: Any) -> "subprocess.CompletedProcess[str]":
    """A command in a process of its own."""
    options = {"stdout": subprocess.PIPE, **options}
    asked = [sys.executable, "-c", code, *words]
    return subprocess.run(asked, stderr=subprocess.PIPE, text=True, timeout=60, check=False, **options)


@pytest.mark.parametrize(
    "words",
    [
        ["report", "né\N{CJK UNIFIED IDEOGRAPH-9879}"],
        ["bench", "nowhere"],
        ["apply", "nowhere", "-o", "out"],
        ["predict", "nowhere", "x.png"],
        ["profile", "zoo:sampel"],
        ["groups", "zoo:sampel"],
        ["zoo", "sampel"],
        ["targets", "nothing"],
        ["compress", "m", "--data", "d"],
    ],
    ids=lambda words: words[0],
)
def test_json_carries_the_error(lissom: Lissom, words: list[str]) -> None:
    plain, done = lissom(*words), lissom(*words, "--json")
    assert done.code == plain.code == 2 and done.err == plain.err and plain.out == ""
    told = json.loads(done.out)
    lines = [f"error: {told['error']}", *(f"hint: {hint}" for hint in told["hints"])]
    assert done.err == "\n".join(lines) + "\n" and told["hints"]


def test_json_carries_a_mistake_in_the_words_too(lissom: Lissom) -> None:
    assert "No such option" in json.loads(lissom("zoo", "--json", "--nope").out)["error"]
    assert json.loads(lissom("bench", "--json").out)["hints"] == ["lissom bench --help"]
    assert lissom("predict", "nowhere", "--", "--json").out == "", "after -- it is an input"


def raising(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def app(**given: object) -> None:
        raise error

    monkeypatch.setattr(command, "app", app)


def test_our_own_mistake_is_no_missed_budget(lissom: Lissom, monkeypatch: pytest.MonkeyPatch) -> None:
    raising(monkeypatch, KeyError("x"))
    done = lissom("zoo", "--json")
    assert done.code == 2 and json.loads(done.out)["error"] == "lissom made a mistake: KeyError: 'x'"
    assert "Traceback" in done.err and "hint: please report it with the lines above" in done.err


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (MemoryError(), "there is not enough memory"),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried"), "not enough memory"),
        (OSError(errno.ENOSPC, "No space left", "/tmp/x"), "the disk is full: /tmp/x could not be written"),
    ],
)
def test_what_the_machine_lacks_is_said(
    lissom: Lissom, monkeypatch: pytest.MonkeyPatch, error: Exception, said: str
) -> None:
    raising(monkeypatch, error)
    lissom("zoo").is_refusal(said)


def test_only_what_goes_on_is_said_to_go_on(lissom: Lissom, monkeypatch: pytest.MonkeyPatch) -> None:
    raising(monkeypatch, KeyboardInterrupt())
    assert lissom("zoo").err == "stopped\n"
    assert lissom("apply", "run", "-o", "x").err == "stopped\nhint: the same command goes on where it was\n"
    assert lissom("compress", "m", "--data", "d", "--dry-run").err == "stopped\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_tidily(number: int) -> None:
    code = f"import signal; signal.signal(signal.SIGINT, signal.default_int_handler); {_WAITS}"
    asked = [sys.executable, "-c", code, "compress"]
    with subprocess.Popen(asked, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None and running.stdout.readline() == "here\n"
        running.send_signal(number)
        _, said = running.communicate(timeout=60)
    assert running.returncode == 2 and said == "stopped\nhint: the same command goes on where it was\n"


def test_a_process_that_follows_another_is_ended_by_its_launcher() -> None:
    asked = [sys.executable, "-c", _WAITS.replace("print('here', flush=True)", "print('here', file=m.sys.stderr)")]
    environment = {**os.environ, "RANK": "1"}
    with subprocess.Popen(asked, stderr=subprocess.PIPE, text=True, env=environment) as running:
        assert running.stderr is not None and running.stderr.readline() == "here\n"
        running.terminate()
        assert running.wait(60) == -signal.SIGTERM and running.stderr.read() == ""


@pytest.mark.parametrize("count", [1, 100_000])
def test_a_reader_that_has_seen_enough_is_no_mistake(count: int) -> None:
    left, right = os.pipe()
    os.close(left)
    with os.fdopen(right, "w") as closed:
        done = run(_PRINTS.format(count), stdout=closed)
    assert (done.returncode, done.stderr) == (2, "")


def test_a_reader_that_left_before_a_whole_command_gets_no_code_of_a_missed_budget() -> None:
    """What Typer itself does about it is seen in the real command alone."""
    left, right = os.pipe()
    os.close(left)
    with os.fdopen(right, "w") as closed:
        done = run("import lissom.cli.main as m; m.main()", "zoo", "--json", stdout=closed)
    assert (done.returncode, done.stderr) == (2, "")


def test_an_output_that_is_closed_gets_nothing(tmp_path: Path) -> None:
    """Its number must not become that of a file of the run, which prints would then be written into."""
    code = f"m_open = open; {_PRINTS.format(1).replace('print(', 'print(m_open(1, closefd=False).name, ')}"
    done = run(code, stdout=None, preexec_fn=lambda: os.close(1))
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no device that is full")
def test_a_full_disk_under_the_output_is_said() -> None:
    with Path("/dev/full").open("w") as full:
        done = run(_PRINTS.format(1), stdout=full)
    assert done.returncode == 2 and done.stderr == "error: the disk is full\nhint: free some space\n"


def test_a_terminal_of_few_letters_is_enough() -> None:
    done = run(_PRINTS.format(2), env={**os.environ, "PYTHONIOENCODING": "ascii"})
    assert (done.returncode, done.stdout) == (0, "\\xe9\\xe9\n")
