"""The path of the trials: what each cost against what it scored, the kept ones joined, the limits as lines."""

from itertools import pairwise

from markupsafe import Markup

from lissom.core.units import format_bytes, format_ms
from lissom.plan.budget import DROP, parse_budget
from lissom.report.path_numbers import numbers
from lissom.report.path_points import HEIGHT, Point, down, points_of, scales
from lissom.report.svg import Scale, drawing, element
from lissom.report.view import RunView

COSTS = ("latency", "size")
_WRITTEN = {"latency": format_ms, "size": format_bytes}


def path_chart(view: RunView, cost: str) -> Markup:
    """Score (or agreement) against ``cost`` (``"latency"`` or ``"size"``) on the split that decisions are made by.

    Trials far below all others are drawn at the lower edge as triangles, so that they do not flatten the rest.
    """
    if view.baseline is None:
        return Markup("")
    points = points_of(view, view.baseline, cost)
    limits = {limit.measure: limit.allowed(view.baseline) for limit in parse_budget(view.settings.budget).limits}
    least = view.baseline.score - limits[DROP]
    across, upward = scales(points, limits.get(cost), least)
    label = f"{view.baseline.measure} against {cost}: " + "; ".join(point.title.replace("\n", ", ") for point in points)
    return drawing(
        HEIGHT,
        label,
        _allowed(across, upward, limits.get(cost), least),
        *_grid(across, upward, cost),
        *_cost_limit(across, limits.get(cost), cost),
        *_score_limit(points, across, upward, f"lowest {view.baseline.measure} allowed", least),
        *(_front(points, view.front, across, upward) if view.front else _arrows(points, across, upward, cost)),
        *(_mark(point, across, upward) for point in points),
        *_ring(points, across, upward),
        *numbers(points, across, upward),
    )


def _allowed(across: Scale, upward: Scale, limit: float | None, least: float) -> Markup:
    """The part of the chart in which both limits are met."""
    width = across.across(limit) if limit else "100%"
    return element("rect", class_="allowed", x=0, y=0, width=width, height=down(upward, least))


def _grid(across: Scale, upward: Scale, cost: str) -> list[Markup]:
    marks: list[Markup] = []
    for value in across.ticks(5):
        x = across.across(value)
        marks.append(element("line", class_="grid", x1=x, x2=x, y1=0, y2=HEIGHT))
        marks.append(element("text", _WRITTEN[cost](value), class_="tick middle", x=x, y=HEIGHT + 18))
    ticks = upward.ticks(6)
    digits = max((len(f"{value:g}".partition(".")[2]) for value in ticks), default=0)
    for value in ticks:
        y = down(upward, value)
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


def _score_limit(points: list[Point], across: Scale, upward: Scale, name: str, least: float) -> list[Markup]:
    """The lowest score allowed, with its ``name`` at the end of its line where fewer marks are."""
    y = down(upward, least)
    near = [across.share(p.cost) for p in points if abs(down(upward, p.score) - y - 10) < 24]
    right = sum(share > 0.5 for share in near) <= sum(share <= 0.5 for share in near)
    kind, x = ("limit-text end", "100%") if right else ("limit-text", 4)
    return [
        element("line", class_="limit", x1=0, x2="100%", y1=y, y2=y),
        element("text", f"{name}, {least:.2f}", class_=kind, x=x, y=y + 15),
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
            y1=down(upward, start.score),
            x2=across.across(end.cost),
            y2=down(upward, end.score),
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
            y1=down(upward, start.score),
            x2=across.across(end.cost),
            y2=down(upward, end.score),
        )
        for start, end in pairwise(best)
    ]


def _mark(point: Point, across: Scale, upward: Scale) -> Markup:
    x, y = across.across(point.cost), down(upward, point.score)
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
        element("circle", class_="ring", cx=across.across(point.cost), cy=down(upward, point.score), r=10)
        for point in points
        if point.delivered
    ]
