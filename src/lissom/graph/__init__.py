"""What must be removed together in any captured model, removing it, and proving that it was removed rightly."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lissom.graph.capturing import Capture, capture
    from lissom.graph.coupling import Coupling, couple
    from lissom.graph.cut import Cut, fingerprint
    from lissom.graph.groups import Group, Member
    from lissom.graph.pruned import Pruned, prune
    from lissom.graph.storage import load, save
    from lissom.graph.verification import Verification, verify

PLACES = {
    "Capture": "capturing",
    "capture": "capturing",
    "Coupling": "coupling",
    "couple": "coupling",
    "Cut": "cut",
    "fingerprint": "cut",
    "Group": "groups",
    "Member": "groups",
    "Pruned": "pruned",
    "prune": "pruned",
    "load": "storage",
    "save": "storage",
    "Verification": "verification",
    "verify": "verification",
}

__all__ = [
    "Capture",
    "Coupling",
    "Cut",
    "Group",
    "Member",
    "Pruned",
    "Verification",
    "capture",
    "couple",
    "fingerprint",
    "load",
    "prune",
    "save",
    "verify",
]


def __getattr__(name: str) -> Any:
    """Import on first use, so that importing lissom does not import torch."""
    if name not in PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{PLACES[name]}"), name)
