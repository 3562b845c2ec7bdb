"""Tables from a name to the place of its object, read lazily.

The command line lists all steps, targets, tasks and models without importing torch; a new member is one new
file and one line in its table.
"""

import difflib
from collections.abc import Iterable, Iterator, Mapping
from importlib import import_module
from typing import Any

from lissom.core.errors import LissomError

_SHOWN = 12


class Table:
    """Names of one kind of thing, each with the ``module:attribute`` it is found at.

    Args:
        kind: what the members are called in messages, e.g. ``"target"``.
        places: name to ``"package.module:attribute"``.
    """

    def __init__(self, kind: str, places: Mapping[str, str]) -> None:
        self.kind = kind
        self._places = dict(places)

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __contains__(self, name: object) -> bool:
        return name in self._places

    def add(self, name: str, place: str) -> None:
        """Add a member at run time, for code outside lissom.

        Raises:
            LissomError: there is a member of that name.
        """
        if name in self._places:
            raise LissomError(f"there is a {self.kind} called {name!r} already: {self._places[name]}")
        self._places[name] = place

    def get(self, name: str) -> Any:
        """Import and return the member called ``name``.

        Raises:
            LissomError: there is none; close names are given.
        """
        self.check(name)
        module, _, attribute = self._places[name].partition(":")
        return getattr(import_module(module), attribute)

    def check(self, name: str) -> None:
        """Refuse a name that no member has, without importing anything.

        Raises:
            LissomError: there is none; close names are given.
        """
        if name not in self._places:
            some = ", ".join(list(self._places)[:_SHOWN]) + (", ..." if len(self._places) > _SHOWN else "")
            close = did_you_mean(name, self._places)
            raise LissomError(f"unknown {self.kind} {name!r}", hint=(*([close] if close else []), f"known: {some}"))


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A hint that gives the known names closest to ``name``; empty where none is close."""
    close = difflib.get_close_matches(name, list(known), n=3, cutoff=0.5)
    return f"did you mean {' or '.join(close)}?" if close else ""
