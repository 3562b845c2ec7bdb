"""Several captured modules as one, where what one of them puts out goes straight into another."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.utils import _pytree as pytree


@dataclass(frozen=True)
class Link:
    """A tensor that one module puts out: the name of the module, and the place among its outputs, flat."""

    source: str
    place: int


@dataclass(frozen=True)
class Given:
    """A tensor that comes from elsewhere: its place among the inputs of the whole."""

    place: int


@dataclass(frozen=True)
class Station:
    """A module in the order of the calls.

    Args:
        name: its name in the model.
        inputs: positional inputs and inputs by name, flat: links, places of given tensors, and what is no tensor.
        spec: how they are nested.
    """

    name: str
    inputs: tuple[Any, ...]
    spec: pytree.TreeSpec


class Joined(nn.Module):
    """Modules of a model as one module, under their names in the model.

    It puts out what none of its modules takes up. Of what is linked it puts out the sum over the dimensions that
    nobody outside looks at, so that the other dimensions are outputs like any other.

    Args:
        model: whose modules these are (not a copy).
        stations: the modules in the order of their calls.
        free: per link, the dimensions whose size nothing outside of the modules depends on.
    """

    def __init__(self, model: nn.Module, stations: Sequence[Station], free: Mapping[Link, tuple[int, ...]]) -> None:
        super().__init__()
        self.stations, self.free = tuple(stations), dict(free)
        for station in self.stations:
            owner: nn.Module = self
            *path, leaf = station.name.split(".")
            for name in path:
                if name not in owner._modules:
                    owner.add_module(name, nn.Module())
                owner = owner.get_submodule(name)
            owner.add_module(leaf, model.get_submodule(station.name))

    def over(self, model: nn.Module) -> "Joined":
        """The same modules of another copy of the model."""
        return Joined(model, self.stations, self.free)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the modules."""
        return tuple(station.name for station in self.stations)

    def forward(self, *given: torch.Tensor) -> list[torch.Tensor]:
        made: dict[Link, Any] = {}
        for station in self.stations:
            leaves = [
                made[leaf] if isinstance(leaf, Link) else given[leaf.place] if isinstance(leaf, Given) else leaf
                for leaf in station.inputs
            ]
            args, kwargs = pytree.tree_unflatten(leaves, station.spec)
            outputs = pytree.tree_leaves(self.get_submodule(station.name)(*args, **kwargs))
            made.update({Link(station.name, place): leaf for place, leaf in enumerate(outputs)})
        tensors = {link: leaf for link, leaf in made.items() if isinstance(leaf, torch.Tensor)}
        return [leaf.sum(self.free[link]) if link in self.free else leaf for link, leaf in tensors.items()]
