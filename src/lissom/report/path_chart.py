"""The path of the trials: what each cost against what it scored, the kept ones joined, the limits as lines."""

from dataclasses import dataclass
from itertools import pairwise

from markupsafe import Markup

from lissom.core.records import Figures, Trial
from lissom.core.units import format_bytes, format_ms
from lissom.plan.budget import DROP, parse_budget
from lissom.report.svg import Scale, drawing, element
from lissom.report.view import RunView
from lissom.report.wording import decision

HEIGHT = 300
COSTS = ("latency", "size")
_WRITTEN = {"latency": format_ms, "size": format_bytes}
_GUESSED_WIDTH = 420
_BELOW = ((0, -20), (0, -34), (0, -48), (0, -62))
_PLACES = ((0, -15), (0, 23), (16, 4), (-16, 4), (15, -11), (-15, -11), (15, 19), (-15, 19))


@dataclass(frozen=True)
class Point:
    """One trial, or the original (number 0), where it stands in the chart."""

    number: int
    cost: float
    score: float
    kind: str
    title: str
    delivered: bool


def path_chart(view: RunView, cost: str) -> Markup:
    """Score against ``cost`` (``"latency"`` or ``"size"``) on the split that decisions are made by.

    Trials far below all others are drawn at the lower edge as triangles, so that they do not flatten the rest.
    """
    if view.baseline is None:
        return Markup("")
    points = _points(view, view.baseline, cost)
    limits = {limit.measure: limit.allowed(view.baseline) for limit in parse_budget(view.settings.budget).limits}
    least = view.baseline.score - limits[DROP]
    across, upward = _scales(points, limits.get(cost), least)
    label = f"score against {cost}: " + "; ".join(point.title.replace("\n", ", ") for point in points)
    return drawing(
        HEIGHT,
        label,
        _allowed(across, upward, limits.get(cost), least),
        *_grid(across, upward, cost),
        *_cost_limit(across, limits.get(cost), cost),
        *_score_limit(points, across, upward, least),
        *(_front(points, view.front, across, upward) if view.front else _arrows(points, across, upward, cost)),
        *(_mark(point, across, upward) for point in points),
        *_ring(points, across, upward),
        *_labels(points, across, upward),
    )


def _points(view: RunView, original: Figures, cost: str) -> list[Point]:
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
        f"score {figures.score:.2f} ({low:.2f} to {high:.2f})"
    )


def _scales(points: list[Point], limit: float | None, least: float) -> tuple[Scale, Scale]:
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


def _down(upward: Scale, score: float) -> float:
    return round(HEIGHT * (1 - upward.share(score)), 1)


def _allowed(across: Scale, upward: Scale, limit: float | None, least: float) -> Markup:
    """The part of the chart in which both limits are met."""
    width = across.across(limit) if limit else "100%"
    return element("rect", class_="allowed", x=0, y=0, width=width, height=_down(upward, least))


def _grid(across: Scale, upward: Scale, cost: str) -> list[Markup]:
    marks: list[Markup] = []
    for value in across.ticks(5):
        x = across.across(value)
        marks.append(element("line", class_="grid", x1=x, x2=x, y1=0, y2=HEIGHT))
        marks.append(element("text", _WRITTEN[cost](value), class_="tick middle", x=x, y=HEIGHT + 18))
    ticks = upward.ticks(6)
    digits = max((len(f"{value:g}".partition(".")[2]) for value in ticks), default=0)
    for value in ticks:
        y = _down(upward, value)
        marks.append(element("line", class_="grid", x1=0, x2="100%", y1=y, y2=y))
        marks.append(element("text", f"{value:.{digits}f}", class_="tick end", x=-8, y=y + 4))
    return marks


def _cost_limit(across: Scale, limit: float | None, cost: str) -> list[Markup]:
    """The most it may cost, named above the chart."""
    if not limit:
        return []
    x = across.across(limit)
    kind = "limit-text" if across.share(limit) < 0.5 else "limit-text end"
    return [
        element("line", class_="limit", x1=x, x2=x, y1=0, y2=HEIGHT),
        element("text", f"{cost} limit, {_WRITTEN[cost](limit)}", class_=kind, x=x, y=-6),
    ]


def _score_limit(points: list[Point], across: Scale, upward: Scale, least: float) -> list[Markup]:
    """The lowest score allowed, named at the end of its line where fewer marks are."""
    y = _down(upward, least)
    near = [across.share(p.cost) for p in points if abs(_down(upward, p.score) - y - 10) < 24]
    right = sum(share > 0.5 for share in near) <= sum(share <= 0.5 for share in near)
    kind, x = ("limit-text end", "100%") if right else ("limit-text", 4)
    return [
        element("line", class_="limit", x1=0, x2="100%", y1=y, y2=y),
        element("text", f"lowest score allowed, {least:.2f}", class_=kind, x=x, y=y + 15),
    ]


