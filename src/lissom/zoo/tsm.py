"""Video classifiers over light backbones: the temporal shift (Lin et al. 2019) and a causal (2+1)-D head.

Frames go through a network for pictures; few layers look back in time, none ahead, so that each of these has an
exact streaming form (:mod:`lissom.zoo.tsm_streaming`).
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.models.mobilenetv2 import InvertedResidual
from torchvision.models.squeezenet import Fire

from lissom.zoo.models import build
from lissom.zoo.names import VIDEO_BACKBONES
from lissom.zoo.tsm_layers import Difference, Shifted, Temporal, TemporalConvolution

SHARE = 8  # of its channels a shifted block takes the eighth part from the frame before (Lin et al. 2019, section 3.2)
HEAD = 128


class VideoClassifier(nn.Module):
    """Layers over the frames of a clip, of which some look back in time; the mean of all frames' scores.

    Args:
        layers: from pictures to maps; those that are :class:`Temporal` also get the number of frames.
        channels: of the last map.
        num_classes: size of the output.
        dropout: before the linear layer.
    """

    def __init__(self, layers: nn.Sequential, channels: int, num_classes: int, dropout: float = 0.2) -> None:
        super().__init__()
        self.layers = layers
        self.dropout = nn.Dropout(dropout)
        self.classifier = nn.Linear(channels, num_classes)

    def forward(self, clips: Tensor) -> Tensor:
        """``(batch, 3, frames, height, width)`` to ``(batch, num_classes)``."""
        frames = clips.shape[2]
        maps = clips.transpose(1, 2).flatten(0, 1)
        for layer in self.layers:
            maps = layer(maps, frames) if isinstance(layer, Temporal) else layer(maps)
        return self.scores(maps).unflatten(0, (-1, frames)).mean(1)

    def scores(self, maps: Tensor) -> Tensor:
        """Of every frame: the last map ``(frames, channels, height, width)`` to ``(frames, num_classes)``."""
        return self.classifier(self.dropout(F.adaptive_avg_pool2d(maps, 1).flatten(1)))


def tsm(
    backbone: str,
    num_classes: int = 400,
    *,
    share: int = SHARE,
    difference: bool = False,
    dropout: float = 0.2,
    **options: Any,
) -> VideoClassifier:
    """A backbone with the online temporal shift in its residual blocks.

    SqueezeNet has none: there, fire modules that keep the number of channels get a shortcut (the simple bypass of
    Iandola et al. 2016, section 6), since a shift without one takes from what a frame knows of itself.

    Args:
        backbone: ``"mobilenet_v2"``, ``"squeezenet1_1"`` or ``"efficientnet_lite0"``.
        num_classes: size of the output.
        share: one part of how many of a block's channels is shifted; 0 for none, which classifies frame by frame
            where there is no ``difference`` either.
        difference: whether the first convolution reads beside each frame its difference from the one before (see
            :class:`Difference`): small and slow motion is lost on the maps of the residual blocks.
        dropout: before the linear layer.
        options: of the backbone's builder, such as ``width_mult``.
    """
    layers = [_shifted(layer, channels, share) for layer, channels in _layers(backbone, options)]
    channels = _channels(layers)
    if difference:
        _widen(_convolutions(layers[0])[0])
        layers.insert(0, Difference())
    return VideoClassifier(nn.Sequential(*layers), channels, num_classes, dropout)


def causal(backbone: str, num_classes: int = 400, *, dropout: float = 0.2, **options: Any) -> VideoClassifier:
    """A backbone for pictures and two causal (2+1)-D convolutions on its last map: 3x3 depthwise, then over time.

    Args:
        backbone: as for :func:`tsm`.
        num_classes: size of the output.
        dropout: before the linear layer.
        options: of the backbone's builder.
    """
    layers = [_shifted(layer, channels, 0) for layer, channels in _layers(backbone, options)]
    head: list[nn.Module] = [*_normed(nn.Conv2d(_channels(layers), HEAD, 1, bias=False))]
    for _ in range(2):
        head += _normed(nn.Conv2d(HEAD, HEAD, 3, padding=1, groups=HEAD, bias=False))
        head.append(TemporalConvolution(HEAD, HEAD))
    return VideoClassifier(nn.Sequential(*layers, *head), HEAD, num_classes, dropout)


def _widen(stem: nn.Conv2d) -> None:
    """Let a convolution read as many channels again, with weights that start as those of the backbones do."""
    more = nn.init.kaiming_normal_(torch.empty_like(stem.weight), mode="fan_out")
    stem.weight = nn.Parameter(torch.cat((stem.weight.detach(), more), 1))
    stem.in_channels *= 2


def _normed(convolution: nn.Conv2d) -> Iterator[nn.Module]:
    yield from (convolution, nn.BatchNorm2d(convolution.out_channels), nn.ReLU(inplace=True))


def _layers(backbone: str, options: dict[str, Any]) -> Iterator[tuple[nn.Module, int]]:
    """The layers up to the last map, and of those that can be shifted the channels, else 0.

    Their own shortcuts are taken off: :func:`_shifted` adds them again.
    """
    model: Any = build(backbone, **options)
    if backbone == "squeezenet1_1":
        for layer in model.features:
            same = isinstance(layer, Fire) and layer.inplanes == _fire_channels(layer)
            yield layer, layer.inplanes if same else 0
    elif backbone == "mobilenet_v2":
        for layer in model.features:
            residual = isinstance(layer, InvertedResidual) and layer.use_res_connect
            if residual:
                layer.use_res_connect = False
            yield layer, layer.out_channels if residual else 0
    else:
        yield from ((layer, 0) for layer in (model.conv_stem, model.bn1))
        for block in (block for stage in model.blocks for block in stage):
            residual = bool(block.has_skip)
            block.has_skip = False
            yield block, _convolutions(block)[-1].out_channels if residual else 0
        yield from ((layer, 0) for layer in (model.conv_head, model.bn2))


def _fire_channels(fire: Fire) -> int:
    return fire.expand1x1.out_channels + fire.expand3x3.out_channels


def _convolutions(module: nn.Module) -> list[nn.Conv2d]:
    return [layer for layer in module.modules() if isinstance(layer, nn.Conv2d)]


def _shifted(layer: nn.Module, channels: int, share: int) -> nn.Module:
    if not channels:
        return layer
    return Shifted(layer, channels, channels // share) if share else Residual(layer)


def _channels(layers: list[nn.Module]) -> int:
    fires = [layer for layer in layers[-1].modules() if isinstance(layer, Fire)]
    if fires:
        return _fire_channels(fires[0])
    return [layer for each in layers for layer in _convolutions(each)][-1].out_channels


class Residual(nn.Module):
    """A block and the shortcut around it.

    Args:
        block: from a map to one of the same shape.
    """

    def __init__(self, block: nn.Module) -> None:
        super().__init__()
        self.block = block

    def forward(self, maps: Tensor) -> Tensor:
        """``(frames, channels, height, width)`` to the same shape."""
        return maps + self.block(maps)


def __getattr__(name: str) -> Callable[..., nn.Module]:
    """Builders by name: ``tsm_mobilenet_v2``, ``causal_squeezenet1_1``, and with the difference of frames
    ``tsm_rgbdiff_mobilenet_v2``."""
    kind, _, backbone = name.partition("_")
    options: dict[str, Any] = {}
    if kind == "tsm" and backbone.startswith("rgbdiff_"):
        backbone, options = backbone.removeprefix("rgbdiff_"), {"difference": True}
    if kind not in ("tsm", "causal") or backbone not in VIDEO_BACKBONES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return partial(tsm if kind == "tsm" else causal, backbone, **options)
