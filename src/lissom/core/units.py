"""Quantities with units: read from what a user types, written for people."""

import math
import re
from dataclasses import dataclass

from lissom.core.errors import LissomError

_TIME = {"us": 1e-3, "ms": 1.0, "s": 1e3}
_BYTES = {
    "B": 1.0,
    "kB": 1e3, "KB": 1e3, "MB": 1e6, "GB": 1e9,
    "KiB": 1024.0, "MiB": 1024.0**2, "GiB": 1024.0**3,
}  # fmt: skip
_COUNT = {"": 1.0, "k": 1e3, "K": 1e3, "M": 1e6, "G": 1e9, "B": 1e9}
_POINTS = {"pt": 1.0, "points": 1.0}
UNITS = {"time": _TIME, "bytes": _BYTES, "count": _COUNT, "points": _POINTS}

_ROUNDS_UP = 0.9995  # of a unit: in three digits that is 1 of it, not 1000 of the unit below
_NUMBER = re.compile(r"\s*([+-]?\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|[+-]?\.\d+)\s*([A-Za-z%]*)\s*")


@dataclass(frozen=True)
class Quantity:
    """A number in the base unit of its dimension (milliseconds, bytes, a count, points) or a fraction."""

    value: float
    relative: bool


def parse_quantity(text: str, dimension: str, *, relative: bool = True) -> Quantity:
    """Read ``"5ms"``, ``"2MB"``, ``"100M"``, ``"0.5pt"`` or ``"15%"``.

    Args:
        text: what the user typed.
        dimension: ``"time"``, ``"bytes"``, ``"count"`` or ``"points"``.
        relative: whether a percentage is allowed.

    Returns:
        The number in milliseconds, bytes, units or points, or a percentage as a fraction.

    Raises:
        LissomError: not a number, or a unit that the dimension does not have.
    """
    match = _NUMBER.fullmatch(text)
    allowed = [unit for unit in UNITS[dimension] if unit] + (["%"] if relative else [])
    if match is None:
        raise LissomError(f"{text.strip()!r} is not a number with a unit", hint=f"units: {', '.join(allowed)}")
    number, unit = float(match[1]), match[2]
    if not math.isfinite(number):
        raise LissomError(f"{text.strip()!r} is too large a number", hint=f"units: {', '.join(allowed)}")
    if unit == "%" and relative:
        return Quantity(number / 100, relative=True)
    if unit not in UNITS[dimension]:
        problem = f"has the unit {unit!r}" if unit else "has no unit"
        raise LissomError(f"{text.strip()!r} {problem}", hint=f"units: {', '.join(allowed)}")
    return Quantity(number * UNITS[dimension][unit], relative=False)


def parse_seconds(text: str) -> float:
    """Read a duration such as ``"90s"``, ``"10m"``, ``"1h30m"`` or a plain number of seconds.

    Raises:
        LissomError: it is none of these.
    """
    parts = re.fullmatch(r"\s*(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m(?!s))?(?:(\d+(?:\.\d+)?)s?)?\s*", text)
    if parts is None or not any(parts.groups()):
        raise LissomError(f"{text!r} is not a duration", hint="write 90s, 10m or 1h30m")
    hours, minutes, seconds = (float(part or 0) for part in parts.groups())
    total = hours * 3600 + minutes * 60 + seconds
    if not math.isfinite(total):
        raise LissomError(f"{text[:20]!r}... is too long a duration", hint="write 90s, 10m or 1h30m")
    return total


def format_bytes(size_bytes: float) -> str:
    """``1536000`` as ``"1.54 MB"``."""
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size_bytes >= _ROUNDS_UP * scale:
            return f"{_digits(size_bytes / scale)} {unit}"
    return f"{size_bytes:.0f} B"


def format_count(count: float) -> str:
    """``24480000`` as ``"24.5 M"``."""
    for unit, scale in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if count >= _ROUNDS_UP * scale:
            return f"{_digits(count / scale)} {unit}"
    return f"{count:.0f}"


def format_ms(milliseconds: float) -> str:
    """``0.1234`` as ``"0.123 ms"``, ``2500`` as ``"2.5 s"``."""
    if milliseconds >= _ROUNDS_UP * 1e3:
        return f"{_digits(milliseconds / 1e3)} s"
    return f"{_digits(milliseconds)} ms"


def format_seconds(seconds: float) -> str:
    """``95`` as ``"1 min 35 s"``."""
    if seconds < 59.5:
        return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def format_epochs(count: float) -> str:
    """``"1 epoch"``, ``"2.5 epochs"``."""
    number = f"{count:.3g}"
    return f"{number} epoch{'' if number == '1' else 's'}"


def _digits(value: float) -> str:
    """Three digits, and more rather than an exponent."""
    return f"{value:.3g}" if value < 999.5 else f"{value:.0f}"
