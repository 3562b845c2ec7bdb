"""The cards at the top of the page: each measure before and after, and what is left of its limit."""

from dataclasses import dataclass

from lissom.core.records import LimitCheck
from lissom.core.units import format_bytes, format_count, format_ms
from lissom.report.standing import Standing
from lissom.report.wording import interval, lower, times


@dataclass(frozen=True)
class Gauge:
    """What was used of a limit: ``share`` in percent of the gauge, ``allowed`` where the limit lies on it."""

    text: str
    share: float
    allowed: float
    met: bool


@dataclass(frozen=True)
class Card:
    """One measure: ``change`` is its ratio in words, ``before`` and ``after`` are written with units."""

    name: str
    change: str
    before: str
    after: str
    extra: str
    gauge: Gauge | None


def cards(now: Standing) -> tuple[Card, ...]:
    """Size, latency and score first; then what they come from."""
    before, after = now.original, now.result
    low, high = after.latency_interval_ms
    return (
        Card(
            "size",
            times(before.size_bytes, after.size_bytes, less="smaller", more="larger", same="no smaller"),
            format_bytes(before.size_bytes),
            format_bytes(after.size_bytes),
            "of the exported artefact",
            _gauge(now.limit("size")),
        ),
        Card(
            "latency",
            times(1.0, now.latency_ratio, less="faster", more="slower", same="no faster"),
            format_ms(before.latency_ms),
            format_ms(after.latency_ms),
            f"median; 95 %: {low:.3g} to {high:.3g} ms",
            _gauge(now.limit("latency")),
        ),
        Card(
            before.measure,
            lower(now.drop),
            f"{before.score:.2f}",
            f"{after.score:.2f}",
            f"drop, {interval(now.drop_interval)}",
            _gauge(now.limit("drop")),
        ),
        *_causes(now),
    )


def _causes(now: Standing) -> tuple[Card, ...]:
    before, after = now.original, now.result
    rows = (
        ("multiply-adds", before.macs, after.macs, format_count, "macs"),
        ("parameters", before.parameters, after.parameters, format_count, "parameters"),
        ("peak memory", before.peak_memory_bytes, after.peak_memory_bytes, format_bytes, "memory"),
    )
    return tuple(
        Card(
            name,
            times(old, new, less="fewer", more="more", same="as many")
            if written is format_count
            else times(old, new, less="less", more="more", same="as much"),
            written(old),
            written(new),
            "",
            _gauge(now.limit(measure)),
        )
        for name, old, new, written, measure in rows
    )


def _gauge(check: LimitCheck | None) -> Gauge | None:
    """The gauge reaches a little beyond the limit, or as far as was used."""
    if check is None:
        return None
    end = max(check.allowed * 1.25, check.used, 1e-12)
    used = check.used_text.removesuffix(" points") if check.allowed_text.endswith(" points") else check.used_text
    return Gauge(
        text=f"{used} of {check.allowed_text} allowed",
        share=100 * max(check.used, 0.0) / end,
        allowed=100 * check.allowed / end,
        met=check.met,
    )
