"""Objects from the user's own files: ``file.py:function``, imported with errors that name the user's line."""

import importlib.util
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from lissom.core.errors import LissomError


def is_user_code(spec: str) -> bool:
    """Whether ``spec`` reads ``file.py:function``."""
    path, colon, _ = spec.rpartition(":")
    return spec.endswith(".py") or bool(colon and path.endswith(".py"))


def function_of(spec: str) -> Callable[..., Any]:
    """Import the file and return its function; the file's folder is importable meanwhile.

    Raises:
        LissomError: no such file or function, or the file raises while it is imported.
    """
    text, _, name = spec.rpartition(":")
    if spec.endswith(".py"):
        raise LissomError(f"{spec!r} names no function", hint=f"write {spec}:FUNCTION")
    path = Path(text)
    if not path.is_file():
        raise LissomError(f"there is no file {path}", hint=f"it is looked for from {Path.cwd()}")
    module = _import(path)
    found = getattr(module, name, None)
    if not callable(found):
        offered = [key for key, value in vars(module).items() if callable(value) and not key.startswith("_")]
        raise LissomError(f"{path} has no function {name!r}", hint=f"it has {', '.join(offered) or 'none'}")
    return found


def call(spec: str) -> Any:
    """The result of the user's function, called without arguments.

    Raises:
        LissomError: as :func:`function_of`, or the function raises.
    """
    function, path = function_of(spec), Path(spec.rpartition(":")[0])
    with _beside(path), _blaming(path, f"{spec} failed"):
        return function()


def _import(path: Path) -> Any:
    name = f"lissom_user_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses and torch look a class's module up by name
    try:
        with _beside(path), _blaming(path, f"{path} cannot be imported"):
            spec.loader.exec_module(module)
    except LissomError:
        del sys.modules[name]
        raise
    return module


@contextmanager
def _beside(path: Path) -> Iterator[None]:
    """Meanwhile what lies beside the user's file can be imported, as where Python runs it."""
    folder = str(path.resolve().parent)
    sys.path.insert(0, folder)
    try:
        yield
    finally:
        with suppress(ValueError):  # the user's code may have taken it away
            sys.path.remove(folder)


@contextmanager
def _blaming(path: Path, what: str) -> Iterator[None]:
    """Turn whatever the user's code raises into one line that names the line of the user's file."""
    try:
        yield
    except LissomError:
        raise
    except (Exception, SystemExit) as error:
        lines = [
            frame.lineno for frame in traceback.extract_tb(error.__traceback__)
            if Path(frame.filename).name == path.name
        ]  # fmt: skip
        line = error.lineno if isinstance(error, SyntaxError) else (lines[-1] if lines else None)
        where = f", line {line}" if line else ""
        raise LissomError(f"{what}{where}: {type(error).__name__}: {error}") from error
