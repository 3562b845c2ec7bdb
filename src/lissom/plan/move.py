"""A move: the steps that only make sense together. Tried, kept and undone as one."""

import json
from dataclasses import dataclass
from typing import Any, cast

from lissom.core.errors import LissomError
from lissom.steps.step import ArtefactStep, ModelStep, Step, step_from_json

_SHOWN = 80
_LIKE = 'write {"name": "...", "steps": [{"step": "int8"}, ...]}'


@dataclass(frozen=True)
class Move:
    """Steps that are judged together: first those that change the model, then those that change the artefact."""

    name: str
    steps: tuple[Step, ...]

    @classmethod
    def of(cls, step: Step) -> "Move":
        """The move of one step, called as it describes itself."""
        return cls(step.describe(), (step,))

    @property
    def model_steps(self) -> tuple[ModelStep, ...]:
        """The steps that give a new model."""
        return tuple(step for step in self.steps if isinstance(step, ModelStep))

    @property
    def artefact_steps(self) -> tuple[ArtefactStep, ...]:
        """The steps that give a new artefact."""
        return tuple(step for step in self.steps if isinstance(step, ArtefactStep))

    @property
    def changes_format_alone(self) -> bool:
        """Whether it changes the number format, and the model only for that."""
        return all(step.of_format for step in self.steps)

    def to_json(self) -> dict[str, Any]:
        """The move as plain values."""
        return {"name": self.name, "steps": [step.to_json() for step in self.steps]}


def move_from_json(data: dict[str, Any]) -> Move:
    """Rebuild a move.

    Raises:
        LissomError: it is none, or this version has no step of a name in it.
    """
    if not _is_move(data):
        shown = json.dumps(data, default=repr)
        raise LissomError(f"this is no move: {shown[:_SHOWN]}{'...' if len(shown) > _SHOWN else ''}", hint=_LIKE)
    return Move(data["name"], tuple(step_from_json(step) for step in data["steps"]))


def _is_move(data: Any) -> bool:
    """Whether it has the form of a move; what its steps are, they look at themselves."""
    if not isinstance(data, dict):
        return False
    move = cast("dict[str, Any]", data)
    steps = cast("list[Any]", move["steps"]) if isinstance(move.get("steps"), list) else None
    if set(move) != {"name", "steps"} or not isinstance(move["name"], str) or steps is None:
        return False
    kinds = [cast("dict[str, Any]", step).get("step") if isinstance(step, dict) else None for step in steps]
    return all(isinstance(kind, str) for kind in kinds)


@dataclass(frozen=True)
class Plan:
    """Moves in the order in which they are carried out."""

    moves: tuple[Move, ...]

    def to_json(self) -> list[dict[str, Any]]:
        """The plan as plain values."""
        return [move.to_json() for move in self.moves]


def plan_from_json(data: list[dict[str, Any]]) -> Plan:
    """Rebuild a plan (see :func:`move_from_json`)."""
    return Plan(tuple(move_from_json(move) for move in data))
