"""From importance to the units that go: ranked within a group, among groups of one structure, or among all."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lissom.core.errors import LissomError
from lissom.graph import Group
from lissom.steps.pruning.importance import Importance

RANKINGS = ("local", "global", "isomorphic")
Widths = dict[int, int]


def weakest(importance: Importance, keep: Mapping[int, int]) -> dict[int, tuple[int, ...]]:
    """The units to remove so that ``keep[group]`` of the most important ones are left in each group."""
    removed: dict[int, tuple[int, ...]] = {}
    for index, left in keep.items():
        order = np.argsort(importance[index], kind="stable")
        gone = order[: max(0, len(order) - left)]
        if len(gone):
            removed[index] = tuple(sorted(int(unit) for unit in gone))
    return removed


def widths(
    importance: Importance,
    groups: Sequence[Group],
    share: float,
    *,
    ranking: str = "global",
    round_to: int = 1,
    relative: bool = False,
) -> Widths:
    """How many units each group keeps when a share of all goes.

    ``"local"`` takes the share from every group; ``"global"`` from all units in one order; ``"isomorphic"`` from
    the units of all groups that look alike (Fang et al., 2024, "Isomorphic pruning for vision models", section
    3.2). No group is left with less than it needs.

    Args:
        importance: ``(units,)`` for each group's index.
        groups: the groups.
        share: of the units, between 0 and 1.
        ranking: one of ``RANKINGS``.
        round_to: widths are multiples of this in groups at least four times as wide.
        relative: compare units by their share of the group's mean, for criteria whose scale is a group's own.

    Raises:
        LissomError: the share would leave layers empty, or there is no such ranking.
    """
    check(share, ranking, round_to)
    pools: dict[Any, list[Group]] = {}
    for group in groups:
        pools.setdefault(_pool(group, ranking), []).append(group)
    found: Widths = {}
    for pool in pools.values():
        found |= _kept(importance, pool, share, relative)
    return {group.index: _rounded(found[group.index], group, round_to) for group in groups}


def check(share: float, ranking: str = "global", round_to: int = 1) -> None:
    """Refuse what :func:`widths` cannot do, before anything slow starts."""
    if not 0 <= share < 1:
        raise LissomError(
            f"a share of {share:g} of the units would leave layers empty", hint="give a share between 0 and 1"
        )
    if ranking not in RANKINGS:
        raise LissomError(f"there is no ranking {ranking!r}", hint=f"choose one of {', '.join(RANKINGS)}")
    if round_to < 1:
        raise LissomError(f"widths cannot be multiples of {round_to}", hint="give 1 or more")


def _pool(group: Group, ranking: str) -> Any:
    """What groups that are ranked together have in common."""
    if ranking == "global":
        return 0
    if ranking == "local":
        return group.index
    return group.kind, tuple(
        sorted((member.role, member.dim, member.name.rpartition(".")[2]) for member in group.members)
    )


def _kept(importance: Importance, groups: Sequence[Group], share: float, relative: bool) -> Widths:
    """Take the least important units of all groups, one after the other, where enough are left."""
    scores = [importance[group.index] for group in groups]
    if relative:
        scores = [score / max(float(score.mean()), 1e-300) for score in scores]
    owner = np.repeat(np.arange(len(groups)), [group.units for group in groups])
    left = [group.units for group in groups]
    wanted = round(share * len(owner))
    for place in np.argsort(np.concatenate(scores), kind="stable").tolist():
        if not wanted:
            break
        number = int(owner[place])
        if left[number] > max(1, groups[number].min_units):
            left[number] -= 1
            wanted -= 1
    return {group.index: kept for group, kept in zip(groups, left, strict=True)}


def _rounded(width: int, group: Group, round_to: int) -> int:
    """The nearest multiple that the group has."""
    if group.units < 4 * round_to or width == group.units:
        return width
    nearest = round_to * max(1, round(width / round_to))
    return min(group.units, max(nearest, group.min_units))
