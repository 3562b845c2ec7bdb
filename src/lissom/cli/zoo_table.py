"""The table that ``lissom zoo`` prints."""

from collections.abc import Sequence
from typing import Any

from lissom.core.units import format_bytes, format_ms

Row = dict[str, Any]
_HEADER = ("model", "from", "input", "parameters", "MACs, M", "attention, M", "peak", "size")
_ENDS = ("published score", "source")


def table(rows: Sequence[Row]) -> str:
    """The models family by family; what they scored elsewhere has a numbered source below.

    Args:
        rows: the fields of a :class:`lissom.zoo.Entry`, and ``latency_ms`` where it was measured.
    """
    if not rows:
        return "nothing in the zoo fits\nhint: a larger model made smaller may: lissom compress --help"
    sources = list(dict.fromkeys(row["published"]["source"] for row in rows if row["published"]))
    timed = "latency_ms" in rows[0]
    lines = _aligned([(*_HEADER, *(("latency",) if timed else ()), *_ENDS), *_cells(rows, sources, timed)])
    lines += ["", f"{len(rows)} models" + (". Sources of scores (? not looked up there):" if sources else "")]
    lines += [f"  [{number}] {source}" for number, source in enumerate(sources, 1)]
    lines += [f"  {row['name']} not measured: {row['not_measured']}" for row in rows if "not_measured" in row]
    return "\n".join([*lines, "next: lissom zoo NAME shows one by layer"])


def score(row: Row) -> str:
    """``"71.88 ImageNet top-1"``, or nothing where none was published."""
    published = row["published"]
    if published is None or published["score"] is None:
        return ""
    return f"{published['score']:g} {published['measure']}"


def doubt(row: Row) -> str:
    """What marks a published score that was not looked up in its source."""
    return "" if row["published"]["checked"] else " ?"


def _cells(rows: Sequence[Row], sources: list[str], timed: bool) -> list[tuple[str, ...]]:
    """A line for each family and one for each of its models."""
    found: list[tuple[str, ...]] = []
    family = ""
    for row in rows:
        if row["family"] != family:
            family = row["family"]
            found.append((family,))
        found.append(_line(row, sources, timed))
    return found


def _line(row: Row, sources: list[str], timed: bool) -> tuple[str, ...]:
    latency = ("failed" if row["latency_ms"] is None else format_ms(row["latency_ms"]),) if timed else ()
    published = row["published"]
    return (
        f"  {row['name']}",
        row["provider"],
        _input(row["input"]),
        f"{row['parameters']:,}",
        f"{row['macs'] / 1e6:,.2f}",
        f"{row['attention_macs'] / 1e6:,.2f}" if row["attention_macs"] else "",
        format_bytes(row["peak_memory_bytes"]),
        format_bytes(row["size_bytes"]),
        *latency,
        score(row),
        f"[{sources.index(published['source']) + 1}]{doubt(row)}" if published else "",
    )


def _input(shape: Sequence[int]) -> str:
    return f"{shape[-1]} tokens" if len(shape) == 2 else f"{shape[-2]}x{shape[-1]}"


def _aligned(table: Sequence[Sequence[str]]) -> list[str]:
    """Lines with a rule below the first; numbers stand right, words and the names of families left."""
    full = [row for row in table if len(row) > 1]
    widths = [max(len(row[column]) for row in full) for column in range(len(full[0]))]
    words = {0, 1, 2, len(widths) - 1, len(widths) - 2}
    lines: list[str] = []
    for row in table:
        cells = [
            cell.ljust(width) if column in words else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=False))
        ]
        lines.append("  ".join(cells).rstrip())
    return [lines[0], "-" * max(map(len, lines)), *lines[1:]]
