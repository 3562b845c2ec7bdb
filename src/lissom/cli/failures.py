"""What is said when a command fails: to people on standard error, and with ``--json`` to programs as an object."""

import contextlib
import errno
import json
import os
import sys
import traceback
from collections.abc import Sequence
from typing import Any

from lissom.core.errors import NO_MEMORY, LissomError, first_line

ERROR = 2
_GOES_ON = ("compress", "apply")  # the commands that keep what is finished
_KEEPS_NOTHING = ("--dry-run", "--print-plan", "--bundle")  # but with one of these
_FULL = (errno.ENOSPC, errno.EDQUOT)


def fail(error: Exception, words: Sequence[str]) -> int:
    """Say what happened, and what to do instead.

    Args:
        error: what a command ended with. A traceback stands before the lines of what is no mistake of the user.
        words: of the command line.

    Returns:
        The exit code.
    """
    known = error if isinstance(error, LissomError) else _of_the_machine(error, words)
    if known is None:
        traceback.print_exception(error)
        what = first_line(error)
        named = f"{type(error).__name__}: {what}" if what != type(error).__name__ else what
        hints = ("please report it with the lines above", *_kept(words))
        known = LissomError(f"lissom made a mistake: {named}", hint=hints)
    return say(f"error: {known.message}", known.hints, words)


def stopped(words: Sequence[str]) -> int:
    """Say that Ctrl-C ended a command; the exit code."""
    return say("stopped", _kept(words), words)


def say(message: str, hints: Sequence[str], words: Sequence[str]) -> int:
    """One line and its hints, as an object where ``--json`` is among the words; the exit code."""
    with contextlib.suppress(OSError):  # whoever listened is gone, and the exit code says the rest
        print("\n".join([message, *(f"hint: {hint}" for hint in hints)]), file=sys.stderr, flush=True)
        if "--json" in _options(words):
            told: dict[str, Any] = {"error": message.removeprefix("error: "), "hints": list(hints)}
            print(json.dumps(told, ensure_ascii=False), flush=True)
    return ERROR


def mute() -> None:
    """Let what is still to be printed go nowhere: its reader has left, and Python would complain at the end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _options(words: Sequence[str]) -> Sequence[str]:
    """The words before ``--``, after which there are no options."""
    return words[: words.index("--")] if "--" in words else words


def _kept(words: Sequence[str]) -> tuple[str, ...]:
    goes_on = set(words[:1]) & set(_GOES_ON) and not set(_options(words)) & set(_KEEPS_NOTHING)
    return ("the same command goes on where it was",) if goes_on else ()


def _of_the_machine(error: Exception, words: Sequence[str]) -> LissomError | None:
    """What the machine lacks, in words; ``None`` where it lacks nothing that is known here."""
    if isinstance(error, MemoryError) or NO_MEMORY in str(error):
        return LissomError("there is not enough memory", hint="give less at a time, or stop what else runs")
    if isinstance(error, OSError) and error.errno in _FULL:
        where = f": {error.filename} could not be written" if error.filename else ""
        return LissomError(f"the disk is full{where}", hint=("free some space", *_kept(words)))
    return None
