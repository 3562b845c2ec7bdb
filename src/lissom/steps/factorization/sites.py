"""Layers that another one can stand in for: plain linear layers and 2-D convolutions, and how they are used."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from lissom.cost.trace import plain_attention
from lissom.steps.repair.layers import Layer, find_layers
from lissom.steps.repair.observe import observe
from lissom.workload.workload import Batch


@dataclass(frozen=True)
class Site:
    """A layer as it is used.

    ``kernel``, ``stride``, ``padding`` and ``dilation`` are ``(height, width)``, ``read`` and ``written`` the sizes
    of the maps; a linear layer has ones there, and padding 0.
    """

    module: str
    layer: Layer
    inputs: int
    outputs: int
    kernel: tuple[int, int] = (1, 1)
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)
    dilation: tuple[int, int] = (1, 1)
    read: tuple[int, int] = (1, 1)
    written: tuple[int, int] = (1, 1)

    @property
    def macs(self) -> int:
        """Multiply-adds of the layer for one example (of a linear layer: for one row)."""
        return self.inputs * self.outputs * self.kernel[0] * self.kernel[1] * self.spots

    @property
    def spots(self) -> int:
        """Places of its output."""
        return self.written[0] * self.written[1]

    @property
    def biased(self) -> bool:
        """Whether it has a bias of its own."""
        return self.layer.bias is not None

    def sizes(self, **more: Any) -> dict[str, Any]:
        """What a layer that stands in for a convolution is built with, and ``more``."""
        walk = {name: list(getattr(self, name)) for name in ("kernel", "stride", "padding", "dilation")}
        return {"inputs": self.inputs, "outputs": self.outputs, **walk, "bias": self.biased, **more}


def find_sites(model: nn.Module, names: Sequence[str], batch: Batch) -> list[Site]:
    """Those of the named modules that can be replaced, in the order of the forward.

    They are exactly ``nn.Linear`` or ``nn.Conv2d`` (without groups, with zeros around), called once as modules, with
    a weight of their own.

    Args:
        model: the model, in eval mode; it is not changed.
        names: of modules.
        batch: inputs.
    """
    called = _called(model, batch)
    once = [name for name in names if called.get(name) == 1]
    plain = [name for name in once if _is_plain(model.get_submodule(name))]
    weights = {f"{name}.weight": model.get_parameter(f"{name}.weight") for name in plain}
    readings = observe(model, batch.inputs, weights, until_all=False)
    sites: list[Site] = []
    for layer in find_layers(model, list(weights), batch):
        module, reading = model.get_submodule(layer.name.removesuffix(".weight")), readings[layer.name][0]
        name = layer.name.removesuffix(".weight")
        if isinstance(module, nn.Linear):
            sites.append(Site(name, layer, module.in_features, module.out_features))
        elif isinstance(module, nn.Conv2d):
            walk = (_two(reading.stride), _two(reading.padding), _two(reading.dilation))
            maps = _two(reading.read.shape[2:]), _two(reading.written.shape[2:])
            kernel = _two(module.kernel_size)
            sites.append(Site(name, layer, module.in_channels, module.out_channels, kernel, *walk, *maps))
    return sites


def _is_plain(module: nn.Module) -> bool:
    if type(module) is nn.Conv2d:
        return module.groups == 1 and module.padding_mode == "zeros"
    return type(module) is nn.Linear


@torch.no_grad()
def _called(model: nn.Module, batch: Batch) -> dict[str, int]:
    """How often each module is called, by the first of its names; none where a weight has two owners."""
    watched, times = copy.deepcopy(model), dict[str, int]()
    owners: dict[int, int] = {}
    for _, parameter in watched.named_parameters(remove_duplicate=False):
        owners[id(parameter)] = owners.get(id(parameter), 0) + 1
    for name, part in watched.named_modules():
        if all(owners[id(parameter)] == 1 for parameter in part.parameters(recurse=False)):

            def hook(_: nn.Module, args: Any, name: str = name) -> None:
                times[name] = times.get(name, 0) + 1

            part.register_forward_pre_hook(hook)  # on a copy of our own
    with plain_attention():  # in which an encoder layer of PyTorch calls its layers one by one
        watched(*batch.inputs)
    return times


def _two(values: Sequence[Any]) -> tuple[int, int]:
    first, second = values
    return int(first), int(second)
