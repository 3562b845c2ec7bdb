"""The run as one self-contained page: no scripts, no address outside itself, everything from users escaped."""

import json
import re
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup, escape

from lissom.core.files import write_text
from lissom.core.records import Trial
from lissom.core.units import format_bytes, format_count, format_ms, format_seconds
from lissom.report.bars import class_bars, time_bars, width_bars
from lissom.report.cards import cards
from lissom.report.commands import chosen, command_again, next_command
from lissom.report.curve_chart import curve_chart
from lissom.report.latency_chart import latency_chart
from lissom.report.path_chart import COSTS, path_chart
from lissom.report.standing import standing
from lissom.report.view import RunView
from lissom.report.wording import (
    agreement,
    balance,
    conditions,
    guard,
    missed,
    outcome,
    page_path,
    warnings,
)

_LONGEST = 60


def page(view: RunView) -> str:
    """The page as text."""
    here = files("lissom.report")
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string((here / "page.html").read_text(encoding="utf-8"))
    style = Markup((here / "page.css").read_text(encoding="utf-8"))
    return template.render(style=style, **_WRITERS, **_facts(view)) + "\n"


def write_page(view: RunView) -> Path:
    """Write ``report.html`` into the folder of the run, whole or not at all, and return its path."""
    path = page_path(view)
    write_text(path, page(view))
    return path


def _facts(view: RunView) -> dict[str, Any]:
    """All that the template speaks of."""
    now, verdict = standing(view), view.verdict
    classes = verdict.classes if verdict else ()
    return {
        "view": view,
        "now": now,
        "state": _state(view),
        "outcome": outcome(view),
        "balance": balance(now) if now else "",
        "missed": missed(now.limits) if now else "",
        "conditions": conditions(view),
        "guard": guard(view),
        "agreement": agreement(view),
        "cards": cards(now) if now else (),
        "paths": [(cost, path_chart(view, cost)) for cost in COSTS] if view.baseline and view.trials else [],
        "moves": [(trial, [step_text(step) for step in trial.steps], parts_text(trial)) for trial in view.trials],
        "widths": width_bars(verdict.widths) if verdict else (),
        "latency": latency_chart(now.original, now.result) if now else "",
        "by_class": class_bars(now.original, now.result, classes) if now else None,
        "times": time_bars(view.end.seconds, view.end.parts_seconds) if view.end else (),
        "curves": curve_chart(view.curves),
        "estimate": estimate_text(view),
        "warnings": warnings(view),
        "command": command_again(view),
        "next": next_command(view),
        "chosen": chosen(view.settings),
    }


def _state(view: RunView) -> str:
    if view.verdict is not None:
        return "met" if view.met else "missed"
    return "ended" if view.finished else "unfinished"


def step_text(step: dict[str, Any]) -> str:
    """``{"step": "prune", "ratio": 0.5}`` as ``"prune: ratio 0.5"``; long values are counted, not shown."""
    name = str(step.get("step", "step"))
    settings = [f"{key} {_short(value)}" for key, value in step.items() if key != "step" and value is not None]
    return f"{name}: {', '.join(settings)}" if settings else name


def breakable(name: str) -> Markup:
    """A dotted name that may be broken after its dots and underscores."""
    return Markup(re.sub(r"([._/])(?=\w)", r"\1<wbr>", str(escape(name))))


def parts_text(trial: Trial) -> str:
    """``"train 30 s, measure 6.0 s"``, the longest first."""
    parts = sorted(trial.parts_seconds.items(), key=lambda part: -part[1])
    return ", ".join(f"{name} {format_seconds(seconds)}" for name, seconds in parts)


def estimate_text(view: RunView) -> str:
    """What was expected before the work started: ``"7 min 0 s, disk 310 MB"``."""
    written = {"_seconds": format_seconds, "_bytes": format_bytes}
    parts: list[str] = []
    for key, value in (view.estimate or {}).items():
        ending = next((ending for ending in written if f"_{key}".endswith(ending)), None)
        if ending and isinstance(value, (int, float)):
            name = f"_{key}".removesuffix(ending).strip("_").replace("_", " ")
            parts.append(f"{name} {written[ending](value)}".strip())
    return ", ".join(parts)


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    if len(text) <= _LONGEST:
        return text
    return f"({len(value)} entries)" if isinstance(value, (dict, list, tuple)) else f"{text[:_LONGEST]}..."  # pyright: ignore[reportUnknownArgumentType]


_WRITERS = {
    "bytes": format_bytes,
    "count": format_count,
    "ms": format_ms,
    "seconds": format_seconds,
    "breakable": breakable,
}
