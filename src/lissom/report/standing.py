"""Where a run stands: its verdict, or, before there is one, the last kept move against the original."""

from dataclasses import dataclass

from lissom.core.records import Figures, Interval, LimitCheck
from lissom.plan.budget import parse_budget
from lissom.report.view import RunView


@dataclass(frozen=True)
class Standing:
    """The original and the result side by side, both of the split that ``original.split`` names."""

    original: Figures
    result: Figures
    drop: float
    drop_interval: Interval
    latency_ratio: float
    latency_ratio_interval: Interval | None
    limits: tuple[LimitCheck, ...]

    def limit(self, measure: str) -> LimitCheck | None:
        """The limit on ``measure``, if the budget has one."""
        return next((check for check in self.limits if check.limit == measure), None)


def standing(view: RunView) -> Standing | None:
    """Where the run stands, or ``None`` when nothing was kept yet."""
    verdict = view.verdict
    if verdict is not None:
        return Standing(
            verdict.original,
            verdict.final,
            verdict.drop,
            verdict.drop_interval,
            verdict.latency_ratio,
            verdict.latency_ratio_interval,
            verdict.limits,
        )
    best = view.kept[-1] if view.kept else None
    if best is None or best.figures is None or view.baseline is None:
        return None
    budget = parse_budget(view.settings.budget)
    limits = budget.check(view.baseline, best.figures, best.drop, best.latency_ratio)
    return Standing(view.baseline, best.figures, best.drop, best.drop_interval, best.latency_ratio, None, limits)
