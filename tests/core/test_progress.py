"""Bars where a person is looking, silence where the output is piped, and a deadline that counts down."""

import io
import sys

import pytest

from lissom.core.progress import Deadline, Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def use(progress: Progress) -> list[int]:
    with progress.waiting("exporting"):
        pass
    progress.say("a line")
    return list(progress.track(iter(range(3)), "scoring", total=3))


def test_quiet_when_piped(capfd: pytest.CaptureFixture[str]) -> None:
    progress = Progress()
    assert not progress.enabled
    assert use(progress) == [0, 1, 2]
    assert capfd.readouterr() == ("", "")


def test_a_bar_on_a_terminal_goes_to_standard_error(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    progress = Progress()
    assert progress.enabled
    assert use(progress) == [0, 1, 2]
    shown = terminal.getvalue()
    assert "exporting" in shown and "scoring" in shown and "a line\n" in shown
    assert capfd.readouterr().out == ""


def test_bars_may_be_nested_and_broken_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", Terminal())
    progress = Progress(True)
    for _ in progress.track([1, 2], "outer"):
        for _ in progress.track([1, 2], "inner"):
            break
    with pytest.raises(RuntimeError, match="mine"), progress.waiting("outer"):
        raise RuntimeError("mine")
    assert use(progress) == [0, 1, 2]


def test_items_are_taken_one_by_one() -> None:
    taken = []

    def items():
        for number in range(3):
            taken.append(number)
            yield number

    tracked = Progress(False).track(items(), "x")
    next(tracked)
    assert taken == [0]


def test_deadlines() -> None:
    assert Deadline(None).left() == float("inf") and not Deadline(None).passed()
    assert Deadline(0).passed() and Deadline(0).left() == 0
    assert 0 < Deadline(1000).left() <= 1000 and not Deadline(1000).passed()
    assert Deadline(-5).left() == 0
