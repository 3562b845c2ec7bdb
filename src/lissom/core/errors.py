"""The errors that users see: what happened, where, which value, what is allowed, and a hint."""

import re
from collections.abc import Iterable

_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_LONGEST = 200
NO_MEMORY = "can't allocate memory"  # as torch says it, in a RuntimeError of no kind of its own


class LissomError(Exception):
    """Something a user can mend. The command line prints it in one to four lines and exits with 2.

    Args:
        message: what happened, where, and with which value.
        hint: one line or several that say what to do instead.
    """

    def __init__(self, message: str, *, hint: str | Iterable[str] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.hints: tuple[str, ...] = (hint,) if isinstance(hint, str) else tuple(hint)

    def __str__(self) -> str:
        return "\n".join([self.message, *(f"hint: {hint}" for hint in self.hints)])


class MissingExtraError(LissomError):
    """An optional dependency is not installed.

    Args:
        package: what is missing, as it is installed.
        extra: the extra of lissom that brings it.
        purpose: what needs it, as the subject of a sentence, e.g. ``"the model 'timm:resnet18'"``.
    """

    def __init__(self, package: str, extra: str, purpose: str) -> None:
        super().__init__(
            f"{purpose} needs the package {package!r}, which is not installed",
            hint=f"pip install 'lissom[{extra}]'",
        )


class MachineError(LissomError):
    """The machine cannot go on: its disk is full, or a folder cannot be written. Nothing else would do any better."""


class CaptureError(LissomError):
    """A model that torch.export cannot capture."""


def first_line(error: BaseException) -> str:
    """The first line of what a foreign library has to say, by what went wrong first: wrappers hide the operator."""
    while error.__cause__ is not None:
        error = error.__cause__
    lines = [line.strip() for line in _COLOURS.sub("", str(error)).splitlines() if line.strip()]
    return (lines[0] if lines else type(error).__name__)[:_LONGEST]
