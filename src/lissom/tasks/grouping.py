"""Dividing by groups, such as speakers: what is judged by comes from groups that nothing was learnt from."""

import hashlib
from dataclasses import replace

import numpy as np

from lissom.core.errors import LissomError
from lissom.tasks.listing import Found, Item, Listing


def by_groups(found: Found[Item], test_share: float, select_share: float) -> Found[Item]:
    """Make the missing ones of train, select and test out of whole groups, by a hash of their names.

    Args:
        found: what the source holds, with groups.
        test_share: of the examples, to be reached at least, for the verdict.
        select_share: the same, to choose by; as a number of examples where it is 1 or more.

    Raises:
        LissomError: there are too few groups, or some examples have none.
    """
    parts = dict(found.parts)
    bare = next((name for name, part in parts.items() if part.groups is None), None)
    if bare is not None:
        raise LissomError(
            f"{found.name}: the part {bare} has no {found.grouped_by}, another has", hint="name them all, or none"
        )
    if "all" in parts:
        whole = parts.pop("all")
        parts["test"], rest = _taken(found, whole, test_share * len(whole), left=2)
        parts["select"], parts["train"] = _taken(found, rest, _count(select_share, len(whole)), left=1)
    elif "train" in parts and "test" in parts and "select" not in parts:
        whole = parts["train"]
        parts["select"], parts["train"] = _taken(found, whole, _count(select_share, len(whole)), left=1)
    elif "train" in parts and "select" in parts and "test" not in parts:
        parts["test"], parts["select"] = _taken(found, parts["select"], len(parts["select"]) / 2, left=1)
    if "test" not in parts:
        return found
    told = "; ".join(
        f"{name} {_told(parts[name], found.grouped_by)}" for name in ("train", "select", "test") if name in parts
    )
    return replace(found, parts=parts, notes=(*found.notes, told, *_shared(parts, found.grouped_by)))


def _count(share: float, examples: int) -> float:
    return share * examples if share < 1 else share


def _taken(found: Found[Item], part: Listing[Item], wanted: float, *, left: int) -> tuple[Listing[Item], Listing[Item]]:
    """Whole groups until ``wanted`` examples are reached, and what stays: at least ``left`` groups."""
    assert part.groups is not None
    names = sorted(set(part.groups.tolist()), key=lambda group: hashlib.sha256(group.encode()).digest())
    if len(names) < left + 1:
        listed = ", ".join(sorted(names))
        raise LissomError(
            f"{found.name} has too few {found.grouped_by} to be divided by them: {listed}",
            hint="say which clips are train, select and test, by folders or in a manifest",
        )
    taken: list[str] = []
    count = 0
    for group in names[: len(names) - left]:
        if taken and count >= wanted:
            break
        taken.append(group)
        count += int((part.groups == group).sum())
    chosen = np.isin(part.groups, taken)
    return part.at(np.flatnonzero(chosen)), part.at(np.flatnonzero(~chosen))


def _shared(parts: dict[str, Listing[Item]], word: str) -> tuple[str, ...]:
    """A note where the user's own parts have groups in common with the one for the verdict."""
    test, others = parts["test"].groups, [parts[name].groups for name in ("train", "select") if name in parts]
    assert test is not None
    known = {group for groups in others if groups is not None for group in groups.tolist()}
    common = sorted(known & set(test.tolist()))
    if not common:
        return ()
    return (f"{len(common)} {word} of test, such as {common[0]}, are in train or select too: they are not unseen",)


def _told(part: Listing[Item], word: str) -> str:
    assert part.groups is not None
    names = sorted(set(part.groups.tolist()))
    shown = ", ".join(names) if len(names) <= 4 else f"{len(names)} {word}"
    return f"{len(part)} clips of {shown}"
