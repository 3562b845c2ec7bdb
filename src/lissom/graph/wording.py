"""Groups in words that teach."""

from collections.abc import Iterable

from lissom.graph.groups import Group, Member

WHAT = {
    "channels": ("channel", "channels"),
    "heads": ("attention head", "attention heads"),
    "head size": ("cell of every attention head", "cells of every attention head"),
    "groups": ("group of channels", "groups of channels"),
    "group width": ("channel of every group", "channels of every group"),
}
WHY = {
    "producer": "producers, which make it",
    "follower": "followers, which go along with it index by index",
    "consumer": "consumers, which read it",
}
SHOWN = 8  # calls that tie a group together


def describe(group: Group) -> str:
    """A few lines: what one unit is, and which slices of which parameters go with it and why."""
    one, many = WHAT.get(group.kind, (group.kind, group.kind))
    lines = [f"group {group.index}: {group.units} {many} of {group.name}"]
    lines.append(f"  removing one {one} removes, together:")
    for role, why in WHY.items():
        members = group.having(role)
        if members:
            lines.append(f"  {why}:")
            lines.extend(f"    {line}" for line in _members(members))
    if group.ties:
        more = len(group.ties) - SHOWN
        lines.append("  these are one because they meet, index by index, in:")
        lines.extend(f"    {tie}" for tie in group.ties[:SHOWN])
        lines.extend([f"    and {more} more"] if more > 0 else [])
    if group.overlaps:
        lines.append(f"  shares parameters with {_groups(group.overlaps)}; they can be cut together")
    if group.min_units > 1:
        lines.append(f"  at least {group.min_units} have to stay")
    return "\n".join(lines)


def _members(members: Iterable[Member]) -> list[str]:
    lines = []
    for member in members:
        each = member.indices.shape[1]
        what = "1 index" if each == 1 else f"{each} indices"
        lines.append(f"{member.name}: {what} along dimension {member.dim}")
    return lines


def _groups(numbers: tuple[int, ...]) -> str:
    listed = ", ".join(map(str, numbers))
    return f"group {listed}" if len(numbers) == 1 else f"groups {listed}"
