"""The append-only ledger of a run: one JSON record a line, safe against a kill at any point.

A line that was cut off by a kill is dropped when the ledger is opened again; everything before it stands.
"""

import fcntl
import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, TypeVar

from lissom.core.errors import LissomError
from lissom.core.files import writing
from lissom.core.records import SCHEMA, from_json, to_json

NAME = "ledger.jsonl"
Value = TypeVar("Value")


@dataclass(frozen=True)
class Record:
    """One line: what kind of fact, which one of its kind, the fact, and when it was written (seconds since 1970)."""

    kind: str
    key: str
    value: Any
    at: float = 0.0


class Ledger:
    """The records of the run in ``folder``.

    Raises:
        LissomError: the ledger was written by a newer version, or is damaged before its last line.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / NAME
        self._records: list[Record] = list(self._read()) if self.path.exists() else []

    def __iter__(self) -> Iterator[Record]:
        return iter(self._records)

    def find(self, kind: str, key: str = "") -> Any | None:
        """The value of the latest record of this kind and key, or ``None``."""
        return next((r.value for r in reversed(self._records) if r.kind == kind and r.key == key), None)

    def by_key(self, kind: str) -> dict[str, Any]:
        """The latest value of each key of this kind, in order of first appearance."""
        return {record.key: record.value for record in self._records if record.kind == kind}

    def values(self, kind: str) -> list[Any]:
        """The same without the keys."""
        return list(self.by_key(kind).values())

    def get(self, kind: type[Value], key: str = "") -> Value | None:
        """The latest record whose kind is the name of the dataclass ``kind``, revived."""
        found = self.find(kind.__name__.lower(), key)
        return None if found is None else from_json(kind, found)

    def all(self, kind: type[Value]) -> list[Value]:
        """All records whose kind is the name of the dataclass ``kind``, revived."""
        return [from_json(kind, value) for value in self.values(kind.__name__.lower())]

    def put(self, value: Any, key: str = "") -> None:
        """Append a dataclass under its own name."""
        self.append(type(value).__name__.lower(), key, value)

    def once(self, kind: str, key: str, value: Any) -> None:
        """Append a record unless there is one of this kind and key, which an earlier start wrote."""
        if self.find(kind, key) is None:
            self.append(kind, key, value)

    def append(self, kind: str, key: str, value: Any) -> None:
        """Append one record and bring it to the disk before returning. Several processes may append."""
        record = Record(kind, key, to_json(value), round(time.time(), 3))
        line = json.dumps({"schema": SCHEMA, **vars(record)})
        with writing(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("ab+") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                _drop_torn_line(file)
                file.write(line.encode() + b"\n")
                file.flush()
                os.fsync(file.fileno())
        self._records.append(record)

    def _read(self) -> Iterator[Record]:
        lines = self.path.read_bytes().split(b"\n")
        for number, line in enumerate(lines[:-1], start=1):
            try:
                data = json.loads(line)
                newer = data["schema"] > SCHEMA
                record = None if newer else Record(data["kind"], data["key"], data["value"], data.get("at", 0.0))
            except (ValueError, KeyError, TypeError) as error:
                raise LissomError(
                    f"{self.path}, line {number}, is damaged", hint="start the run again in another folder"
                ) from error
            if record is None:
                version = data["schema"]
                raise LissomError(
                    f"{self.path} was written by a newer lissom (schema {version}, known: up to {SCHEMA})",
                    hint="upgrade lissom, or start the run again in another folder",
                )
            yield record


def _drop_torn_line(file: IO[bytes]) -> None:
    """Cut the file after its last whole line, which is nearly always its end."""
    if file.seek(0, os.SEEK_END) == 0:
        return
    file.seek(-1, os.SEEK_END)
    if file.read(1) != b"\n":
        file.seek(0)
        file.truncate(file.read().rfind(b"\n") + 1)
        file.seek(0, os.SEEK_END)
