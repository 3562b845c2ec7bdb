"""A model that computes as it will in INT8, in numbers that gradients go through: weights and inputs of layers rounded.

Jacob et al., 2018, "Quantization and training of neural networks for efficient integer-arithmetic-only inference",
section 3: what is rounded forwards is passed through backwards (Bengio et al., 2013, section 4).
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from lissom.core.machine import has_int8_dot_product
from lissom.workload.workload import Batch

Range = tuple[float, float]
_LAYERS = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.Linear)
_LEVELS = 255
_LARGEST, _LARGEST_IN_PAIRS = 127, 63
_LEAST = 1e-12


class Simulated(nn.Module):
    """Runs a model with rounded weights and inputs of layers.

    Hooks and rounded weights are there during a call alone. BatchNorm keeps its statistics while training: in INT8 it
    is a part of the weights. Its scale by channel changes nothing of how weights are rounded by channel.

    Args:
        module: the model; convolutions and linear layers are rounded.
        ranges: of each layer's input, by the layer's name, from :func:`input_ranges`; zero is inside.
    """

    def __init__(self, module: nn.Module, ranges: Mapping[str, Range]) -> None:
        super().__init__()
        self.module, self.ranges = module, dict(ranges)

    def train(self, mode: bool = True) -> "Simulated":
        """Training mode, without that of BatchNorm."""
        super().train(mode)
        for part in self.module.modules():
            if isinstance(part, nn.modules.batchnorm._BatchNorm):
                part.eval()
        return self

    def forward(self, *inputs: Any) -> Any:
        """What the model answers in INT8."""
        layers = layers_of(self.module)
        rounded = {f"{name}.weight": round_weight(layer.weight, _largest(layer)) for name, layer in layers.items()}
        handles = [
            layers[name].register_forward_pre_hook(_rounding(*ends))
            for name, ends in self.ranges.items()
            if name in layers
        ]
        try:
            return functional_call(self.module, rounded, inputs)
        finally:
            for handle in handles:
                handle.remove()


def layers_of(module: nn.Module) -> dict[str, Any]:
    """The convolutions and linear layers of a model, by name."""
    return {name: part for name, part in module.named_modules() if isinstance(part, _LAYERS)}


@torch.no_grad()
def input_ranges(module: nn.Module, batches: Iterable[Batch]) -> dict[str, Range]:
    """The least and the largest value that each layer reads, by its name; layers without a number to read are left out.

    Args:
        module: in eval mode; it stays as it is.
        batches: calibration inputs.
    """
    found: dict[str, Range] = {}
    handles = [layer.register_forward_pre_hook(_watching(name, found)) for name, layer in layers_of(module).items()]
    try:
        for batch in batches:
            module(*batch.inputs)
    finally:
        for handle in handles:
            handle.remove()
    return found


def round_weight(weight: Tensor, largest: int = _LARGEST) -> Tensor:
    """A weight ``(outputs, ...)`` rounded to integers up to ``largest`` by output channel, times its scale."""
    scale = weight.detach().flatten(1).abs().amax(1).clamp(min=_LEAST) / largest
    zero = torch.zeros(len(weight), dtype=torch.int32, device=weight.device)
    return torch.fake_quantize_per_channel_affine(weight, scale, zero, 0, -largest, largest)


def round_input(value: Tensor, low: float, high: float) -> Tensor:
    """A value rounded to 256 steps between ``low`` (at most 0) and ``high`` (at least 0), and cut off there."""
    scale = max(high - low, _LEAST) / _LEVELS
    return torch.fake_quantize_per_tensor_affine(value, scale, min(_LEVELS, max(0, round(-low / scale))), 0, _LEVELS)


def _largest(layer: Any) -> int:
    """Products are summed in pairs where there is no 8-bit dot product: dense weights then keep to 7 bits."""
    return _LARGEST if has_int8_dot_product() or getattr(layer, "groups", 1) > 1 else _LARGEST_IN_PAIRS


def _rounding(low: float, high: float) -> Callable[[nn.Module, tuple[Any, ...]], tuple[Any, ...]]:
    def rounded(_module: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        return (round_input(inputs[0].float(), low, high), *inputs[1:])

    return rounded


def _watching(name: str, found: dict[str, Range]) -> Callable[[nn.Module, tuple[Any, ...]], None]:
    def watch(_module: nn.Module, inputs: tuple[Any, ...]) -> None:
        value = inputs[0] if inputs else None
        if isinstance(value, Tensor) and value.is_floating_point():
            low, high = found.get(name, (0.0, 0.0))
            found[name] = (min(low, float(value.min())), max(high, float(value.max())))

    return watch
