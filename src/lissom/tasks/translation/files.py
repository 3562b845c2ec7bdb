"""Sentence pairs in files: two line-aligned ones, a table of two columns, a folder of either; plain or ``.gz``."""

import csv
import gzip
import io
import itertools
import math
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lissom.core.errors import LissomError
from lissom.tasks.columns import SPLITS, by_part
from lissom.tasks.json_lines import Row, parse_lines
from lissom.tasks.listing import PARTS
from lissom.tasks.translation.languages import are_codes, are_names, code_of
from lissom.tasks.translation.pairs import Pair

TABLES = (".csv", ".tsv", ".jsonl")
KNOWN = (("source", "target"), ("src", "tgt"), ("src", "trg"), ("sentence", "translation"))
NESTED = "translation"  # where data sets for transformers have both languages of a row
Languages = tuple[str, str] | None


def read_text(path: Path) -> str:
    """A file in UTF-8, unpacked where it ends in ``.gz``.

    Raises:
        LissomError: it is not there, is cut off, or is no text.
    """
    if not path.is_file():
        raise LissomError(f"there is no file {path}", hint="give two line-aligned files as FIRST,SECOND, or a table")
    try:
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (OSError, EOFError, zlib.error) as error:
        raise LissomError(f"{path} cannot be unpacked: {error}", hint="pack or fetch it again") from error
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise LissomError(
            f"{path} is not UTF-8: line {line} has the byte 0x{content[error.start]:02x}", hint="save it as UTF-8"
        ) from error


def read_aligned(source: Path, target: Path) -> list[Pair]:
    """The pairs of two files of which each line of one translates that line of the other.

    Raises:
        LissomError: one cannot be read, or they have different numbers of lines.
    """
    left, right = (_lines(path) for path in (source, target))
    if len(left) != len(right):
        raise LissomError(
            f"{source} has {len(left)} lines and {target} has {len(right)}: they are not aligned",
            hint="each line of one file has to translate the same line of the other",
        )
    return list(zip(left, right, strict=True))


def _lines(path: Path) -> list[str]:
    lines = [line.strip() for line in read_text(path).split("\n")]
    return lines[:-1] if lines and not lines[-1] else lines


def read_table(path: Path, languages: Languages) -> dict[str, list[Pair]]:
    """The pairs of a CSV, TSV or JSON lines file by part, all in ``"all"`` where no column says the split.

    Args:
        path: of the table.
        languages: the columns of source and target; by default those that are known, or the only two beside the split.

    Raises:
        LissomError: it cannot be read, it is not told which columns are meant, or a split is not known.
    """
    rows, columns = _read(path, languages)
    split = next((name for _, row in rows for name in row if _says_split(name, columns)), None)
    parts = {"all": range(len(rows))} if split is None else by_part(path, rows, (split,))
    return {part: [_pair(rows[place], columns) for place in places] for part, places in parts.items()}


def _read(path: Path, languages: Languages) -> tuple[list[tuple[int, Row]], tuple[str, str]]:
    """The rows of a table with the numbers of their lines, and the columns of source and target."""
    ending = _ending(path)
    if ending not in TABLES:
        raise LissomError(
            f"{path} is not a table that can be read here",
            hint=(f"known endings: {', '.join(TABLES)}, also with .gz", "two line-aligned files go as FIRST,SECOND"),
        )
    rows = _json_rows(path) if ending == ".jsonl" else _cells(path, "\t" if ending == ".tsv" else ",", languages)
    if not rows:
        raise LissomError(f"{path} has no rows", hint="it needs a column of sentences and one of translations")
    names = list(rows[0][1])
    plain = names if len(names) <= 2 else [name for name in names if not _says_split(name, languages or ())]
    return rows, _columns(path, plain, languages)


def _says_split(name: str, others: Sequence[str]) -> bool:
    return name.lower() in SPLITS and name not in others


def _ending(path: Path) -> str:
    return (path.with_suffix("") if path.suffix == ".gz" else path).suffix.lower()


def text_of(value: Any) -> str:
    """One side of a pair as a program gives it: nothing where it is missing, which pandas calls no number."""
    missing = value is None or (isinstance(value, float) and math.isnan(value))
    return "" if missing else str(value)


def _pair(row: tuple[int, Row], columns: tuple[str, str]) -> Pair:
    source, target = (" ".join(text_of(row[1].get(column)).split()) for column in columns)
    return source, target


