"""Kept or undone, and why: from figures alone."""

from dataclasses import dataclass

from lissom.core.records import Figures, LimitCheck
from lissom.engine.measuring import Comparison
from lissom.engine.paying import WORTH, costs_of, pays
from lissom.plan.budget import DROP, Budget

_SPARE = 0.5
_CLEAR = 0.9


@dataclass(frozen=True)
class Decision:
    """Whether a move is kept, and the reason in words."""

    kept: bool
    reason: str


def decide(
    budget: Budget,
    original: Figures,
    tried: Comparison,
    before: Comparison | None,
    *,
    quantized: bool,
    rewritten: bool = False,
) -> Decision:
    """Judge a move on the select split.

    A move that rewrites layers and does not pay on the target (see :func:`lissom.engine.paying.pays`) is undone.
    A move that loses more score than the budget allows is undone. One that only changes the number format is
    kept where it is faster, or where a limit is met with it that is not met without it. Any other one is kept
    where it brings the artefact nearer to the budget. Once the budget is met, a narrower cut replaces what stands
    only when it uses up at most half of the drop: the select split cannot tell the last tenths of a point.

    Args:
        budget: the limits.
        original: the original's figures.
        tried: the artefact after the move.
        before: the artefact before it, ``None`` for the original.
        quantized: whether the move changes the number format alone.
        rewritten: whether it rewrites layers: it then has to pay on the target first of all.
    """
    checks = budget.check(original, tried.figures, tried.drop, tried.latency_ratio)
    drop = next(check for check in checks if check.limit == DROP)
    gained = ""
    if rewritten:
        known = costs_of(original, 1.0) if before is None else costs_of(before.figures, before.latency_ratio)
        payment = pays(budget, costs_of(tried.figures, tried.latency_ratio), known)
        if not payment.pays:
            return Decision(False, payment.words)
        gained = f"{payment.words}; "
    if not drop.met:
        return Decision(False, f"loses {drop.used_text}, allowed are {drop.allowed_text}")
    if quantized:
        known = Comparison(original, 0.0, (0.0, 0.0), 1.0, (1.0, 1.0), 0.0) if before is None else before
        return _number_format(budget, original, tried, known)
    missed = [check for check in checks if not check.met]
    if before is not None:
        earlier = budget.check(original, before.figures, before.drop, before.latency_ratio)
        if overshoot(checks) > 0 and overshoot(checks) >= overshoot(earlier):
            return Decision(False, "no nearer to the budget")
        if overshoot(earlier) == 0 and tried.drop > before.drop and drop.used > _SPARE * drop.allowed:
            return Decision(False, f"loses {drop.used_text}: too near to {drop.allowed_text}, and what stands meets it")
    if missed:
        return Decision(True, f"{gained}on the way: " + ", ".join(_over(check) for check in missed))
    return Decision(True, f"{gained}meets the budget")


def _number_format(budget: Budget, original: Figures, tried: Comparison, before: Comparison) -> Decision:
    now = budget.check(original, tried.figures, tried.drop, tried.latency_ratio)
    earlier = budget.check(original, before.figures, before.drop, before.latency_ratio)
    gained = [a.limit for a, b in zip(now, earlier, strict=True) if a.met and not b.met]
    lost = [a.limit for a, b in zip(now, earlier, strict=True) if b.met and not a.met]
    speed = before.latency_ratio / tried.latency_ratio
    if lost:
        return Decision(False, f"the limit on {' and '.join(lost)} is met without it only")
    if gained:
        return Decision(True, f"the limit on {' and '.join(gained)} needs it ({speed:.2f}x the speed)")
    if tried.latency_ratio <= before.latency_ratio * WORTH:
        return Decision(True, f"{speed:.2f}x the speed")
    if overshoot(now) < overshoot(earlier):
        return Decision(True, f"nearer to the budget ({speed:.2f}x the speed)")
    return Decision(False, f"not faster ({speed:.2f}x the speed), and no limit needs the size")


def clear(budget: Budget, original: Figures, tried: Comparison) -> bool:
    """Whether the budget is met with margin: another measurement of the same artefact would hardly miss it.

    Costs use at most nine tenths of their limits, and the upper end of the drop's interval is within its own.
    """
    checks = budget.check(original, tried.figures, tried.drop_interval[1], tried.latency_ratio)
    return all(check.met and (check.limit == DROP or check.used <= _CLEAR * check.allowed) for check in checks)


def overshoot(checks: tuple[LimitCheck, ...]) -> float:
    """How far beyond their limits the measures are in all, as shares of the limits; 0 where all are met.

    Were it the worst alone, what costs too much score would be no nearer to the budget for meeting all other limits.
    """
    return sum((check.used - check.allowed) / max(abs(check.allowed), 1e-9) for check in checks if not check.met)


def _over(check: LimitCheck) -> str:
    return f"{check.limit} {check.used_text} of {check.allowed_text}"
