"""The options that only one task has: which were given, and that they are of the task that was asked for."""

from typing import Any

from lissom.core.errors import LissomError

EXAMPLES = {"image": "pictures", "speech": "clips of sound", "text": "texts"}
NUMBERS = "0.485,0.456,0.406"


def options_of(task: str, by_task: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The options that were given, of the task asked for.

    Args:
        task: its name.
        by_task: for each task its options by name, ``None`` where not given.

    Raises:
        LissomError: an option of another task was given.
    """
    if task not in by_task:
        return {}  # loading says which tasks there are
    for other, options in by_task.items():
        wrong = [name for name, value in options.items() if value is not None]
        if other != task and wrong:
            listed = ", ".join(f"--{name}" for name in wrong)
            raise LissomError(
                f"{listed} is of the task {other}, and the task is {task}",
                hint=f"--task {other} for {EXAMPLES[other]}, or leave it out",
            )
    return {name: value for name, value in by_task.get(task, {}).items() if value is not None}


def words(text: str | None) -> list[str] | None:
    """``a, b`` as a list."""
    return None if text is None else [part.strip() for part in text.split(",")]


def numbers(option: str, text: str | None) -> tuple[float, ...] | None:
    """``0.1,0.2`` as numbers.

    Raises:
        LissomError: it is none.
    """
    if text is None:
        return None
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError as error:
        raise LissomError(f"{option} {text!r} is not numbers", hint=f"write {option} {NUMBERS}") from error
