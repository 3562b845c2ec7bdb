"""Dividing what a source holds into train, select and test, so that nothing is judged by what chose it."""

import hashlib
from dataclasses import replace

import numpy as np

from lissom.core.errors import LissomError
from lissom.tasks.grouping import by_groups
from lissom.tasks.listing import Found, Item, Listing, Rows, Together

SELECT_SHARE, SELECT_MOST = 0.1, 5000
TEST_SHARE = 0.2
FLATTERS = (
    "select was carved from train, which the original may have learnt from: its scores flatter every model "
    "alike; the verdict does not use it"
)


def divide(found: Found[Item], *, select: float | None = None, seed: int = 0, limit: int | None = None) -> Found[Item]:
    """Give a source exactly the parts train, select and test. Those that it has stay as they are; where one is divided,
    examples that belong together stay so.

    Args:
        found: what the source holds.
        select: how much of train to carve off where there is no select split: a share below 1, or a number of
            examples. By default a tenth, at most 5,000.
        seed: of the carving.
        limit: use at most so many examples of each part (the quick mode).

    Raises:
        LissomError: a part is empty, or the source has nothing to learn from.
    """
    _check_filled(found, *found.parts)
    found = _into_parts(found, select, seed)
    parts = found.parts
    _check_filled(found, "train", "select", "test")
    if limit is None:
        return found
    order = np.random.default_rng(seed)
    cut = {name: part.at(np.sort(order.permutation(len(part))[:limit])) for name, part in parts.items()}
    note = f"quick mode: at most {limit} examples of each split were used"
    return replace(found, parts=cut, notes=(*found.notes, note))


def _check_filled(found: Found[Item], *names: str) -> None:
    for name in names:
        if name not in found.parts or not len(found.parts[name]):
            raise LissomError(
                f"{found.name} has no examples{'' if name == 'all' else f' for the {name} split'}",
                hint=(
                    "give more examples: where no split is said, a tenth is taken for select and a fifth for test",
                    "or say the splits: folders or files called train, select and test, or a column split in a table",
                ),
            )


def _into_parts(found: Found[Item], select: float | None, seed: int) -> Found[Item]:
    parts, together = found.parts, found.together
    if select is not None and "select" in parts:
        note = "the data has a select split of its own: no other was carved"
        found = replace(found, notes=(*found.notes, note))
    if any(part.groups is not None for part in parts.values()):
        return by_groups(found, TEST_SHARE, select or SELECT_SHARE)
    if "all" in parts:
        made = _by_hash(parts["all"], {"test": TEST_SHARE, "select": _share(select, len(parts["all"]))}, together)
        sizes = ", ".join(f"{name} {len(made[name])}" for name in ("train", "select", "test"))
        note = f"one set of examples was divided by a hash of their names ({sizes})"
        return replace(found, parts=made, notes=(*found.notes, note))
    if "train" in parts and "test" in parts and "select" not in parts:
        train, carved = carve(parts["train"], _share(select, len(parts["train"])), seed, together)
        return replace(found, parts={**parts, "train": train, "select": carved}, notes=(*found.notes, FLATTERS))
    if "train" in parts and "select" in parts and "test" not in parts:
        halves = _by_hash(parts["select"], {"test": 0.5}, together)
        note = "there is no test split: half of the validation split, by a hash of names, is kept for the verdict"
        made = {"train": parts["train"], "select": halves["train"], "test": halves["test"]}
        return replace(found, parts=made, notes=(*found.notes, note))
    return found


def repeats(found: Found[Item], what: str) -> tuple[str, ...]:
    """A note where examples of test are called as some of train or select are, as the same text is.

    Args:
        found: with the parts train, select and test.
        what: the examples are called.
    """
    known = {name for part in ("train", "select") for name in found.parts[part].names()}
    again = sum(name in known for name in found.parts["test"].names())
    return (f"{again} {what} of test are in train or select too: they are not unseen",) if again else ()


def _share(select: float | None, count: int) -> float:
    if select is None:
        return min(SELECT_SHARE, SELECT_MOST / count)
    share = select if select < 1 else select / count
    if not 0 < share < 1:
        raise LissomError(
            f"a select split of {select:g} cannot be taken from {count} examples",
            hint="give a share such as 0.1, or a number of examples below that",
        )
    return share


def carve(
    part: Listing[Item], share: float, seed: int, together: Together | None = None
) -> tuple[Listing[Item], Listing[Item]]:
    """What is left and a random ``share`` of the examples, of each class alike; see ``Found`` for ``together``."""
    groups = _groups(part, together)
    rank = np.argsort(np.random.default_rng(seed).permutation(groups.max(initial=-1) + 1))
    made = _stratified(part, np.argsort(rank[groups], kind="stable"), {"select": share}, groups)
    return made["train"], made["select"]


def _by_hash(part: Listing[Item], shares: dict[str, float], together: Together | None) -> dict[str, Listing[Item]]:
    """Parts by the hash of names, of a group the least: the same examples fall into the same part on every machine."""
    digests = [hashlib.sha256(name.encode("utf-8", "surrogateescape")).digest() for name in part.names()]
    groups, least = _groups(part, together), dict[int, bytes]()
    for group, digest in zip(groups.tolist(), digests, strict=True):
        least[group] = min(digest, least.get(group, digest))
    order = sorted(range(len(part)), key=lambda place: (least[int(groups[place])], digests[place]))
    return _stratified(part, np.asarray(order, dtype=np.int64), shares, groups)


def _groups(part: Listing[Item], together: Together | None) -> Rows:
    """The number of what each example is never divided from, ``(examples,)``, in the order in which they appear."""
    if together is None:
        return np.arange(len(part), dtype=np.int64)
    numbers: dict[str, int] = {}
    return np.asarray([numbers.setdefault(together(name), len(numbers)) for name in part.names()], dtype=np.int64)


def _stratified(part: Listing[Item], order: Rows, shares: dict[str, float], groups: Rows) -> dict[str, Listing[Item]]:
    """Take the first shares of each class in the given order, whole groups of it; what remains is ``"train"``."""
    labels = np.zeros(len(part), dtype=np.int64) if part.labels is None else part.labels
    taken: dict[str, list[Rows]] = {name: [] for name in (*shares, "train")}
    few = len(np.unique(labels)) * 4 > len(part)  # too few of each class: draw from all alike
    for label in (0,) if few else np.unique(labels):
        members = order if few else order[labels[order] == label]
        start = 0
        for name, share in shares.items():
            count = max(1, round(share * len(members))) if len(members) > len(shares) else 0
            end = _between_groups(groups[members], start, start + count)
            taken[name].append(members[start:end])
            start = end
        taken["train"].append(members[start:])
    return {name: part.at(np.sort(np.concatenate(rows))) for name, rows in taken.items()}


def _between_groups(groups: Rows, start: int, end: int) -> int:
    """The place next to ``end`` that divides no group, behind ``start``.

    Args:
        groups: of examples in their order, those of one beside each other, ``(examples,)``.
        start: of what is taken.
        end: of it, where groups may be divided.
    """
    if not start < end < len(groups):
        return end
    same = np.flatnonzero(groups == groups[end])
    first, last = int(same[0]), int(same[-1]) + 1
    return first if first > start and end - first <= last - end else last
