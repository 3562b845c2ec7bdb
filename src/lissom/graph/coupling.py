"""What must be removed together in a captured model, and the cut that a choice of units amounts to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

import numpy as np

from lissom.core.collecting import no_collection
from lissom.core.errors import LissomError
from lissom.graph.capturing import Capture
from lissom.graph.closing import Flags, Structure, structure
from lissom.graph.cut import Cut, fingerprint
from lissom.graph.groups import Group, find_groups
from lissom.graph.tags import PINNED
from lissom.graph.walking import Walk, walk
from lissom.graph.whole import whole_layers


@dataclass(frozen=True)
class Coupling:
    """The groups of a model.

    Args:
        capture: what was analysed.
        groups: those from which something can be removed.
        unknown: operators without a rule -> how often; everything that they touch is left alone.
        notes: what was left alone and why, in words.
    """

    capture: Capture
    groups: tuple[Group, ...]
    unknown: Mapping[str, int]
    notes: tuple[str, ...]
    walk: Walk = field(repr=False, compare=False)
    relations: Structure = field(repr=False, compare=False)

    def cut(self, removed: Mapping[int, Sequence[int]]) -> Cut:
        """The cut that removes units.

        Args:
            removed: number of a group -> numbers of its units.

        Raises:
            LissomError: a layer would be emptied, or the rows of a block would become unequal.
        """
        dead = np.zeros((1, self.relations.count), dtype=bool)
        for number, units in removed.items():
            group = self._group(number)
            for unit in self._units(group, units):
                dead[0, group.tags[unit]] = True
        dead = self.relations.close(dead)[0]
        self._check(dead)
        return Cut(kept_positions(self.walk, dead), fingerprint(self.capture.model))

    def _group(self, number: int) -> Group:
        if not 0 <= number < len(self.groups):
            raise LissomError(f"there is no group {number}", hint=f"this model has groups 0 to {len(self.groups) - 1}")
        return self.groups[number]

    def _units(self, group: Group, units: Sequence[int]) -> list[int]:
        if isinstance(units, str) or not all(isinstance(unit, (int, np.integer)) for unit in np.atleast_1d(units)):
            raise LissomError(
                f"the units of group {group.index} are {units!r}", hint="give whole numbers, as in [0, 3]"
            )
        chosen = sorted({int(unit) for unit in np.atleast_1d(units)})
        if chosen and not 0 <= chosen[0] <= chosen[-1] < group.units:
            raise LissomError(f"group {group.index} ({group.name}) has units 0 to {group.units - 1}, not {chosen[-1]}")
        if group.units - len(chosen) < group.min_units:
            raise LissomError(
                f"removing {len(chosen)} of {group.units} {group.kind} would empty {group.name}",
                hint=f"keep at least {group.min_units} of group {group.index}",
            )
        return chosen

    def _check(self, dead: Flags) -> None:
        """Raise unless the dead tags leave every layer something and every block equal."""
        if dead[PINNED]:
            raise LissomError("this removes something that has to stay", hint="remove fewer units at once")
        for name, maps in self.walk.state.items():
            for m in maps.at.values():
                if dead[self.walk.tags.find(m.tags)].all():
                    raise LissomError(f"this would empty {name}", hint="remove fewer units")
        for floor in self.walk.tags.floors:
            if dead[self.walk.tags.find(floor)].all():
                raise LissomError("this would empty a slice that the model computes with", hint="remove fewer units")
        unequal = int((self.relations.excess(dead[None]) > 0).sum())
        if unequal:
            raise LissomError(
                f"this leaves {unequal} heads or groups with more cells than others of their layer",
                hint="remove equally many cells from each; whole units of one group do",
            )

    def __str__(self) -> str:
        lines = [f"{len(self.groups)} groups, {sum(g.units for g in self.groups)} units"]
        lines.extend(f"  {g.index:4d}  {g.units:5d} {g.kind:12s} {g.name}" for g in self.groups)
        lines.extend(f"note: {note}" for note in self.notes)
        return "\n".join(lines)


def couple(capture: Capture, *, keep: Sequence[str] = ()) -> Coupling:
    """Find what must be removed together.

    Args:
        capture: the model, captured.
        keep: patterns (as in file names) of modules or parameters to leave alone, e.g. ``"classifier.*"``. Their
            own outputs stay; what they read may shrink.
    """
    with no_collection():
        found = walk(capture)
        _keep(found, keep)
        groups, relations = find_groups(found, structure(found.tags))
    return Coupling(capture, groups, dict(found.unknown), tuple(_notes(found)), found, relations)


def _keep(found: Walk, patterns: Sequence[str]) -> None:
    """Pin the outputs of what the patterns name."""
    for pattern in patterns:
        hits = [name for name in found.state if matches(name, pattern)]
        if not hits:
            raise LissomError(f"keep: no module or parameter is called {pattern!r}", hint=_like(found, pattern))
        for name in hits:
            for dim, m in found.state[name].at.items():
                if found.roles.get((name, dim)) != "consumer":
                    found.tags.pin(m.tags)
        found.notes.append(f"{pattern}: kept as asked")


def matches(name: str, pattern: str) -> bool:
    """Whether the parameter or one of the modules around it matches."""
    parts = name.split(".")
    return any(fnmatchcase(".".join(parts[:n]), pattern) for n in range(1, len(parts) + 1))


def _like(found: Walk, pattern: str) -> str:
    names = sorted({name.rpartition(".")[0] for name in found.state})
    return f"names look like {', '.join(names[:5])}"


def _notes(found: Walk) -> list[str]:
    unknown = [
        f"{name}: no rule for this operator ({n} times), so everything that it touches stays"
        for name, n in sorted(found.unknown.items())
    ]
    return [*found.notes, *unknown, *whole_layers(found)]


def kept_positions(found: Walk, dead: Flags) -> dict[str, dict[int, tuple[int, ...]]]:
    """For each parameter, buffer and constant that loses something: dimension -> positions that stay."""
    kept: dict[str, dict[int, tuple[int, ...]]] = {}
    for name, maps in found.state.items():
        for dim, m in maps.at.items():
            gone = dead[found.tags.find(m.tags)]
            if gone.any():
                kept.setdefault(name, {})[dim] = tuple(int(i) for i in np.flatnonzero(~gone))
    return kept
