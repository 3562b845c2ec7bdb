"""What PyTorch's ONNX exporter knows of operators, read once: it parses the source of 500 functions at every export.

That is half of the time of a small model's export, and a run makes many.
"""

import contextlib
import copy
import functools
from collections.abc import Callable, Generator
from typing import Any


@contextlib.contextmanager
def kept_operators() -> Generator[None]:
    """Inside, the exporter is given a copy of the table of operators that it read the first time.

    The table is not public: where another PyTorch keeps it elsewhere, it is read anew, as without this.
    """
    try:
        from torch.onnx._internal.exporter._registration import ONNXRegistry
    except ImportError:
        yield
        return
    reader = vars(ONNXRegistry).get("from_torchlib")
    if not isinstance(reader, classmethod):  # another PyTorch, or one export inside of another
        yield
        return
    kept = staticmethod(functools.partial(_copied, reader.__func__, ONNXRegistry))
    ONNXRegistry.from_torchlib = kept  # pyright: ignore[reportAttributeAccessIssue]
    try:
        yield
    finally:
        ONNXRegistry.from_torchlib = reader  # pyright: ignore[reportAttributeAccessIssue]


@functools.cache
def _read(reader: Callable[..., Any], table: type, **settings: Any) -> Any:
    return reader(table, **settings)


def _copied(reader: Callable[..., Any], table: type, **settings: Any) -> Any:
    """A table of its own for each export: an export may add to it."""
    found = copy.copy(_read(reader, table, **settings))
    found.functions = {operator: list(ways) for operator, ways in found.functions.items()}
    return found
