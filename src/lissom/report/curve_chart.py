"""Rate-distortion curves of the original and of the result: PSNR upward, bits a pixel to the right."""

from collections.abc import Sequence
from itertools import pairwise

from markupsafe import Markup

from lissom.core.records import Curve
from lissom.report.svg import Scale, drawing, element

HEIGHT, FOOT = 260, 24
_KINDS = {"original": "original", "result": "kept"}


def curve_chart(curves: Sequence[Curve]) -> Markup:
    """Both curves with a mark at each quality; the rate is logarithmic. Empty without curves."""
    rates, psnrs = ([value for curve in curves for value in getattr(curve, name)] for name in ("rates", "psnrs"))
    if not rates or min(rates) <= 0:
        return Markup("")
    across = Scale(min(rates) / 1.2, max(rates) * 1.2, log=True)
    up = Scale(min(psnrs) - 1, max(psnrs) + 1)
    parts = [*_grid(across, up)]
    for curve in curves:
        parts += _marks(curve, across, up)
    label = "; ".join(f"{curve.name}: {', '.join(_said(curve))}" for curve in curves)
    return drawing(HEIGHT + FOOT, label, *parts)


def _said(curve: Curve) -> list[str]:
    points = zip(curve.rates, curve.psnrs, strict=True)
    return [f"{psnr:.1f} dB at {rate:.3g} bits a pixel" for rate, psnr in points]


def _height(up: Scale, value: float) -> float:
    return round(HEIGHT * (1 - up.share(value)), 1)


def _grid(across: Scale, up: Scale) -> list[Markup]:
    parts: list[Markup] = []
    for value in across.ticks():
        x = across.across(value)
        parts.append(element("line", class_="grid", x1=x, x2=x, y1=0, y2=HEIGHT))
        parts.append(element("text", f"{value:g} bpp", class_="tick middle", x=x, y=HEIGHT + 18))
    for value in up.ticks():
        y = _height(up, value)
        parts.append(element("line", class_="grid", x1=0, x2="100%", y1=y, y2=y))
        parts.append(element("text", f"{value:g} dB", class_="tick", x=2, y=y - 3))
    return parts


def _marks(curve: Curve, across: Scale, up: Scale) -> list[Markup]:
    kind = _KINDS.get(curve.name, "kept")
    points = [(across.across(rate), _height(up, psnr)) for rate, psnr in zip(curve.rates, curve.psnrs, strict=True)]
    lines = [
        element("line", class_=f"curve {kind}", x1=x1, y1=y1, x2=x2, y2=y2) for (x1, y1), (x2, y2) in pairwise(points)
    ]
    dots = [
        element("circle", element("title", told), class_=f"mark {kind}", cx=x, cy=y, r=4)
        for (x, y), told in zip(points, _said(curve), strict=True)
    ]
    return [*lines, *dots]
