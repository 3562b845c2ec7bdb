"""Recoveries carried out elsewhere, several at a time, before the trials that need them.

What is spread is the learning. Measuring is not: it begins when all of it is done, here, one artefact after the
other, so that latency is always measured on the same machine and none of our own work disturbs it.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from lissom.core.ledger import Ledger
from lissom.core.progress import Progress
from lissom.engine.carrying import Carrier, Result
from lissom.engine.moves import Mover
from lissom.engine.planning import Prepared
from lissom.plan.search import first_rung
from lissom.steps.step import ModelStep

_SHARE = 0.8  # of the time left: what is learnt has to be measured after it


class Executor(Protocol):
    """Something that carries steps out on other processes or machines."""

    def turns(self, orders: int) -> int:
        """How many turns so many orders take: 1 where there is room for all of them at once."""
        ...

    def carry(self, orders: Mapping[int, Sequence[Any]], seconds: float) -> Iterator[tuple[int, list[Result]]]:
        """Carry out sequences of steps.

        Args:
            orders: by number, the steps as JSON, from the original on.
            seconds: that each may take; infinite without a limit.

        Yields:
            Number and results of each order, as soon as it is done. One that could not be carried out is left out.

        Raises:
            LissomError: nobody can carry anything out, such as workers of another version.
        """
        ...


class Spread:
    """Lets an executor carry out the recoveries of the rungs that a search may ask for."""

    def __init__(self, ledger: Ledger, carrier: Carrier, mover: Mover, executor: Executor, progress: Progress) -> None:
        self._ledger, self._carrier, self._mover = ledger, carrier, mover
        self._executor, self._progress = executor, progress

    def ahead(self, prepared: Prepared, *, everything: bool, tries: int) -> None:
        """Have done what a search may ask for. Each result is kept when it comes: a kill loses none of those.

        Args:
            prepared: the rungs, and where a search begins.
            everything: whether all rungs are wanted, or the first and its neighbours.
            tries: how many a search tries at most.
        """
        rungs = prepared.rungs
        first = first_rung([rung.drop for rung in rungs], prepared.hope)
        places = range(len(rungs)) if everything else nearest(len(rungs), first, tries)
        share = _SHARE / self._executor.turns(len(places))
        steps = {place: self._mover.settle(place, rungs[place], share) for place in places}
        wanted = {place: found for place, found in steps.items() if not self._carrier.knows(found)}
        if not wanted:
            return
        self._progress.say(f"{len(wanted)} recoveries are spread")
        self._collect(wanted, self._mover.time_left() * share)
        missing = [place for place, found in wanted.items() if not self._carrier.knows(found)]
        if missing:
            note = f"{len(missing)} of {len(wanted)} recoveries came back from no worker; what is needed is done here"
            self._ledger.once("note", "spread", note)
            self._progress.say(note)

    def _collect(self, wanted: Mapping[int, tuple[ModelStep, ...]], seconds: float) -> None:
        orders = {place: json.loads(json.dumps([step.to_json() for step in found])) for place, found in wanted.items()}
        done = self._executor.carry(orders, seconds)
        for place, results in self._progress.track(done, "learning elsewhere", total=len(orders)):
            self._carrier.receive(wanted[place], results)


def nearest(count: int, first: int, tries: int) -> list[int]:
    """The places that a search may come to: ``first``, then those beside it, narrower before wider."""
    return sorted(range(count), key=lambda place: (abs(place - first), -place))[:tries]
