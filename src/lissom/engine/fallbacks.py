"""Operators of the delivered artefact that do not run as meant: said in the run's notes, never silent."""

from lissom.core.errors import first_line
from lissom.core.ledger import Ledger
from lissom.targets.target import INT8, Artefact, Target

_SHOWN = 6


def note_fallbacks(target: Target, artefact: Artefact, ledger: Ledger) -> None:
    """Write down which operators run outside the fast kernels, or in float in an INT8 artefact; nothing if none does.

    Args:
        target: that runs the artefact.
        artefact: what is delivered.
        ledger: of the run.
    """
    try:
        found = target.fallbacks(artefact)
    except Exception as error:  # a runtime may fail in ways of its own, and the result is there
        ledger.once("note", "fallbacks", f"{target.title} does not tell what falls back: {first_line(error)}")
        return
    if not found:
        return
    often = sorted(found.items(), key=lambda item: -item[1])
    more = f" and {len(often) - _SHOWN} more kinds" if len(often) > _SHOWN else ""
    told = ", ".join(f"{count} {kind}" for kind, count in often[:_SHOWN]) + more
    where = "in float or outside the fast kernels" if artefact.precision == INT8 else "outside the fast kernels"
    ledger.once("note", "fallbacks", f"{target.title} runs {where}: {told}")
