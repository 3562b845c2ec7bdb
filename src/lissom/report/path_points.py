"""Where the trials of a run stand in its chart: what each cost against what it scored, and the two scales."""

from dataclasses import dataclass

from lissom.core.records import Figures, Trial
from lissom.core.units import format_bytes, format_ms
from lissom.report.svg import Scale
from lissom.report.view import RunView
from lissom.report.wording import decision

HEIGHT = 300  # of the chart, in pixels


@dataclass(frozen=True)
class Point:
    """One trial, or the original (number 0), where it stands in the chart."""

    number: int
    cost: float
    score: float
    kind: str
    title: str
    delivered: bool


def points_of(view: RunView, original: Figures, cost: str) -> list[Point]:
    """The original and every trial that was measured, by ``cost`` (``"latency"`` or ``"size"``)."""
    measured = [trial for trial in view.trials if trial.figures is not None]
    first = Point(
        0, _cost(original, cost, 1.0, original), original.score, "original", _told(original, "original"), False
    )
    return [first, *(_point(trial, original, cost, trial is view.delivered) for trial in measured)]


def _point(trial: Trial, original: Figures, cost: str, delivered: bool) -> Point:
    assert trial.figures is not None
    return Point(
        number=trial.number,
        cost=_cost(trial.figures, cost, trial.latency_ratio, original),
        score=trial.figures.score,
        kind="kept" if trial.kept else "undone",
        title=_told(trial.figures, f"{trial.number} {trial.move}: {decision(trial, trial if delivered else None)}"),
        delivered=delivered,
    )


def _cost(figures: Figures, cost: str, ratio: float, original: Figures) -> float:
    # The ratio was timed in turn with the original; absolute times of different moments do not compare.
    return original.latency_ms * ratio if cost == "latency" else float(figures.size_bytes)


def _told(figures: Figures, title: str) -> str:
    low, high = figures.score_interval
    return (
        f"{title}\n{format_bytes(figures.size_bytes)}, {format_ms(figures.latency_ms)}, "
        f"{figures.measure} {figures.score:.2f} ({low:.2f} to {high:.2f})"
    )


def scales(points: list[Point], limit: float | None, least: float) -> tuple[Scale, Scale]:
    """The scale of the cost, logarithmic, and that of the score.

    Args:
        points: what has to be shown.
        limit: the most it may cost, where there is a limit.
        least: the lowest score allowed.
    """
    costs = [point.cost for point in points] + ([limit] if limit else [])
    low, high = min(costs), max(costs)
    across = Scale(low / 1.35, high * 1.25, log=True)
    firm = _firm(points, least)
    span = max(max(firm) - min(firm), 0.5)
    near = [point.score for point in points if point.score > min(firm) - 2 * span] + firm
    below = any(point.score < min(near) for point in points)
    height = max(near) - min(near) or 1.0
    return across, Scale(min(near) - (0.3 if below else 0.15) * height, max(near) + 0.12 * height)


def _firm(points: list[Point], least: float) -> list[float]:
    """Scores that must be inside: the original, what was kept or delivered (else the best), and the limit."""
    scores = [point.score for point in points if point.kind != "undone" or point.delivered]
    if len(scores) == 1:
        scores.append(max((point.score for point in points[1:]), default=least))
    return [*scores, least]


def down(upward: Scale, score: float) -> float:
    """How far below the upper edge of the chart a score lies, in pixels."""
    return round(HEIGHT * (1 - upward.share(score)), 1)
