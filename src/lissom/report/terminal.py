"""The run as a table for a terminal: every move with its decision, the verdict, and the next command."""

import re
import textwrap
from collections.abc import Sequence

from lissom.core.records import Entrant, Figures
from lissom.core.units import format_bytes, format_ms
from lissom.report.commands import next_command
from lissom.report.standing import standing
from lissom.report.view import RunView
from lissom.report.wording import (
    balance,
    conditions,
    decision,
    guard,
    missed,
    page_path,
    progress,
    warnings,
)

NARROWEST, USUAL, WIDEST = 60, 100, 110
MOST_REMARKS = 5
_COLUMNS = 5
_GAP = "   "
_UNIT = re.compile(r"(?<=\d) (?=(?:%|points|ms|s|B|kB|MB|GB|k|M|G)\b|%)")
_GLUE = "\ue000"
_BREAKS = re.compile(r"( +|(?<=[./_])(?=[A-Za-z]))")
Row = tuple[str, str, str, str, str]


def table(view: RunView, width: int = USUAL) -> str:
    """The run as plain text.

    Args:
        view: the records of the run.
        width: columns to use (60 to 110); what does not fit is wrapped, never cut. Commands are not
            wrapped, as they are there to be copied.
    """
    width = max(NARROWEST, min(width, WIDEST))
    rows: list[Row] = [_racer(entrant) for entrant in view.race]
    if view.baseline is not None:
        rows.append(("original", *_measured(view.baseline), f"{conditions(view)}, on select"))
    rows += [(trial.move, *_measured(trial.figures), decision(trial, view.delivered)) for trial in view.trials]
    lines = _aligned([("move", "size", "latency", view.measure, "decision"), *rows], width) if rows else []
    remarks = [*_remarks(view), *(f"warning: {text}" for text in warnings(view)), guard(view), _last_word(view)]
    for remark in filter(None, remarks):
        lines += _wrapped(remark, width)
    return "\n".join([*lines, f"next: {next_command(view)}"])


def _racer(entrant: Entrant) -> Row:
    size = "-" if entrant.size_bytes is None else format_bytes(entrant.size_bytes)
    latency = "-" if entrant.latency_ms is None else format_ms(entrant.latency_ms)
    word = "chosen: " if entrant.chosen else ""
    return f"on {entrant.target}, {entrant.precision}", size, latency, "", f"{word}{entrant.reason}"


def _remarks(view: RunView) -> list[str]:
    """What was skipped and what should be known; the page has all of it."""
    remarks = [f"skipped: {item.what}: {item.why}" for item in view.skipped]
    remarks += [f"note: {note}" for note in view.notes]
    if len(remarks) <= MOST_REMARKS:
        return remarks
    return [*remarks[:MOST_REMARKS], f"and {len(remarks) - MOST_REMARKS} more: see {page_path(view)}"]


def _measured(figures: Figures | None) -> tuple[str, str, str]:
    if figures is None:
        return ("-", "-", "-")
    return format_bytes(figures.size_bytes), format_ms(figures.latency_ms), f"{figures.score:.2f}"


def _last_word(view: RunView) -> str:
    now = standing(view)
    if view.verdict is None or now is None:
        return progress(view)
    word = "met" if view.met else f"missed: {missed(now.limits)}"
    return f"verdict on the {now.result.split} split: {balance(now)}: {word}"


def _aligned(rows: Sequence[Row], width: int) -> list[str]:
    """Rows as lines: figures are as wide as they need to be, the move and the decision share the rest."""
    columns = [max(len(row[index]) for row in rows) for index in range(_COLUMNS)]
    left = width - sum(columns[1:4]) - len(_GAP) * (len(columns) - 1)
    move = min(columns[0], max(left * 9 // 20, left - columns[4]))
    lines: list[str] = []
    for row in rows:
        moves, decisions = _wrapped(row[0], move), _wrapped(row[4], left - move)
        for line in range(max(len(moves), len(decisions))):
            figures = [text if line == 0 else "" for text in row[1:4]]
            cells = [
                (moves[line] if line < len(moves) else "").ljust(move),
                *(text.rjust(size) for text, size in zip(figures, columns[1:4], strict=True)),
                decisions[line] if line < len(decisions) else "",
            ]
            lines.append(_GAP.join(cells).rstrip())
    return lines


def _wrapped(text: str, width: int) -> list[str]:
    """Lines of at most ``width``: later ones are indented, a number stays with its unit, names of layers
    break after a dot."""
    wrapper = textwrap.TextWrapper(width, subsequent_indent="  ", break_on_hyphens=False)
    wrapper.wordsep_simple_re = _BREAKS
    glued = _UNIT.sub(_GLUE, " ".join(text.split()))
    return [line.replace(_GLUE, " ") for line in wrapper.wrap(glued)]
