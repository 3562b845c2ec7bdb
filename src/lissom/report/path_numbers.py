"""The numbers at the marks of a chart, put where no mark, line or number is."""

from itertools import pairwise

from markupsafe import Markup

from lissom.report.path_points import HEIGHT, Point, down
from lissom.report.svg import Scale, element

_GUESSED_WIDTH = 420  # of the chart, in pixels; the page decides it
_BELOW = ((0, -20), (0, -34), (0, -48), (0, -62))
_PLACES = ((0, -15), (0, 23), (16, 4), (-16, 4), (15, -11), (-15, -11), (15, 19), (-15, 19))


def numbers(points: list[Point], across: Scale, upward: Scale) -> list[Markup]:
    """A number for each mark, as far from everything else as the width of the chart can be guessed."""
    marks = [(across.share(p.cost) * _GUESSED_WIDTH, down(upward, p.score)) for p in points]
    kept = [mark for point, mark in zip(points, marks, strict=True) if point.kind != "undone"]
    taken = [*marks, *(place for start, end in pairwise(kept) for place in _between(start, end))]
    placed: list[Markup] = []
    for point, (x, y) in zip(points, marks, strict=True):
        below = point.score < upward.low
        text = f"{point.number}: {point.score:.1f}" if below else str(point.number or "original")
        half = 3.5 * len(text)
        shift = min(0.0, _GUESSED_WIDTH - x - half) + max(0.0, half - x)
        places = _BELOW if below else _PLACES
        dx, dy = max(places, key=lambda at: _room(x + shift + at[0], y + at[1] - 4, half, taken))
        taken += [(x + shift + dx + side, y + dy - 4) for side in (-half, 0, half)]
        position = across.across(point.cost)
        placed.append(element("text", text, class_="number middle", x=position, y=y, dx=round(dx + shift), dy=dy))
    return placed


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
    return min(12.5, *((aside**2 + below**2) ** 0.5 for aside, below in gaps))
