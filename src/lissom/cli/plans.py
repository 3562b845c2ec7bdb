"""Plans from words and to words: a recipe by name, or a file that a user changed."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lissom.core.errors import LissomError

_WIDTH = 120

if TYPE_CHECKING:
    from lissom.engine.options import Options
    from lissom.plan.move import Plan
    from lissom.workload.workload import Workload


def check_words(plan: str | None, *, front: bool, print_plan: bool, texts: str | None, epochs: int | None) -> None:
    """Refuse options that mean nothing with the others, before anything is loaded.

    Raises:
        LissomError: a front with a plan, what is said of a plan without one, or epochs of one that learns nothing.
    """
    if plan == "int8" and epochs is not None:
        raise LissomError("--plan int8 learns nothing, so it has no --epochs", hint="leave out one of the two")
    if plan is not None and front:
        raise LissomError(
            "--front tries all sizes, and with --plan nothing is searched", hint="leave out one of the two"
        )
    for option, given in (("--print-plan", print_plan), ("--texts", texts is not None)):
        if given and plan is None:
            raise LissomError(f"{option} speaks of a plan, and there is none", hint="--plan tinybert, for example")


def read_plan(word: str, workload: "Workload", options: "Options", *, epochs: int | None, texts: str | None) -> "Plan":
    """The plan in a JSON file, or the recipe of that name for the workload's model.

    Args:
        word: the name or the file.
        workload: the model to make a recipe for.
        options: how long a recipe learns.
        epochs: what was typed, which a file says itself.
        texts: the same of texts without labels.

    Raises:
        LissomError: there is neither, or the file holds no plan.
    """
    from lissom.plan.recipes import NAMES, recipe

    if word in NAMES:
        usual = {} if options.epochs is None else {"epochs": options.epochs}
        return recipe(word, workload, texts=texts or "", **usual)
    path = Path(word)
    if not path.is_file():
        raise LissomError(f"there is no recipe and no file {word!r}", hint=f"recipes: {', '.join(NAMES)}")
    for option, value in (("--epochs", epochs), ("--texts", texts)):
        if value is not None:
            raise LissomError(f"{option} is said by the plan in {path}", hint=f"change it there, or leave out {option}")
    return _of_file(path)


def _of_file(path: Path) -> "Plan":
    from lissom.plan.move import plan_from_json

    hint = "--plan tinybert --print-plan prints one to start from"
    try:
        said = json.loads(path.read_text(encoding="utf-8-sig"))
        if not isinstance(said, list):
            raise LissomError(f"{path} holds no plan: a plan is a list of moves", hint=hint)
        found = plan_from_json(said)  # pyright: ignore[reportUnknownArgumentType]
    except (ValueError, RecursionError) as error:
        raise LissomError(f"{path} is not JSON: {error}", hint=hint) from error
    for move in found.moves:
        if not move.name.strip() or not move.name.isprintable():
            raise LissomError(f"{path}: a move is called {move.name!a}", hint="give it a name that can be shown")
    if not found.moves or not all(move.steps for move in found.moves):
        raise LissomError(f"{path} holds no moves, or one without steps", hint=hint)
    return found


def print_json(plan: "Plan") -> None:
    """Print a plan, to be changed and given back."""
    print(_written(json.loads(json.dumps(plan.to_json())), ""))


def _written(value: Any, margin: str) -> str:
    """JSON that is read by people: on one line is what fits there, and what cannot be broken up, as a list of units."""
    whole = json.dumps(value)
    parts: list[Any] = list(value.values() if isinstance(value, dict) else value if isinstance(value, list) else ())
    if len(margin) + len(whole) <= _WIDTH or not any(isinstance(part, dict | list) for part in parts):
        return whole
    names = [f"{json.dumps(name)}: " for name in value] if isinstance(value, dict) else [""] * len(parts)
    inner = f"{margin}  "
    lines = [f"{inner}{name}{_written(part, inner)}" for name, part in zip(names, parts, strict=True)]
    opening, closing = "{}" if isinstance(value, dict) else "[]"
    return "\n".join([opening, ",\n".join(lines), f"{margin}{closing}"])