def _arrows(points: list[Point], across: Scale, upward: Scale, cost: str) -> list[Markup]:
    """Lines along the kept path, with a head in the middle so that it is not hidden by the marks."""
    kept = [point for point in points if point.kind != "undone"]
    head = element(
        "marker",
        element("path", class_="head", d="M0 0L8 4L0 8z"),
        id=f"head-{cost}",
        viewBox="0 0 8 8",
        refX=16,
        refY=4,
        markerWidth=8,
        markerHeight=8,
        orient="auto",
        markerUnits="userSpaceOnUse",
    )
    lines = [
        element(
            "line",
            class_="path",
            x1=across.across(start.cost),
            y1=_down(upward, start.score),
            x2=across.across(end.cost),
            y2=_down(upward, end.score),
            marker_end=f"url(#head-{cost})",
        )
        for start, end in pairwise(kept)
    ]
    return [element("defs", head), *lines]


def _front(points: list[Point], front: tuple[int, ...], across: Scale, upward: Scale) -> list[Markup]:
    """A line through the trials that no other one beats."""
    best = sorted((point for point in points if point.number in front), key=lambda point: point.cost)
    return [
        element(
            "line",
            class_="path",
            x1=across.across(start.cost),
            y1=_down(upward, start.score),
            x2=across.across(end.cost),
            y2=_down(upward, end.score),
        )
        for start, end in pairwise(best)
    ]


def _mark(point: Point, across: Scale, upward: Scale) -> Markup:
    x, y = across.across(point.cost), _down(upward, point.score)
    title = element("title", point.title)
    if point.score < upward.low:
        shape = element("path", title, class_="mark undone", d="M-6 -14L6 -14L0 -4z")
        return element("svg", shape, x=x, y=HEIGHT, overflow="visible")
    if point.kind == "original":
        shape = element("rect", title, class_="mark original", x=-6, y=-6, width=12, height=12)
        return element("svg", shape, x=x, y=y, overflow="visible")
    return element("circle", title, class_=f"mark {point.kind}", cx=x, cy=y, r=6)


def _ring(points: list[Point], across: Scale, upward: Scale) -> list[Markup]:
    """A ring around the trial that was delivered."""
    return [
        element("circle", class_="ring", cx=across.across(point.cost), cy=_down(upward, point.score), r=10)
        for point in points
        if point.delivered
    ]


def _labels(points: list[Point], across: Scale, upward: Scale) -> list[Markup]:
    """A number at each mark, put where no mark, line or number is (as far as the width can be guessed)."""
    marks = [(across.share(p.cost) * _GUESSED_WIDTH, _down(upward, p.score)) for p in points]
    kept = [mark for point, mark in zip(points, marks, strict=True) if point.kind != "undone"]
    taken = [*marks, *(place for start, end in pairwise(kept) for place in _between(start, end))]
    labels: list[Markup] = []
    for point, (x, y) in zip(points, marks, strict=True):
        below = point.score < upward.low
        text = f"{point.number}: {point.score:.1f}" if below else str(point.number or "original")
        half = 3.5 * len(text)
        shift = min(0.0, _GUESSED_WIDTH - x - half) + max(0.0, half - x)
        places = _BELOW if below else _PLACES
        dx, dy = max(places, key=lambda at: _room(x + shift + at[0], y + at[1] - 4, half, taken))
        taken += [(x + shift + dx + side, y + dy - 4) for side in (-half, 0, half)]
        position = across.across(point.cost)
        labels.append(element("text", text, class_="number middle", x=position, y=y, dx=round(dx + shift), dy=dy))
    return labels


def _between(start: tuple[float, float], end: tuple[float, float]) -> list[tuple[float, float]]:
    """Places along a line, about as far apart as a number is wide."""
    (left, top), (right, bottom) = start, end
    count = max(2, round(((left - right) ** 2 + (top - bottom) ** 2) ** 0.5 / 10))
    shares = [index / count for index in range(1, count)]
    return [(left + (right - left) * share, top + (bottom - top) * share) for share in shares]


def _room(x: float, y: float, half: float, taken: list[tuple[float, float]]) -> float:
    """The distance from a text (its middle and half its width) to the nearest thing that is there already.

    Beyond 12 pixels all is well; outside of the chart nothing is.
    """
    if not (0 < x < _GUESSED_WIDTH and 4 < y < HEIGHT - 4):
        return -1.0
    gaps = ((max(0.0, abs(x - left) - half + 4), y - top) for left, top in taken)
    return min(12.5, *((across**2 + down**2) ** 0.5 for across, down in gaps))
