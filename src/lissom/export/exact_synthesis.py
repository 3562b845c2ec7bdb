"""A codec's synthesis in whole numbers, so that what one runtime decodes another one decodes bit by bit."""

import copy
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn

from lissom.layers.exact import MOST, ExactConvolution, units, whole
from lissom.layers.passed import Passed
from lissom.zoo.codec import PACKED, Block, Codec, Synthesis

LEVELS = 255
_HALVES = 2 * LEVELS  # a prediction is a whole number of half levels: -0.5 to 0.5 are 510 of them
_PARTS = 4  # of a level, in what is added to the prediction
_LATENTS = "latents"
_TOGETHER = 16  # examples at a time
Largest = Mapping[str, Tensor]


class ExactSynthesis(nn.Module):
    """What :class:`lissom.zoo.codec.Synthesis` gives, rounded to levels of 0 to 255; shapes and range are the same.

    Args:
        synthesis: what it stands for; layers may have been left out, or split in several.
        largest: absolute values by channel, of latents and of what layers and blocks give, by name.
    """

    unit: Tensor

    def __init__(self, synthesis: Synthesis, largest: Largest) -> None:
        super().__init__()
        latents, half = units(largest[_LATENTS]), torch.ones(PACKED, dtype=torch.float64)
        self.register_buffer("unit", latents)
        *shallow, last = synthesis.shallow.named_children()
        self.deep, deep = _exact(synthesis.deep, "deep", latents, largest)
        look = _scaled(synthesis.look, 1 / _HALVES, first=True)
        self.look, seen = _exact(look, "look", half, largest, rectify=True)
        self.join, joined = _exact(synthesis.join, "join", torch.cat([deep, seen]), largest)
        self.shallow, wide = _exact(nn.Sequential(*(layer for _, layer in shallow)), "shallow", joined, largest)
        added = _scaled(last[1], LEVELS * _PARTS, first=False)
        self.last, _ = _exact(added, f"shallow.{last[0]}", wide, largest, after=half)

    def forward(self, latents: Tensor, prediction: Tensor) -> Tensor:
        """Latents ``(batch, latents, h / 8, w / 8)`` and prediction ``(batch, 6, h, w)``, whole levels in -0.5..0.5 or
        zeros, to ``(batch, 6, h, w)``."""
        halves = torch.round(prediction * _HALVES)
        maps = torch.cat([self.deep(whole(latents, self.unit)), self.look(halves)], 1)
        added = self.last(self.shallow(self.join(maps)))
        levels = torch.round((halves * (_PARTS // 2) + added) / _PARTS + LEVELS / 2)
        return torch.clamp(levels, 0, LEVELS) / LEVELS - 0.5


class _ExactBlock(nn.Module):
    """A :class:`lissom.zoo.codec.Block` between whole numbers; the unit of its outputs is ``after``."""

    shift: Tensor

    def __init__(self, block: Block, name: str, before: Tensor, largest: Largest) -> None:
        super().__init__()
        self.after = units(largest[name])
        self.depthwise, middle = _exact(block.depthwise, f"{name}.depthwise", before, largest)
        self.expand, hidden = _exact(block.expand, f"{name}.expand", middle, largest, rectify=True)
        self.project, _ = _exact(block.project, f"{name}.project", hidden, largest, after=self.after, rectified=True)
        self.register_buffer("shift", (before / self.after).float()[:, None, None])

    def forward(self, maps: Tensor) -> Tensor:
        """``(batch, channels, height, width)`` to the same shape."""
        added = self.project(self.expand(self.depthwise(maps)))
        return torch.clamp(torch.round(maps * self.shift) + added, -MOST, MOST)


def _exact(
    module: nn.Module,
    name: str,
    before: Tensor,
    largest: Largest,
    *,
    after: Tensor | None = None,
    rectified: bool = False,
    rectify: bool = False,
) -> tuple[nn.Module, Tensor]:
    """A module between whole numbers, and the unit of each channel that comes out.

    Args:
        module: a convolution, a block, what was put in the place of one, or several in a row.
        name: of the module in the synthesis.
        before: the unit of each channel that comes in.
        largest: values by name.
        after: the unit of each channel that comes out, where it matters.
        rectified: whether nothing below 0 comes in.
        rectify: whether nothing below 0 is to come out.
    """
    if isinstance(module, Passed):
        return module, before
    if isinstance(module, Block):
        block = _ExactBlock(module, name, before, largest)
        return block, block.after
    if isinstance(module, nn.Sequential):
        made: list[nn.Module] = []
        children = list(module.named_children())
        for number, (key, child) in enumerate(children):
            final = number == len(children) - 1
            layer, before = _exact(
                child,
                f"{name}.{key}",
                before,
                largest,
                after=after if final else None,
                rectified=rectified and number == 0,
                rectify=rectify and final,
            )
            made.append(layer)
        return nn.Sequential(*made), before
    assert isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)), f"{name} is a {type(module).__name__}"
    unit = units(largest[name]) if after is None else after
    return ExactConvolution(module, before, unit, rectified=rectified, rectify=rectify), unit


def _scaled(module: nn.Module, factor: float, *, first: bool) -> nn.Module:
    """A copy whose first layer takes its inputs, or whose last layer gives its outputs, times ``factor``."""
    made = copy.deepcopy(module)
    layers = [layer for layer in made.modules() if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d))]
    layer = layers[0 if first else -1]
    with torch.no_grad():
        layer.weight *= factor
        if layer.bias is not None and not first:
            layer.bias *= factor
    return made


@torch.no_grad()
def exact_synthesis(codec: Codec, examples: Sequence[Tensor]) -> ExactSynthesis:
    """The synthesis of a codec in whole numbers.

    Args:
        codec: whose synthesis it is.
        examples: inputs of the codec, of several pictures at all qualities: how large values get.
    """
    largest: dict[str, Tensor] = {}

    def seen(name: str, values: Tensor) -> None:
        found = values.detach().abs().amax((0, 2, 3))
        largest[name] = torch.maximum(largest[name], found) if name in largest else found

    def hook(name: str) -> Callable[[nn.Module, tuple[Tensor, ...], Tensor], None]:
        return lambda _module, _inputs, output: seen(name, output)

    kinds = (nn.Conv2d, nn.ConvTranspose2d, Block)
    layers = ((name, module) for name, module in codec.synthesis.named_modules() if isinstance(module, kinds))
    hooks = [module.register_forward_hook(hook(name)) for name, module in layers]
    hooks.append(codec.synthesis.register_forward_pre_hook(lambda _module, inputs: seen(_LATENTS, inputs[0])))
    try:
        for start in range(0, len(examples[0]), _TOGETHER):
            codec(*(tensor[start : start + _TOGETHER] for tensor in examples))
    finally:
        for handle in hooks:
            handle.remove()
    return ExactSynthesis(codec.synthesis, largest).eval()
