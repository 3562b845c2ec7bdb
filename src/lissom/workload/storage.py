"""A changed model as one file: safetensors with its changes as JSON in the header, never a pickle."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from lissom.core.errors import LissomError
from lissom.graph import Cut
from lissom.graph.storage import describe, fill, read, rebuild, write
from lissom.layers.replacement import Replacement, put
from lissom.workload.changes import Change, Zeros

_SCHEMA = 2


def save_model(path: Path, module: nn.Module, changes: Sequence[Change] = ()) -> None:
    """Write a model that came out of ``changes``, in order, to one file."""
    header = {"schema": _SCHEMA, "changes": [_to_json(change, module) for change in changes]}
    write(path, module, header)


def load_model(path: Path, build: Callable[[], nn.Module]) -> tuple[nn.Module, tuple[Change, ...]]:
    """Read a model back.

    Args:
        path: what :func:`save_model` wrote, or a cut model of :func:`lissom.graph.save`, or weights alone.
        build: makes a fresh instance of the original's architecture, of the user's own class.

    Returns:
        The model in the training mode of the fresh instance, and what was done to it.

    Raises:
        LissomError: the file is none of ours, a later version wrote it, or ``build`` makes another architecture.
    """
    described, tensors = _read(path)
    module = build()
    training = module.training
    changes: list[Change] = []
    for item in described:
        module, change = _apply(item, module)
        changes.append(change)
    fill(module, tensors)
    return module.train(training), tuple(changes)


def _to_json(change: Change, module: nn.Module) -> dict[str, Any]:
    if isinstance(change, Cut):
        return {"change": "cut", **describe(change, module)}
    if isinstance(change, Replacement):
        return {"change": "replacement", **change.to_json()}
    return {"change": "zeros", "names": list(change.names)}


def _apply(item: dict[str, Any], module: nn.Module) -> tuple[nn.Module, Change]:
    if item["change"] == "cut":
        return rebuild(module, item), Cut.from_json(item["cut"])
    if item["change"] == "replacement":
        replacement = Replacement(item["module"], item["kind"], item["sizes"])
        put(module, replacement.module, replacement.build())
        return module, replacement
    return module, Zeros(tuple(item["names"]))


def _read(path: Path) -> tuple[list[dict[str, Any]], dict[str, Tensor]]:
    found, tensors = read(path)
    header: dict[str, Any] = found or {}
    if header.get("schema", 1) > _SCHEMA:
        raise LissomError(
            f"{path} has schema {header['schema']}, this version of lissom reads up to {_SCHEMA}",
            hint="pip install --upgrade lissom",
        )
    if "cut" in header:  # schema 1
        return [{"change": "cut", **header}], tensors
    return header.get("changes", []), tensors
