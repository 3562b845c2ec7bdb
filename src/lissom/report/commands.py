"""Commands to type: the one that made a run, the one that comes next, and what was chosen by options."""

import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from lissom.core.records import Settings
from lissom.report.view import RunView
from lissom.tasks import TASKS, input_of

_OF_TASKS = {option.name: option for task in TASKS for option in TASKS.get(task).options}
# The options of lissom compress that say how a workload is loaded; the rest follows from them.
FLAGS = ("random_weights", "keep", "select", *_OF_TASKS, "classes")
# By commas; other lists repeat their option.
_JOINED = ("classes", "methods", *(name for name, option in _OF_TASKS.items() if option.joined))
_USUAL_METHODS = ["prune"]
_STEPS = "plan"
_USUAL = {"threads": 1, "batch": 1, "seed": 0}


def loading(settings: Settings) -> Mapping[str, Any]:
    """How the command line loaded the workload; empty for a run that was started from Python."""
    return settings.options.get("loading") or {}


def command_again(view: RunView) -> str:
    """What makes this run again, or goes on with it."""
    settings, last = view.settings, ["-o", str(view.folder)]
    options = settings.options
    if "plan of" in options:
        words = ["lissom", "apply", str(options["plan of"]), *_flag("weights", options.get("weights"))]
        return shlex.join([*words, *_flag("budget", options.get("budget")), *last])
    if "loading" not in options:
        return f'lissom.compress(...) in Python with the same arguments and output="{view.folder}"'
    words = ["lissom", "compress", settings.model, *_flag("front", options.get("front"))]
    for name in ("task", "data", "budget", "target"):
        words += _flag(name, getattr(settings, name))
    for name, usual in _USUAL.items():
        if (value := getattr(settings, name)) != usual:
            words += _flag(name, value)
    quick = loading(settings).get("limit") is not None
    epochs = None if quick and options.get("epochs") == 1 else options.get("epochs")  # which --quick says
    words += [*_flag("weights", options.get("weights")), *_flag("epochs", epochs)]
    words += [*_flag("plan", options.get("recipe")), *_flag("texts", options.get("texts"))]
    methods = list(options.get("methods") or ())
    words += _flag("methods", [] if methods == _USUAL_METHODS else methods)
    words += _flag("time_limit", None if view.time_limit_s is None else f"{view.time_limit_s:g}s")
    for name in FLAGS:
        words += _flag(name, loading(settings).get(name))
    return shlex.join([*words, *_flag("quick", quick), *last])


def next_command(view: RunView) -> str:
    """What one would type after looking at this run."""
    if not view.finished:
        return command_again(view)
    return f"{shlex.join(['lissom', 'predict', str(view.folder / 'bundle')])} {input_of(view.settings.task)}"


def chosen(settings: Settings) -> tuple[tuple[str, str], ...]:
    """Every option that has a value, with its name in words; the steps of a plan are shown as moves."""
    return tuple((name.replace("_", " "), _text(value)) for name, value in _flat(settings.options) if name != _STEPS)


def _flat(options: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in options.items():
        if isinstance(value, Mapping):
            yield from _flat(value)  # pyright: ignore[reportUnknownArgumentType]
        elif value not in (None, False, "", []):
            yield name, value


def _text(value: Any) -> str:
    if value is True:
        return "yes"
    return ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)  # pyright: ignore[reportUnknownArgumentType]


def _flag(name: str, value: Any) -> list[str]:
    """An option as words; nothing where it has no value."""
    flag = f"--{name.replace('_', '-')}"
    if value is None or value is False or value in ("", [], ()):
        return []
    if isinstance(value, (list, tuple)):
        items = [str(item) for item in value]  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
        return [flag, ",".join(items)] if name in _JOINED else [word for item in items for word in (flag, item)]
    return [flag] if value is True else [flag, str(value)]
