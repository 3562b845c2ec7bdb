"""The variables of a CTranslate2 model file: its own binary format, read with numpy, no length in it believed.

Format: ``ModelSpec._serialize`` in ``ctranslate2/specs/model_spec.py`` of CTranslate2 4 (binary version 6).
"""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lissom.core.errors import LissomError

VERSIONS = range(4, 7)
MOST_RANK = 8
SCALE = "_scale"  # of a variable in whole numbers: what it was multiplied by, for each row or once
_TYPES = {0: "<f4", 1: "<i1", 2: "<i2", 3: "<i4", 4: "<f2"}
_BFLOAT16 = 5
_END = b"\0"

Variables = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class ModelFile:
    """What a file holds: the name of the kind of model, its revision, and arrays by name; aliases are resolved."""

    kind: str
    revision: int
    variables: Variables

    def weight(self, name: str) -> npt.NDArray[np.float32]:
        """A variable in float32, whatever it is stored as.

        Raises:
            LissomError: there is none of that name, its scale does not fit it, or it holds values that are no numbers.
        """
        value = self.value(name)
        made = value.astype(np.float32)
        if value.dtype.kind == "i":
            scale = self.value(name + SCALE).astype(np.float32)
            if scale.ndim > 1 or scale.size not in (1, len(value)) or not (scale > 0).all():
                raise LissomError(f"{name} of {value.shape} cannot have the scale {scale.shape}")
            made /= scale.reshape(-1, *[1] * (value.ndim - 1))
        if not np.isfinite(made).all():
            raise LissomError(f"{name} holds values that are not numbers", hint="copy the file again")
        return made

    def value(self, name: str) -> npt.NDArray[Any]:
        """A variable as it is stored.

        Raises:
            LissomError: there is none of that name.
        """
        if name not in self.variables:
            raise LissomError(f"a model of CTranslate2 of the kind {self.kind} has no {name}")
        return self.variables[name]


def read_ctranslate2(path: Path) -> ModelFile:
    """Read ``model.bin``.

    Raises:
        LissomError: it cannot be read, is of another version, is cut off, or contradicts itself.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise LissomError(f"{path} cannot be read: {error.strerror}") from error
    try:
        return _parsed(_Cursor(data))
    except ValueError as error:
        raise LissomError(
            f"{path} is no model file of CTranslate2 that can be read: {error}", hint="copy it again"
        ) from error


class _Cursor:
    """A place in the file. Every read is checked against what is left."""

    def __init__(self, data: bytes) -> None:
        self.data = memoryview(data)
        self.place = 0

    def take(self, count: int) -> memoryview:
        left = len(self.data) - self.place
        if count > left:
            raise ValueError(f"it ends {count - left} bytes early, at byte {self.place}")
        self.place += count
        return self.data[self.place - count : self.place]

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "little")

    def text(self) -> str:
        raw = bytes(self.take(self.number(2)))
        try:
            return raw.removesuffix(_END).decode("utf-8")
        except UnicodeDecodeError:
            raise ValueError(f"a name at byte {self.place} is no text") from None


def _parsed(cursor: _Cursor) -> ModelFile:
    version = cursor.number(4)
    if version not in VERSIONS:
        raise ValueError(f"version {version}, and {VERSIONS.start} to {VERSIONS.stop - 1} are known")
    kind, revision = cursor.text(), cursor.number(4)
    variables: Variables = {}
    for _ in range(cursor.number(4)):  # a false count ends with the file
        name, value = _variable(cursor)
        if name in variables:
            raise ValueError(f"{name} is there twice")
        variables[name] = value
    for _ in range(cursor.number(4)):
        alias, name = cursor.text(), cursor.text()
        if name not in variables:
            raise ValueError(f"{alias} stands for {name}, which is not there")
        variables[alias] = variables[name]
        if name + SCALE in variables:
            variables[alias + SCALE] = variables[name + SCALE]
    return ModelFile(kind, revision, variables)


def _variable(cursor: _Cursor) -> tuple[str, npt.NDArray[Any]]:
    name, rank = cursor.text(), cursor.number(1)
    if rank > MOST_RANK:
        raise ValueError(f"{name} has {rank} dimensions")
    shape = tuple(cursor.number(4) for _ in range(rank))
    kind, size = cursor.number(1), cursor.number(4)
    raw = cursor.take(size)
    if kind == _BFLOAT16:
        widened = np.frombuffer(raw, dtype="<u2").astype(np.uint32) << 16 if size % 2 == 0 else None
        array = None if widened is None else widened.view(np.float32)
    elif kind in _TYPES:
        whole = size % np.dtype(_TYPES[kind]).itemsize == 0
        array = np.frombuffer(raw, dtype=_TYPES[kind]) if whole else None
    else:
        raise ValueError(f"{name} is of the unknown type {kind}")
    if array is None or array.size != math.prod(shape):
        raise ValueError(f"{name} of {shape} has {size} bytes")
    return name, array.reshape(shape)
