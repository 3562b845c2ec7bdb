"""A changed model as one file: safetensors with its changes as JSON in the header, never a pickle."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from lissom.core.errors import LissomError
from lissom.graph import Cut
from lissom.graph.storage import built, describe, fill, read, rebuild, write
from lissom.layers.replacement import Replacement, put
from lissom.workload.changes import Change, Zeros
from lissom.workload.weights import check_finite, fit, fitting_prefix, with_ties

_SCHEMA = 2


def save_model(path: Path, module: nn.Module, changes: Sequence[Change] = ()) -> None:
    """Write a model that came out of ``changes``, in order, to one file."""
    header = {"schema": _SCHEMA, "changes": [_to_json(change, module) for change in changes]}
    write(path, module, header)


def load_model(path: Path, build: Callable[[], nn.Module]) -> tuple[nn.Module, tuple[Change, ...]]:
    """Read a model back.

    Args:
        path: what :func:`save_model` wrote, or a cut model of :func:`lissom.graph.save`; or weights alone, which say
            nothing of any change: every one of them has to be one of the fresh instance, and the other way round.
        build: makes a fresh instance of the original's architecture, of the user's own class.

    Returns:
        The model in the training mode of the fresh instance, and what was done to it.

    Raises:
        LissomError: the file cannot be read, a later version wrote it, ``build`` makes no model, or one of another
            architecture.
    """
    described, tensors = _read(path)
    module = built(build)
    if described is None:
        _fit_alone(module, tensors, path)
        return module, ()
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


def _fit_alone(module: nn.Module, tensors: dict[str, Tensor], path: Path) -> None:
    """Put weights into a model that nothing is known to have been done to."""
    check_finite(tensors, str(path))
    try:
        fit(module, with_ties(module, fitting_prefix(tensors, module.state_dict())), str(path))
    except LissomError as error:
        raise LissomError(
            f"{error.message} (the file holds weights alone: nothing says what was done to their model)",
            hint=(*error.hints, "of a smaller model give the file that has both: run.model, RUN/model.safetensors"),
        ) from error


def _read(path: Path) -> tuple[list[dict[str, Any]] | None, dict[str, Tensor]]:
    """What was done to a model, ``None`` where the file does not say, and its values by name."""
    header, tensors = read(path)
    if header is None:
        return None, tensors
    if header.get("schema", 1) > _SCHEMA:
        raise LissomError(
            f"{path} has schema {header['schema']}, this version of lissom reads up to {_SCHEMA}",
            hint="pip install --upgrade lissom",
        )
    if "cut" in header:  # schema 1
        return [{"change": "cut", **header}], tensors
    return header.get("changes", []), tensors
