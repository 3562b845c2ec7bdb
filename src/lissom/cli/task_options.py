"""The options that only some tasks have: the command gets them from the table of tasks, and reads them."""

import inspect
from collections.abc import Callable
from typing import Annotated, Any

import typer

from lissom.core.errors import LissomError
from lissom.tasks import TASKS
from lissom.tasks.kind import Option

_KINDS = {task: TASKS.get(task) for task in TASKS}
_OPTIONS: dict[str, Option] = {option.name: option for kind in _KINDS.values() for option in kind.options}


def with_task_options(command: Callable[..., None]) -> Callable[..., None]:
    """Put the options of all tasks in place of a command's ``**own``."""
    signature = inspect.signature(command)
    parameters: list[inspect.Parameter] = []
    for parameter in signature.parameters.values():
        if parameter.kind is parameter.VAR_KEYWORD:
            parameters += [_parameter(option) for option in _OPTIONS.values()]
        else:
            parameters.append(parameter)
    vars(command)["__signature__"] = signature.replace(parameters=parameters)
    return command


def _parameter(option: Option) -> inspect.Parameter:
    tasks = _tasks_with(option.name)
    examples = " and ".join(_KINDS[task].examples for task in tasks)
    panel = f"{examples[0].upper()}{examples[1:]} (--task {' or '.join(tasks)})"
    annotation = Annotated[option.type | None, typer.Option(help=_help(option.name), rich_help_panel=panel)]
    return inspect.Parameter(option.name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)


def _help(name: str) -> str:
    """What an option means; by task, where tasks do not mean the same."""
    said = {task: option.help for task, kind in _KINDS.items() for option in kind.options if option.name == name}
    if len(set(said.values())) == 1:
        return next(iter(said.values()))
    return "; ".join(f"{task}: {text.rstrip('.')}" for task, text in said.items()) + "."


def _tasks_with(name: str) -> list[str]:
    return [task for task, kind in _KINDS.items() if any(option.name == name for option in kind.options)]


def options_of(task: str, given: dict[str, Any]) -> dict[str, Any]:
    """The values of the options that were given, for the task asked for.

    Args:
        task: its name.
        given: all options of tasks by name, ``None`` where not given.

    Raises:
        LissomError: an option of another task was given, or one cannot be read.
    """
    if task not in _KINDS:
        return {}  # loading says which tasks there are
    given = {name: value for name, value in given.items() if value is not None}
    wrong = [name for name in given if task not in _tasks_with(name)]
    if wrong:
        other = _tasks_with(wrong[0])[0]
        listed = ", ".join(_OPTIONS[name].flag for name in wrong if other in _tasks_with(name))
        raise LissomError(
            f"{listed} is of the task {other}, and the task is {task}",
            hint=f"--task {other} for {_KINDS[other].examples}, or leave it out",
        )
    return {name: _read(_OPTIONS[name], value) for name, value in given.items()}


def _read(option: Option, value: Any) -> Any:
    if option.read is not None:
        return option.read(option.flag, value)
    return value if isinstance(value, (int, float)) else str(value)
