"""The budget: what the artefact may cost and how much score it may lose."""

from dataclasses import dataclass

from lissom.core.errors import LissomError
from lissom.core.records import Figures, LimitCheck
from lissom.core.tables import did_you_mean
from lissom.core.units import format_bytes, format_count, format_ms, parse_quantity

DROP = "drop"
_DIMENSIONS = {
    "latency": "time",
    "size": "bytes",
    "memory": "bytes",
    "macs": "count",
    "parameters": "count",
    DROP: "points",
}
_FIGURES = {
    "latency": "latency_ms",
    "size": "size_bytes",
    "memory": "peak_memory_bytes",
    "macs": "macs",
    "parameters": "parameters",
}
_WRITTEN = {"time": format_ms, "bytes": format_bytes, "count": format_count}
_NOTHING = 1e-12  # neither divided by nor told apart
_EXAMPLE = 'for example "latency<=5ms, size<=2MB, drop<=0.5pt" or "latency<=15%, drop<=1%"'


@dataclass(frozen=True)
class Limit:
    """One limit: ``measure <= value``.

    ``value`` is in milliseconds, bytes, a count or points of score, or, where ``relative``, a fraction of the
    original's FP32 artefact on the same target (for ``drop``: of the original's score).
    """

    measure: str
    value: float
    relative: bool
    text: str

    def allowed(self, original: Figures) -> float:
        """The limit in its own unit, given the original's figures."""
        if not self.relative:
            return self.value
        return self.value * (abs(original.score) if self.measure == DROP else figure(original, self.measure))

    def check(self, original: Figures, final: Figures, drop: float, latency_ratio: float) -> LimitCheck:
        """Hold figures against this limit.

        Args:
            original: figures of the original's FP32 artefact.
            final: figures of the artefact in question.
            drop: points of score lost on the same examples.
            latency_ratio: of the two, timed in turn in one process.
        """
        if self.measure == DROP:
            used = drop / max(abs(original.score), _NOTHING) if self.relative else drop
        elif self.relative:
            ratio = figure(final, self.measure) / max(figure(original, self.measure), _NOTHING)
            used = latency_ratio if self.measure == "latency" else ratio
        else:
            used = figure(final, self.measure)
        return LimitCheck(
            limit=self.measure,
            used=used,
            allowed=self.value,
            used_text=self._written(used),
            allowed_text=self._written(self.value),
            met=used <= self.value + _NOTHING,
        )

    def _written(self, value: float) -> str:
        if self.relative:
            return f"{value * 100:.3g} %"
        if self.measure == DROP:
            return f"{value:.2f} points"
        return _WRITTEN[_DIMENSIONS[self.measure]](value)


@dataclass(frozen=True)
class Budget:
    """All limits, at most one for each measure."""

    limits: tuple[Limit, ...]

    @property
    def drop(self) -> Limit:
        """The limit on the score."""
        return next(limit for limit in self.limits if limit.measure == DROP)

    @property
    def costs(self) -> tuple[Limit, ...]:
        """The limits on what the artefact costs."""
        return tuple(limit for limit in self.limits if limit.measure != DROP)

    def __str__(self) -> str:
        return ", ".join(limit.text for limit in self.limits)

    def check(self, original: Figures, final: Figures, drop: float, latency_ratio: float) -> tuple[LimitCheck, ...]:
        """Hold figures against every limit (see :meth:`Limit.check`)."""
        return tuple(limit.check(original, final, drop, latency_ratio) for limit in self.limits)


DEFAULT_DROP = Limit(DROP, 0.01, relative=True, text="drop<=1%")


def figure(figures: Figures, measure: str) -> float:
    """The figure that a limit on ``measure`` (any but the drop) speaks of, in its own unit."""
    return float(getattr(figures, _FIGURES[measure]))


