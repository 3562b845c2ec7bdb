"""Plans from words and to words: a recipe by name, or a file that a user changed."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

from lissom.core.errors import LissomError

if TYPE_CHECKING:
    from lissom.plan.move import Plan
    from lissom.workload.workload import Workload


def read_plan(word: str, workload: "Workload", *, epochs: int | None, texts: str | None) -> "Plan":
    """The plan in a JSON file, or the recipe of that name for the workload's model.

    Raises:
        LissomError: there is neither, or the file holds no plan.
    """
    from lissom.plan.recipes import NAMES, recipe

    if word in NAMES:
        return recipe(word, workload, texts=texts or "", **({} if epochs is None else {"epochs": epochs}))
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
        found = plan_from_json(json.loads(path.read_text(encoding="utf-8")))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise LissomError(f"{path} is not JSON: {error}", hint=hint) from error
    except (KeyError, TypeError, AttributeError) as error:
        raise LissomError(f"{path} holds no plan: {error}", hint=hint) from error
    if not found.moves or not all(move.steps for move in found.moves):
        raise LissomError(f"{path} holds no moves, or one without steps", hint=hint)
    return found


def print_json(plan: "Plan | None") -> None:
    """Print a plan, to be changed and given back.

    Raises:
        LissomError: there is none.
    """
    if plan is None:
        raise LissomError("there is no plan to print", hint="--plan NAME with it")
    print(json.dumps(plan.to_json(), indent=2))
