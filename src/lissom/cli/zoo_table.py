"""The table that ``lissom zoo`` prints."""

import textwrap
from collections.abc import Sequence
from typing import Any

from lissom.core.units import format_bytes, format_ms

Row = dict[str, Any]
USUAL = 100  # columns where there is no terminal to ask
_WORDS = (0, 1)  # columns that stand left: the name and the input
_HEADER = ("model", "input", "parameters", "MACs, M", "", "peak", "size")
_GAP = "  "


def table(rows: Sequence[Row], width: int = USUAL) -> str:
    """The models family by family; what they scored elsewhere has a numbered source below.

    Args:
        rows: the fields of a :class:`lissom.zoo.Entry`, and ``latency_ms`` where it was measured.
        width: columns to use; a name that does not fit before its figures stands on a line of its own.
    """
    if not rows:
        return "nothing in the zoo fits\nhint: a larger model made smaller may: lissom compress --help"
    sources = list(dict.fromkeys(_source(row) for row in rows if row["published"]))
    timed = "latency_ms" in rows[0]
    lines = _laid_out([(*_HEADER, *(("latency",) if timed else ()), "score"), *_cells(rows, sources, timed)], width)
    notes = [_count(rows), *(["published scores, by source:"] if sources else [])]
    notes += [f"  [{number}] {source}" for number, source in enumerate(sources, 1)]
    notes += [f"  {row['name']} not measured: {row['not_measured']}" for row in rows if "not_measured" in row]
    lines += ["", *(line for note in notes for line in _wrapped(note, width))]
    return "\n".join([*lines, "next: lissom zoo NAME shows one by layer"])


def score(row: Row) -> str:
    """``"71.88 ImageNet top-1"``, or nothing where none was published."""
    published = row["published"]
    if published is None or published["score"] is None:
        return ""
    return f"{published['score']:g} {published['measure']}"


def doubt(row: Row) -> str:
    """What is added to a source in which a published score was not looked up."""
    return "" if row["published"]["checked"] else " (not looked up there)"


def _source(row: Row) -> str:
    published = row["published"]
    return f"{published['measure']}: {published['source']}{doubt(row)}"


def _count(rows: Sequence[Row]) -> str:
    found = f"{len(rows)} model{'' if len(rows) == 1 else 's'}"
    attention = any(row["attention_macs"] for row in rows)
    return f"{found}; multiply-adds of attention stand behind those of the layers" if attention else found


def _cells(rows: Sequence[Row], sources: list[str], timed: bool) -> list[tuple[str, ...]]:
    """A line for each family, by the library that has it, and one for each of its models."""
    found: list[tuple[str, ...]] = []
    heading = ""
    for row in rows:
        if heading != (heading := _heading(row)):
            found.append((heading,))
        found.append(_line(row, sources, timed))
    return found


def _heading(row: Row) -> str:
    """A model of texts has one number as its input, and it is said here of what."""
    return f"{row['family']}, from {row['provider']}" + (", input in tokens" if len(row["input"]) == 2 else "")


def _line(row: Row, sources: list[str], timed: bool) -> tuple[str, ...]:
    latency = ("failed" if row["latency_ms"] is None else format_ms(row["latency_ms"]),) if timed else ()
    published = row["published"]
    points = "" if published is None or published["score"] is None else f"{published['score']:g} "
    return (
        f"  {row['name']}",
        "x".join(str(size) for size in row["input"][-2 if len(row["input"]) > 2 else -1 :]),
        f"{row['parameters']:,}",
        _millions(row["macs"]),
        f"+ {_millions(row['attention_macs'])}" if row["attention_macs"] else "",
        format_bytes(row["peak_memory_bytes"]),
        format_bytes(row["size_bytes"]),
        *latency,
        f"{points}{f'[{sources.index(_source(row)) + 1}]':>4}" if published else "",
    )


def _millions(count: int) -> str:
    """``"300.77"`` as the literature prints it, and no decimals of what is in the thousands."""
    return f"{count / 1e6:,.2f}" if count < 999.995e6 else f"{count / 1e6:,.0f}"


def _laid_out(table: Sequence[Sequence[str]], width: int) -> list[str]:
    """Lines with a rule below the first; numbers stand right, words and headings left."""
    full = [row for row in table if len(row) > 1]
    columns = [index for index in range(len(full[0])) if any(row[index] for row in full)]
    sizes = {index: max(len(row[index]) for row in full) for index in columns}
    room = max(width - sum(sizes[index] + len(_GAP) for index in columns[1:]), 0)
    sizes[0] = min(sizes[0], room)
    head, *rest = [_lines(row, sizes) for row in table]
    rule = "-" * max(len(line) for lines in (head, *rest) for line in lines)
    return [*head, rule, *(line for lines in rest for line in lines)]


def _lines(row: Sequence[str], sizes: dict[int, int]) -> list[str]:
    """A heading, a model with its figures, or the two below each other where its name is too long."""
    if len(row) == 1:
        return [row[0]]
    cells = [row[index].ljust(size) if index in _WORDS else row[index].rjust(size) for index, size in sizes.items()]
    if len(row[0]) <= sizes[0]:
        return [_GAP.join(cells).rstrip()]
    return [row[0], _GAP.join([" " * sizes[0], *cells[1:]]).rstrip()]


def _wrapped(text: str, width: int) -> list[str]:
    before = text[: len(text) - len(text.lstrip())]
    return textwrap.wrap(text, max(width, 40), subsequent_indent=f"{before}  ", break_on_hyphens=False)
