"""The content of ``summary.json``: the outcome of a run for machines."""

from pathlib import Path
from typing import Any

from lissom.core.files import write_json
from lissom.core.records import SCHEMA, Figures, Trial, Verdict, to_json
from lissom.report.view import RunView

NAME = "summary.json"
_FIGURES = (
    "score",
    "score_interval",
    "latency_ms",
    "latency_interval_ms",
    "latency_p95_ms",
    "size_bytes",
    "macs",
    "parameters",
    "peak_memory_bytes",
    "split",
    "examples",
    "by_labels",
)


def summary(view: RunView) -> dict[str, Any]:
    """The outcome of a run as plain JSON values.

    ``met`` is ``None`` and ``final`` is missing its figures (``None``) until the run has its verdict. Scores
    are 0 to 100, intervals 95 %. ``original`` and ``final`` are of the test split, ``steps`` of the select
    split; ``split`` says so at each.
    """
    verdict, end = view.verdict, view.end
    return {
        "schema": SCHEMA,
        "met": view.met,
        "finished": view.finished,
        "budget": view.settings.budget,
        "target": view.settings.target,
        "original": _figures(view.original),
        "final": _figures(verdict.final) if verdict else None,
        **_verdict(verdict),
        "front": list(view.front),
        "race": to_json(view.race),
        "steps": [_step(trial, trial is view.delivered) for trial in view.trials],
        "started": view.started or None,
        "seconds": end.seconds if end else None,
        "parts_seconds": dict(end.parts_seconds) if end else {},
        "settings": to_json(view.settings),
        "machine": to_json(view.machine),
        "neighbours": to_json(view.neighbours),
        "skipped": to_json(view.skipped),
        "notes": list(view.notes),
    }


def write_summary(view: RunView) -> Path:
    """Write ``summary.json`` into the folder of the run, whole or not at all, and return its path."""
    path = view.folder / NAME
    write_json(path, summary(view))
    return path


def _figures(figures: Figures | None) -> dict[str, Any] | None:
    if figures is None:
        return None
    return {name: to_json(getattr(figures, name)) for name in _FIGURES}


def _verdict(verdict: Verdict | None) -> dict[str, Any]:
    names = ("drop", "drop_interval", "latency_ratio", "latency_ratio_interval", "limits", "agreement", "divergence")
    return {name: to_json(getattr(verdict, name)) if verdict else None for name in names}


def _step(trial: Trial, delivered: bool) -> dict[str, Any]:
    """One move with its figures beside its name; they are ``None`` where the move could not be measured."""
    empty: dict[str, Any] = dict.fromkeys(_FIGURES)
    return {
        "number": trial.number,
        "name": trial.move,
        "kept": trial.kept,
        "delivered": delivered,
        "reason": trial.reason,
        **(_figures(trial.figures) or empty),
        "drop": trial.drop if trial.figures else None,
        "drop_interval": list(trial.drop_interval) if trial.figures else None,
        "latency_ratio": trial.latency_ratio if trial.figures else None,
        "seconds": trial.seconds,
        "parts_seconds": trial.parts_seconds,
        "steps": to_json(trial.steps),
        "notes": list(trial.notes),
    }