def parse_budget(text: str) -> Budget:
    """Read a budget such as ``"size<=2%, latency<=15%, drop<=0.5pt"``.

    Without a limit on the drop, :data:`DEFAULT_DROP` is taken.

    Raises:
        LissomError: it does not parse, names a measure twice, or asks for what cannot be.
    """
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not parts:
        raise LissomError("the budget is empty", hint=_EXAMPLE)
    limits: dict[str, Limit] = {}
    for part in parts:
        limit = _parse_limit(part)
        if limit.measure in limits:
            earlier = limits[limit.measure].text
            raise LissomError(f"the budget limits {limit.measure} twice: {earlier!r} and {part!r}", hint=_EXAMPLE)
        limits[limit.measure] = limit
    limits.setdefault(DROP, DEFAULT_DROP)
    return Budget(tuple(limits.values()))


def in_points(text: str) -> str:
    """A budget with its drop in points, for a score of which a point is a percent and 0 is the original's.

    A share of such a score would be a share of nothing: ``"macs<=40%, drop<=2%"`` is ``"macs<=40%, drop<=2pt"``, and
    without a drop that of :data:`DEFAULT_DROP` is told, ``"macs<=40%, drop<=1pt"``.

    Raises:
        LissomError: see :func:`parse_budget`.
    """
    budget = parse_budget(text)
    if not budget.drop.relative:
        return text
    points = 100 * budget.drop.value
    return str(Budget((*budget.costs, Limit(DROP, points, relative=False, text=f"{DROP}<={points:g}pt"))))


def check_costs(budget: Budget) -> None:
    """Refuse a budget that limits no cost, where a result is searched for.

    Raises:
        LissomError: the original meets it.
    """
    if not budget.costs:
        raise LissomError(
            f"the budget {str(budget)!r} limits only the drop, so the original meets it",
            hint=(f"say what the artefact may cost, {_EXAMPLE}", "--front shows what can be had for which drop"),
        )


def _parse_limit(part: str) -> Limit:
    measure, sign, value = (piece.strip() for piece in part.partition("<="))
    if not sign:
        raise LissomError(f"{part!r} is not a limit", hint=f"write MEASURE<=VALUE, {_EXAMPLE}")
    if measure not in _DIMENSIONS:
        hint = did_you_mean(measure, _DIMENSIONS) or f"measures: {', '.join(_DIMENSIONS)}"
        raise LissomError(f"{part!r} limits an unknown measure {measure!r}", hint=hint)
    quantity = parse_quantity(value, _DIMENSIONS[measure])
    if measure != DROP and quantity.value <= 0:
        raise LissomError(f"{part!r} can never be met: nothing costs less than zero")
    if measure == DROP and quantity.value < 0:
        raise LissomError(f"{part!r} asks for a gain in score", hint="the least drop is 0pt")
    if quantity.relative and quantity.value > 1:
        raise LissomError(f"{part!r} allows more than the original has", hint="percentages go up to 100%")
    return Limit(measure, quantity.value, quantity.relative, f"{measure}<={value}")


def check_absolute(budget: Budget, original: Figures, *, planned: bool = False) -> None:
    """Refuse a budget that asks nothing of this original, or that its score gives no meaning to.

    Args:
        budget: the limits.
        original: what they are limits of.
        planned: whether the user says what is to be done: then a budget that asks for nothing judges it all the same.

    Raises:
        LissomError: every limit on cost is met without doing anything, or the drop is a share of a score of 0.
    """
    if budget.drop.relative and abs(original.score) < _NOTHING:
        raise LissomError(
            f"the original scores 0, so {budget.drop.text} is a share of nothing",
            hint='limit the drop in points, for example --budget "drop<=0.5pt"',
        )
    met = all(figure(original, limit.measure) <= limit.allowed(original) for limit in budget.costs)
    if budget.costs and met and not planned:
        cost = ", ".join(f"{limit.measure} {limit.text.partition('<=')[2]}" for limit in budget.costs)
        raise LissomError(
            f"the original meets the budget already ({cost})",
            hint="lower the limits, or deploy the original as it is",
        )