def _columns(path: Path, names: list[str], languages: Languages) -> tuple[str, str]:
    if languages is not None:
        known = {code: name for name in names if (code := code_of(name))} | {name: name for name in names}
        missing = [language for language in languages if language not in known]
        if missing and len(names) != 2:
            raise LissomError(f"{path} has no column {missing[0]!r}", hint=f"its columns are {', '.join(names)}")
        if not missing:
            return known[languages[0]], known[languages[1]]
    lower = {name.lower(): name for name in names}
    for first, second in KNOWN:
        if first in lower and second in lower:
            return lower[first], lower[second]
    if len(names) != 2:
        raise LissomError(
            f"{path} has {len(names)} columns: {', '.join(names)[:100]}",
            hint="say which are meant, the source first: --languages FIRST-SECOND",
        )
    return names[0], names[1]


def _cells(path: Path, delimiter: str, languages: Languages) -> list[tuple[int, Row]]:
    csv.field_size_limit(1 << 30)  # a sentence may be as long as it likes
    quoting = csv.QUOTE_NONE if delimiter == "\t" else csv.QUOTE_MINIMAL
    lines = io.StringIO(read_text(path), newline="")  # of these alone: a sentence may hold others of Unicode
    try:
        reader = csv.reader(lines, delimiter=delimiter, quoting=quoting)
        numbered = [(reader.line_num, row) for row in reader if row]
    except csv.Error as error:
        raise LissomError(f"{path} is not a table: {error}", hint="save it as CSV anew") from error
    rows = [row for _, row in numbered]
    if not rows:
        return []
    wrong = next((number for number, row in enumerate(rows) if len(row) != len(rows[0])), None)
    if wrong is not None:
        raise LissomError(
            f"{path}, row {wrong + 1}: {len(rows[wrong])} columns, where the first row has {len(rows[0])}",
            hint="put sentences with commas, quotes or line breaks between double quotes",
        )
    names = [cell.strip() for cell in rows[0]]
    known = {name for pair in (*KNOWN, languages or ()) for name in pair}
    told = {name.lower() for name in names} <= known or are_names(names) or are_codes(names, languages, rows[1:])
    names, body = (names, numbered[1:]) if told or len(names) != 2 else (["source", "target"], numbered)
    return [(number, dict(zip(names, row, strict=True))) for number, row in body]


def _json_rows(path: Path) -> list[tuple[int, Row]]:
    rows = parse_lines(path, read_text(path), '{"source": ..., "target": ...}')
    return [(number, _flat(row)) for number, row in rows]


def _flat(row: Row) -> Row:
    """A row whose two languages may be nested, with the split that stands beside them."""
    if not isinstance(row.get(NESTED), dict):
        return row
    return {**row[NESTED], **{name: value for name, value in row.items() if name.lower() in SPLITS}}


def read_folder(folder: Path, languages: Languages) -> dict[str, list[Pair]]:
    """The pairs of a folder by part: ``train.en`` and ``train.de``, or ``train.csv``, with those of val and test.

    Names may go on after the part, as in ``test_2016.en.gz``; of several tests the first by name is taken.

    Raises:
        LissomError: there are none, or it is not told which languages are meant.
    """
    files: dict[str, dict[str, Path]] = {}
    for path in sorted(folder.iterdir()):
        part = PARTS.get(path.name.partition(".")[0].partition("_")[0].lower())
        if part is not None and path.is_file():
            stem = (path.with_suffix("") if path.suffix == ".gz" else path).stem
            files.setdefault(f"{part}/{stem}", {})[_ending(path)[1:]] = path
    found: dict[str, list[Pair]] = {}
    for name, ends in files.items():
        part = name.partition("/")[0]
        table = next((ends[ending[1:]] for ending in TABLES if ending[1:] in ends), None)
        if part not in found:
            found[part] = _whole(table, languages) if table else _aligned_of(folder, ends, languages)
    if not found:
        raise LissomError(
            f"{folder} holds no sentence pairs that can be read here",
            hint="give train.en and train.de in it (or train.tsv), and files called val and test like that",
        )
    return found


def _whole(path: Path, languages: Languages) -> list[Pair]:
    """All pairs of a table that is called by its part, whatever a column of splits says."""
    rows, columns = _read(path, languages)
    return [_pair(row, columns) for row in rows]


def _aligned_of(folder: Path, ends: dict[str, Path], languages: Languages) -> list[Pair]:
    if languages is None:
        both = list(itertools.islice(itertools.permutations(sorted(ends), 2), 2))
        shown = " or ".join("-".join(pair) for pair in both) or "en-de"
        raise LissomError(f"{folder} does not say which language is translated", hint=f"--languages {shown}")
    missing = [language for language in languages if language not in ends]
    if missing:
        raise LissomError(f"{folder} has no file in {missing[0]!r}", hint=f"it has {', '.join(sorted(ends))}")
    return read_aligned(ends[languages[0]], ends[languages[1]])
