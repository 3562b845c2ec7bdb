"""What the charts are drawn with: escaped SVG elements, and scales with round ticks.

Horizontal positions are percentages of the drawing's width, so that a chart fits a phone and a desk alike
while its letters keep their size; vertical positions are pixels.
"""

import math
from dataclasses import dataclass

from markupsafe import Markup, escape


def element(name: str, *content: Markup | str, **attributes: object) -> Markup:
    """An SVG or HTML element. ``class_`` is written ``class``, ``stroke_width`` is ``stroke-width``."""
    written = Markup("").join(
        Markup(' {}="{}"').format(key.rstrip("_").replace("_", "-"), value)
        for key, value in attributes.items()
        if value is not None
    )
    inside = Markup("").join(escape(item) for item in content)
    return Markup("<{0}{1}>{2}</{0}>").format(Markup(name), written, inside)


def drawing(height: int, label: str, *content: Markup) -> Markup:
    """A drawing as wide as its place and ``height`` pixels high; ``label`` says it in words."""
    return element("svg", *content, width="100%", height=height, role="img", aria_label=label)


@dataclass(frozen=True)
class Scale:
    """Values from ``low`` to ``high`` on a straight or a logarithmic axis."""

    low: float
    high: float
    log: bool = False

    def share(self, value: float) -> float:
        """Where ``value`` lies between low (0) and high (1); beyond them it stays at the edge."""
        low, high, at = (self._bent(v) for v in (self.low, self.high, max(self.low, min(self.high, value))))
        return (at - low) / (high - low) if high > low else 0.5

    def across(self, value: float) -> str:
        """The horizontal position as a percentage."""
        return f"{self.share(value) * 100:.2f}%"

    def ticks(self, most: int = 6) -> tuple[float, ...]:
        """Round values inside the scale, at most about ``most`` of them."""
        decades = math.log10(self.high / self.low) if self.log else 0.0
        if decades < 0.7:
            return _straight_ticks(self.low, self.high, most)
        for steps in ((1, 2, 5), (1, 3), (1,)):
            ticks = _decade_ticks(self.low, self.high, steps)
            if len(ticks) <= most:
                return ticks
        return _decade_ticks(self.low, self.high, (1,))[:: math.ceil(decades / most)]

    def _bent(self, value: float) -> float:
        return math.log10(value) if self.log else value


def _straight_ticks(low: float, high: float, most: int) -> tuple[float, ...]:
    raw = max((high - low) / most, 1e-12)
    unit = 10.0 ** math.floor(math.log10(raw))
    step = unit * next(factor for factor in (1, 2, 5, 10) if factor * unit >= raw)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return tuple(round(index * step, 12) for index in range(first, last + 1))


def _decade_ticks(low: float, high: float, steps: tuple[int, ...]) -> tuple[float, ...]:
    exponents = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    values = (step * 10.0**exponent for exponent in exponents for step in steps)
    return tuple(value for value in values if low <= value <= high)
