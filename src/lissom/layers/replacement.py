"""Modules put in the place of others, as data: which, by what kind of layer, and of which sizes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from lissom.core.errors import LissomError
from lissom.core.tables import Table

PASSED = "passed"
LAYERS = Table(
    "layer",
    {
        PASSED: "lissom.layers.passed:Passed",
        "low_rank_linear": "lissom.layers.low_rank:LowRankLinear",
        "low_rank_embedding": "lissom.layers.low_rank:LowRankEmbedding",
        "low_rank_channels": "lissom.layers.low_rank:LowRankChannels",
        "low_rank_spatial": "lissom.layers.low_rank:LowRankSpatial",
        "tucker2": "lissom.layers.low_rank:Tucker2",
        "separable": "lissom.layers.separable:Separable",
    },
)


@dataclass(frozen=True)
class Replacement:
    """A layer in the place of the module called ``module``.

    ``kind`` is a name in ``LAYERS``; ``sizes`` are what its class is built with: whole numbers, truth values and
    lists of them.
    """

    module: str
    kind: str
    sizes: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def build(self) -> nn.Module:
        """The layer with weights that mean nothing yet; the global random state stays."""
        with torch.random.fork_rng(devices=[]):
            return LAYERS.get(self.kind)(**self.sizes)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {"module": self.module, "kind": self.kind, "sizes": dict(self.sizes)}


def put(model: nn.Module, name: str, layer: nn.Module) -> None:
    """Put ``layer`` in the place of the module called ``name``, in place.

    Raises:
        LissomError: the model has no module of that name.
    """
    parent, _, leaf = name.rpartition(".")
    owner = dict(model.named_modules(remove_duplicate=False)).get(parent)
    if not name or owner is None or leaf not in dict(owner.named_children()):
        raise LissomError(
            f"this {type(model).__name__} has no layer called {name!r}",
            hint="the plan was made for another architecture",
        )
    old = owner.get_submodule(leaf)
    layer.train(old.training)
    setattr(owner, leaf, layer)
