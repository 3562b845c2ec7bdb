"""Sentence pairs in files: two line-aligned ones, a table of two columns, a folder of either; plain or ``.gz``."""

import csv
import gzip
import io
import itertools
import math
import re
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lissom.core.errors import LissomError
from lissom.tasks.json_lines import parse_lines
from lissom.tasks.listing import PARTS
from lissom.tasks.translation.pairs import Pair

TABLES = (".csv", ".tsv", ".jsonl")
KNOWN = (("source", "target"), ("src", "tgt"), ("src", "trg"), ("sentence", "translation"))
NESTED = "translation"  # where data sets for transformers have both languages of a row
_CODE = re.compile(r"([a-z]{2,3})([-_][A-Za-z0-9]{2,4})?")
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


def read_table(path: Path, languages: Languages) -> list[Pair]:
    """The pairs of a CSV, TSV or JSON lines file.

    Args:
        path: of the table.
        languages: the columns of source and target; by default those that are known, or the only two.

    Raises:
        LissomError: it cannot be read, or it is not told which columns are meant.
    """
    ending = _ending(path)
    if ending not in TABLES:
        raise LissomError(
            f"{path} is not a table that can be read here",
            hint=(f"known endings: {', '.join(TABLES)}, also with .gz", "two line-aligned files go as FIRST,SECOND"),
        )
    rows = _json_rows(path) if ending == ".jsonl" else _cells(path, "\t" if ending == ".tsv" else ",", languages)
    if not rows:
        raise LissomError(f"{path} has no rows", hint="it needs a column of sentences and one of translations")
    first, second = _columns(path, list(rows[0]), languages)
    return [(_said(row, first), _said(row, second)) for row in rows]


def _ending(path: Path) -> str:
    return (path.with_suffix("") if path.suffix == ".gz" else path).suffix.lower()


def text_of(value: Any) -> str:
    """One side of a pair as a program gives it: nothing where it is missing, which pandas calls no number."""
    missing = value is None or (isinstance(value, float) and math.isnan(value))
    return "" if missing else str(value)


def _said(row: dict[str, Any], column: str) -> str:
    return " ".join(text_of(row.get(column)).split())


def _columns(path: Path, names: list[str], languages: Languages) -> tuple[str, str]:
    if languages is not None:
        missing = [name for name in languages if name not in names]
        if missing and len(names) != 2:
            raise LissomError(f"{path} has no column {missing[0]!r}", hint=f"its columns are {', '.join(names)}")
        if not missing:
            return languages
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


def _cells(path: Path, delimiter: str, languages: Languages) -> list[dict[str, Any]]:
    csv.field_size_limit(1 << 30)  # a sentence may be as long as it likes
    quoting = csv.QUOTE_NONE if delimiter == "\t" else csv.QUOTE_MINIMAL
    lines = io.StringIO(read_text(path), newline="")  # of these alone: a sentence may hold others of Unicode
    try:
        rows = [row for row in csv.reader(lines, delimiter=delimiter, quoting=quoting) if row]
    except csv.Error as error:
        raise LissomError(f"{path} is not a table: {error}", hint="save it as CSV anew") from error
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
    headed = len(names) != 2 or {name.lower() for name in names} <= known or _are_codes(names, languages)
    names, body = (names, rows[1:]) if headed else (["source", "target"], rows)
    return [dict(zip(names, row, strict=True)) for row in body]


def _are_codes(names: Sequence[str], languages: Languages) -> bool:
    """Whether these are codes of languages, such as en and zh-CN, and of those that are asked for; "Yes" is none."""
    found = [_CODE.fullmatch(name) for name in names]
    codes = [code[1] for code in found if code is not None]
    if len(codes) < len(names) or languages is None:
        return len(codes) == len(names)
    asked = [re.split("[-_]", language.lower())[0] for language in languages]
    return any(all(map(_alike, codes, order)) for order in (asked, asked[::-1]))


def _alike(one: str, other: str) -> bool:
    """Whether two codes may mean one language, as de and deu do."""
    return one.startswith(other) or other.startswith(one)


def _json_rows(path: Path) -> list[dict[str, Any]]:
    rows = [row for _, row in parse_lines(path, read_text(path), '{"source": ..., "target": ...}')]
    return [row[NESTED] if isinstance(row.get(NESTED), dict) else row for row in rows]


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
            found[part] = read_table(table, languages) if table else _aligned_of(folder, ends, languages)
    if not found:
        raise LissomError(
            f"{folder} holds no sentence pairs that can be read here",
            hint="give train.en and train.de in it (or train.tsv), and files called val and test like that",
        )
    return found


def _aligned_of(folder: Path, ends: dict[str, Path], languages: Languages) -> list[Pair]:
    if languages is None:
        both = list(itertools.islice(itertools.permutations(sorted(ends), 2), 2))
        shown = " or ".join("-".join(pair) for pair in both) or "en-de"
        raise LissomError(f"{folder} does not say which language is translated", hint=f"--languages {shown}")
    missing = [language for language in languages if language not in ends]
    if missing:
        raise LissomError(f"{folder} has no file in {missing[0]!r}", hint=f"it has {', '.join(sorted(ends))}")
    return read_aligned(ends[languages[0]], ends[languages[1]])
