"""How the single timings are spread: the original and the result on one axis, with median and p95."""

from collections import Counter
from dataclasses import dataclass

from markupsafe import Markup

from lissom.core.records import Figures
from lissom.core.units import format_ms
from lissom.report.svg import Scale, drawing, element

ROW = 84
BINS = 120
_FAR = 3.0


@dataclass(frozen=True)
class Row:
    """One distribution: its name, its class in the style sheet, and what was measured."""

    name: str
    kind: str
    figures: Figures


def latency_chart(original: Figures, result: Figures) -> Markup:
    """Two histograms over one axis, logarithmic where timings are far apart; each has its own height.

    Empty without single timings.
    """
    rows = (Row("original", "original", original), Row("result", "kept", result))
    samples = [*original.latency_samples_ms, *result.latency_samples_ms]
    if not (original.latency_samples_ms and result.latency_samples_ms) or min(samples) <= 0:
        return Markup("")
    low, high = min(samples), max(samples)
    scale = Scale(low / 1.1, high * 1.1, log=True) if high > _FAR * low else Scale(low - (high - low) / 10, high * 1.05)
    height = ROW * len(rows)
    label = "; ".join(f"{row.name}: {_described(row.figures)}" for row in rows)
    parts = [part for index, row in enumerate(rows) for part in _histogram(row, scale, (index + 1) * ROW)]
    return drawing(height, label, *_axis(scale, height), *parts)


def _described(figures: Figures) -> str:
    p50, p95 = format_ms(figures.latency_ms), format_ms(figures.latency_p95_ms)
    return f"p50 {p50}, p95 {p95}, {len(figures.latency_samples_ms)} timings"


def _axis(scale: Scale, height: int) -> list[Markup]:
    marks: list[Markup] = []
    for value in scale.ticks(5):
        x = scale.across(value)
        marks.append(element("line", class_="grid", x1=x, x2=x, y1=0, y2=height))
        marks.append(element("text", format_ms(value), class_="tick middle", x=x, y=height + 18))
    return marks


def _histogram(row: Row, scale: Scale, floor: int) -> list[Markup]:
    samples = row.figures.latency_samples_ms
    bins = Counter(min(int(scale.share(sample) * BINS), BINS - 1) for sample in samples)
    tallest = max(bins.values())
    parts = [element("line", class_="axis", x1=0, x2="100%", y1=floor, y2=floor)]
    for index, count in sorted(bins.items()):
        height = max(1.0, (ROW - 26) * count / tallest)
        parts.append(
            element(
                "rect",
                element("title", f"{row.name}: {count} of {len(samples)} timings"),
                class_=f"bin {row.kind}",
                x=f"{index * 100 / BINS:.2f}%",
                y=round(floor - height, 1),
                width=f"{100 / BINS:.2f}%",
                height=round(height, 1),
            )
        )
    return [*parts, *_quantiles(row, scale, floor)]


def _quantiles(row: Row, scale: Scale, floor: int) -> list[Markup]:
    parts: list[Markup] = []
    for name, value in (("p50", row.figures.latency_ms), ("p95", row.figures.latency_p95_ms)):
        x = scale.across(value)
        title = element("title", f"{row.name}: {name} {format_ms(value)}")
        parts.append(element("line", title, class_=f"quantile {name}", x1=x, x2=x, y1=floor - ROW + 20, y2=floor))
    p50, p95 = row.figures.latency_ms, row.figures.latency_p95_ms
    right = scale.share(p50) > 0.5
    parts.append(
        element(
            "text",
            f"{row.name}: p50 {format_ms(p50)}, p95 {format_ms(p95)}",
            class_="number end" if right else "number",
            x=scale.across(p95 if right else p50),
            y=floor - ROW + 14,
        )
    )
    return parts
