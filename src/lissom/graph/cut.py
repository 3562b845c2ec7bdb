"""A cut as data: which positions of which parameters are kept."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import nn

from lissom.core.errors import LissomError

SCHEMA = 1


@dataclass(frozen=True)
class Cut:
    """What is kept of a model.

    Args:
        kept: name of a parameter, buffer or constant -> dimension -> positions that are kept, ascending. What is
            not named stays whole.
        architecture: fingerprint of the model that the cut was made for.
    """

    kept: Mapping[str, Mapping[int, tuple[int, ...]]]
    architecture: str

    def to_json(self) -> str:
        """The cut as JSON text; positions are written as runs ``[first, last]``."""
        kept = {n: {str(d): _runs(places) for d, places in dims.items()} for n, dims in self.kept.items()}
        return json.dumps({"schema": SCHEMA, "architecture": self.architecture, "kept": kept})

    @classmethod
    def from_json(cls, text: str) -> "Cut":
        """Read what :meth:`to_json` wrote."""
        try:
            data = json.loads(text)
            schema, kept, architecture = data["schema"], data["kept"], data["architecture"]
        except (ValueError, KeyError, TypeError) as error:
            raise LissomError(f"this is not a cut: {error!r}", hint="expected what Cut.to_json wrote") from error
        if schema > SCHEMA:
            raise LissomError(f"the cut has schema {schema}, this version of lissom reads up to {SCHEMA}",
                              hint="pip install --upgrade lissom")  # fmt: skip
        return cls({n: {int(d): _places(r) for d, r in dims.items()} for n, dims in kept.items()}, architecture)

    def check(self, model: nn.Module) -> None:
        """Raise when the cut was not made for this architecture."""
        if fingerprint(model) == self.architecture:
            return
        sizes = {n: tuple(t.shape) for n, t in state(model).items()}
        for name, dims in self.kept.items():
            if name not in sizes and "lifted" not in name:
                raise _refusal(model, f"it has no {name}")
            if name in sizes and any(max(k) >= sizes[name][d] for d, k in dims.items()):
                raise _refusal(model, f"{name} is {sizes[name]}")
        raise _refusal(model, "its parameters have other names or shapes")


def _refusal(model: nn.Module, why: str) -> LissomError:
    return LissomError(
        f"this cut was made for another architecture than this {type(model).__name__}: {why}",
        hint="apply a cut to the unpruned model that it was made for, with the same options",
    )


def state(model: nn.Module) -> dict[str, torch.Tensor]:
    """All parameters and buffers by name, shared ones under each of their names."""
    named: dict[str, torch.Tensor] = dict(model.named_parameters(remove_duplicate=False))
    return {**named, **dict(model.named_buffers(remove_duplicate=False))}


def fingerprint(model: nn.Module) -> str:
    """A short hash of the names and shapes of a model's parameters and buffers."""
    described = sorted((name, list(tensor.shape)) for name, tensor in state(model).items())
    return hashlib.sha256(json.dumps(described).encode()).hexdigest()[:16]


def _runs(places: tuple[int, ...]) -> list[list[int]]:
    runs: list[list[int]] = []
    for place in places:
        if runs and place == runs[-1][1] + 1:
            runs[-1][1] = place
        else:
            runs.append([place, place])
    return runs


def _places(runs: list[list[int]]) -> tuple[int, ...]:
    return tuple(place for first, last in runs for place in range(first, last + 1))
