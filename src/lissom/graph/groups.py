"""Groups: units that look alike, with every slice of every parameter that goes with a unit."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from lissom.graph.closing import Structure
from lissom.graph.tags import PINNED, Array
from lissom.graph.tying import ties
from lissom.graph.units import Unit, block_units
from lissom.graph.walking import Walk

_SHOWN = 3  # positions in a name


@dataclass(frozen=True)
class Member:
    """One dimension of one parameter or buffer that loses indices with the group.

    Args:
        name: fully qualified name of the parameter or buffer.
        dim: the dimension along which indices go.
        role: ``"producer"`` (weight or bias that makes the channel), ``"consumer"`` (weight that reads it) or
            ``"follower"`` (normalisation, scale, statistics: goes along).
        indices: positions along ``dim`` that each unit owns, (units, positions per unit).
    """

    name: str
    dim: int
    role: str
    indices: Array

    @property
    def module(self) -> str:
        """Fully qualified name of the module that holds it ('' for the model itself)."""
        return self.name.rpartition(".")[0]


@dataclass(frozen=True)
class Group:
    """Units of one kind, any of which can be removed (all but ``min_units`` of them).

    What a unit is depends on ``kind``: a channel; a head with everything in it; one cell of every head ("head
    size"); a group of a grouped convolution ("groups") or one channel of each ("group width"). Groups of rows
    (heads) and of cells (head size) of the same attention overlap in their parameters and may be cut together:
    what a removed head contained is not removed twice.

    Args:
        index: its number in the coupling.
        kind: what one unit is.
        name: the module whose output it is, as the most telling example; where several groups of a kind are parts of
            its output, with the positions that are this group's, as in ``"stage3.0.branch1.2[24:48]"``.
        units: how many there are.
        members: everything that goes with them.
        min_units: how many have to stay.
        overlaps: the numbers of the groups that share parameters' positions with this one.
        ties: the calls in which several activations share the units, such as ``"add in layer1.0"``.
    """

    index: int
    kind: str
    name: str
    units: int
    members: tuple[Member, ...]
    min_units: int = 1
    overlaps: tuple[int, ...] = ()
    ties: tuple[str, ...] = ()
    tags: tuple[Array, ...] = field(default=(), repr=False, compare=False)

    def having(self, role: str) -> tuple[Member, ...]:
        """The members of one role."""
        return tuple(m for m in self.members if m.role == role)

    @property
    def producers(self) -> tuple[Member, ...]:
        return self.having("producer")

    @property
    def consumers(self) -> tuple[Member, ...]:
        return self.having("consumer")

    @property
    def followers(self) -> tuple[Member, ...]:
        return self.having("follower")

    def __str__(self) -> str:
        from lissom.graph.wording import describe

        return describe(self)


def find_groups(found: Walk, relations: Structure) -> tuple[tuple[Group, ...], Structure]:
    """All groups, and the relations between their tags, in the order in which the model's state is first used."""
    sites = _sites(found)
    present = np.unique(np.concatenate([roots for _, _, roots in sites])) if sites else np.zeros(0, dtype=np.int64)
    atoms = np.setdiff1d(present[present != PINNED], relations.members)
    flat = [Unit(tag, False) for tag in atoms[:, None]]
    rows: list[Unit] = []
    units, relations = block_units(relations, present)
    flat.extend(u for u in units if not u.whole_row)
    rows.extend(u for u in units if u.whole_row)
    words = _words(found)
    drafts = [*_family(found, sites, flat, words), *_family(found, sites, rows, words)]
    drafts.sort(key=lambda d: d[0])
    groups = _numbered([group for _, group in drafts])
    tied = ties(found, [np.concatenate(group.tags) for group in groups])
    return tuple(replace(group, ties=words) for group, words in zip(groups, tied, strict=True)), relations


def _sites(found: Walk) -> list[tuple[str, int, Array]]:
    """Every dimension of every parameter, buffer and constant with the representatives along it."""
    seen: set[int] = set()
    sites = []
    for name, maps in found.state.items():
        if id(maps) not in seen:
            seen.add(id(maps))
            sites.extend((name, dim, found.tags.find(m.tags)) for dim, m in maps.at.items())
    return sites


def _words(found: Walk) -> dict[int, str]:
    words: dict[int, str] = {}
    for tags, word in found.tags.labels:
        for tag in found.tags.find(tags):
            words.setdefault(int(tag), word)
    return words


Draft = tuple[tuple[int, int], Group]


def _family(
    found: Walk, sites: Sequence[tuple[str, int, Array]], units: Sequence[Unit], words: Mapping[int, str]
) -> list[Draft]:
    """Sort disjoint units into groups of those that occur in the same places equally often."""
    if not units:
        return []
    unit_of = np.full(found.tags.count, -1, dtype=np.int64)
    for number, unit in enumerate(units):
        unit_of[unit.tags] = number
    rng = np.random.default_rng(0)
    weight = rng.integers(1, 2**63 - 1, size=len(sites), dtype=np.int64)
    print_of = np.zeros(len(units), dtype=np.int64)
    owned: list[tuple[int, Array, Array]] = []
    for number, (_, _, roots) in enumerate(sites):
        owner = unit_of[roots]
        places = np.flatnonzero(owner >= 0)
        if len(places):
            np.add.at(print_of, owner[places], weight[number])
            owned.append((number, places, owner[places]))
    prints, group_of = np.unique(print_of, return_inverse=True)
    members: list[list[tuple[int, Array, Array]]] = [[] for _ in prints]
    for number, places, owner in owned:
        for g in np.unique(group_of[owner]):
            mine = group_of[owner] == g
            members[int(g)].append((number, places[mine], owner[mine]))
    return [
        _draft(found, sites, [units[int(u)] for u in np.flatnonzero(group_of == g)], parts, words)
        for g, parts in enumerate(members)
        if parts
    ]


def _draft(
    found: Walk,
    sites: Sequence[tuple[str, int, Array]],
    units: Sequence[Unit],
    parts: Sequence[tuple[int, Array, Array]],
    words: Mapping[int, str],
) -> Draft:
    members = []
    for number, places, owner in parts:
        name, dim, _ = sites[number]
        order = np.lexsort((places, owner))
        role = found.roles.get((name, dim), "follower")
        members.append(Member(name, dim, role, places[order].reshape(len(units), -1)))
    kinds = [words[int(t)] for t in units[0].tags if int(t) in words]
    kind = _kind(units[0], kinds)
    name = _name(members)
    group = Group(0, kind, name, len(units), tuple(members), tags=tuple(u.tags for u in units))
    return (parts[0][0], int(units[0].whole_row)), group


def _kind(unit: Unit, words: Sequence[str]) -> str:
    allowed = ("heads", "groups") if unit.whole_row else ("head size", "group width")
    return next((w for w in words if w in allowed), "groups" if unit.whole_row else "channels")


def _name(members: Sequence[Member]) -> str:
    member = _most_telling(members)
    return member.module or member.name


def _most_telling(members: Sequence[Member]) -> Member:
    """The first that makes the units, or else reads them, or goes along with them."""
    return min(members, key=lambda member: ("producer", "consumer", "follower").index(member.role))


def _numbered(groups: Sequence[Group]) -> tuple[Group, ...]:
    """Give the groups that have something to remove their numbers and names that tell them apart, and say which
    overlap."""
    groups = _told_apart([g for g in groups if g.units > g.min_units])
    overlaps = _overlaps(groups)
    return tuple(replace(group, index=n, overlaps=overlaps[n]) for n, group in enumerate(groups))


def _told_apart(groups: Sequence[Group]) -> list[Group]:
    """The groups with the positions that are theirs in their names, where several of a kind have the same."""
    count = Counter((group.name, group.kind) for group in groups)
    return [
        replace(group, name=f"{group.name}[{_positions(group)}]") if count[group.name, group.kind] > 1 else group
        for group in groups
    ]


def _positions(group: Group) -> str:
    """``"24:48"``, or the first few of those that are no such run; groups of a kind have none in common."""
    places = np.unique(_most_telling(group.members).indices)
    if places[-1] - places[0] == len(places) - 1:
        return f"{places[0]}:{places[-1] + 1}"
    return ", ".join(map(str, places[:_SHOWN])) + (", ..." if len(places) > _SHOWN else "")


def _overlaps(groups: Sequence[Group]) -> list[tuple[int, ...]]:
    """For each group the numbers of those that hold some of the same tags."""
    if not groups:
        return []
    held = [np.unique(np.concatenate(g.tags)) for g in groups]
    tags = np.concatenate(held)
    owner = np.repeat(np.arange(len(groups)), [len(h) for h in held])[np.argsort(tags, kind="stable")]
    counts = np.unique(tags, return_counts=True)[1]
    starts = np.cumsum(counts) - counts
    found: list[set[int]] = [set() for _ in groups]
    for count in np.unique(counts[counts > 1]):
        sharing = owner[starts[counts == count][:, None] + np.arange(count)]
        for numbers in np.unique(sharing, axis=0).tolist():
            for n in numbers:
                found[n].update(set(numbers) - {n})
    return [tuple(sorted(f)) for f in found]
