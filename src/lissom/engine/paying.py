"""Whether a rewritten model pays on the target: what it gains there in what the budget is about."""

from collections.abc import Mapping
from dataclasses import dataclass

from lissom.core.records import Figures
from lissom.plan.budget import Budget, figure

WORTH = 0.98  # of what it was: a smaller gain is noise
MEASURES = ("latency", "size", "memory", "macs", "parameters")


@dataclass(frozen=True)
class Payment:
    """Whether something is gained, and what in words."""

    pays: bool
    words: str


def pays(budget: Budget, now: Mapping[str, float], before: Mapping[str, float]) -> Payment:
    """Compare costs on the target, by measure (latency as a share of the original's).

    It pays to be faster, or to need less of what the budget limits, by more than noise, and not to need more of
    anything that it limits.

    Args:
        budget: the limits.
        now: costs of the rewritten artefact.
        before: costs of what stands, or of the original.
    """
    speed = f"{before['latency'] / max(now['latency'], 1e-12):.2f}x the speed"
    limited = [limit.measure for limit in budget.costs] or ["latency"]
    dearer = [name for name in limited if now[name] * WORTH > before[name]]
    if dearer:
        costs = "not faster" if dearer == ["latency"] else f"more {' and '.join(dearer)}"
        return Payment(False, f"{costs} ({speed})")
    cheaper = [name for name in limited if name != "latency" and now[name] < before[name] * WORTH]
    if now["latency"] < before["latency"] * WORTH:
        return Payment(True, speed)
    if cheaper:
        shares = ", ".join(f"{name} {1 - now[name] / before[name]:.0%} less" for name in cheaper)
        return Payment(True, f"{shares} ({speed})")
    return Payment(False, f"not faster ({speed})")


def costs_of(figures: Figures, latency_ratio: float) -> dict[str, float]:
    """The costs that :func:`pays` compares."""
    return {name: latency_ratio if name == "latency" else figure(figures, name) for name in MEASURES}
