"""A light video codec: transforms of depthwise blocks with a mean-scale hyperprior, conditional on a prediction.

One network codes key frames (the prediction is nothing, zeros) and the frames after them; gains per quality make its
rate variable. Pictures are packed: 4:2:0 with luma unshuffled by 2, six channels at half the height and width.
"""

from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

QUALITIES = (0.0015, 0.004, 0.01, 0.025, 0.06)  # what a squared error of a pixel (0..255) costs, in bits
SETTINGS = 2 * len(QUALITIES)  # the qualities of key frames, then those of the frames after them
WEIGHTS = (1.5, 1.5, 1.5, 1.5, 1.0, 1.0)  # of packed channels: luma to chroma as 6 to 1 to 1, an eighth of each
PER_ERROR = 100.0  # squared levels, so that all outputs are numbers of one order
PACKED = 6
LATENT_STRIDE = 8  # of the latents, in packed pixels; twice as many in pixels
STRIDE = 32  # of the hyper-latents, in packed pixels: height and width must be multiples of it
SMALLEST_SCALE = 0.05


class Block(nn.Module):
    """A shortcut around a depthwise 3x3 and two pointwise convolutions (after Liu et al. 2022, figure 4; no norm).

    Args:
        channels: in and out.
        hidden: between the pointwise convolutions.
    """

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(channels, channels, 3, padding=1, groups=channels)
        self.expand = nn.Conv2d(channels, hidden, 1)
        self.project = nn.Conv2d(hidden, channels, 1)

    def forward(self, maps: Tensor) -> Tensor:
        """``(batch, channels, height, width)`` to the same shape."""
        return maps + self.project(F.relu(self.expand(self.depthwise(maps))))


def _blocks(count: int, channels: int, expansion: int) -> Iterator[nn.Module]:
    yield from (Block(channels, expansion * channels) for _ in range(count))


def _up(before: int, after: int) -> nn.Module:
    return nn.ConvTranspose2d(before, after, 4, stride=2, padding=1)


class Analysis(nn.Sequential):
    """A frame beside its prediction ``(batch, 12, h, w)`` to latents ``(batch, latents, h / 8, w / 8)``."""

    def __init__(self, widths: tuple[int, int, int], latents: int, expansion: int) -> None:
        first, second, third = widths
        super().__init__(
            nn.Conv2d(2 * PACKED, first, 5, stride=2, padding=2),
            *_blocks(1, first, expansion),
            nn.Conv2d(first, second, 3, stride=2, padding=1),
            *_blocks(2, second, expansion),
            nn.Conv2d(second, third, 3, stride=2, padding=1),
            *_blocks(1, third, expansion),
            nn.Conv2d(third, latents, 1),
        )


class Synthesis(nn.Module):
    """Latents and the prediction to what is added to the prediction, ``(batch, 6, h, w)``."""

    def __init__(self, widths: tuple[int, int, int], latents: int, expansion: int) -> None:
        super().__init__()
        first, second, third = widths
        seen = first // 3
        self.deep = nn.Sequential(
            nn.Conv2d(latents, third, 1),
            *_blocks(1, third, expansion),
            _up(third, second),
            *_blocks(3, second, expansion),
            _up(second, first),
        )
        self.look = nn.Conv2d(PACKED, seen, 3, stride=2, padding=1)
        self.join = nn.Conv2d(first + seen, first, 1)
        self.shallow = nn.Sequential(*_blocks(2, first, expansion), _up(first, PACKED))

    def forward(self, latents: Tensor, prediction: Tensor) -> Tensor:
        """Latents ``(batch, latents, h / 8, w / 8)`` and prediction ``(batch, 6, h, w)`` to ``(batch, 6, h, w)``."""
        seen = torch.cat([self.deep(latents), F.relu(self.look(prediction))], 1)
        return prediction + self.shallow(self.join(seen))


class Hyperprior(nn.Module):
    """What is sent ahead of the latents, and what it says of them (Minnen et al. 2018, section 2).

    ``summary`` runs in the encoder only. The rest, from hyper-latents and setting to mean and scale, is what a
    stream's parsing depends on: a bundle carries it in whole numbers (:mod:`lissom.tasks.codec.priors`).
    """

    def __init__(self, latents: int, hyper: int, hidden: int) -> None:
        super().__init__()
        self.summary = nn.Sequential(
            nn.Conv2d(latents, hidden, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(hidden, hidden, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(hidden, hyper, 1),
        )
        self.first = nn.Conv2d(hyper, hidden, 3, padding=1)
        self.second = nn.Conv2d(hidden, hidden, 3, padding=1)
        self.shift = nn.Linear(SETTINGS, hidden, bias=False)
        self.mean = nn.Conv2d(hidden, latents, 1)
        self.log_scale = nn.Conv2d(hidden, latents, 1)
        self.hyper_log_scale = nn.Parameter(torch.zeros(1, hyper, 1, 1))
        self.hyper_setting = nn.Linear(SETTINGS, hyper, bias=False)
        nn.init.zeros_(self.shift.weight)
        nn.init.zeros_(self.hyper_setting.weight)

    def forward(self, hyper: Tensor, setting: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and logarithm of the scale of each latent, of hyper-latents ``(batch, hyper, h / 32, w / 32)``."""
        maps = F.relu(self.first(F.interpolate(hyper, scale_factor=2.0, mode="nearest")))
        maps = F.interpolate(maps, scale_factor=2.0, mode="nearest")
        maps = F.relu(self.second(maps) + self.shift(setting)[:, :, None, None])
        return self.mean(maps), self.log_scale(maps)

    def hyper_scale(self, setting: Tensor) -> Tensor:
        """Logarithm of the scale of each hyper-latent, ``(batch, hyper, 1, 1)``; its mean is 0."""
        return self.hyper_log_scale + self.hyper_setting(setting)[:, :, None, None]


class Codec(nn.Module):
    """Frame, prediction and setting to the frame as it will be decoded, and the bits that it takes.

    Args:
        widths: channels at a half, a quarter and an eighth of the packed picture.
        latents: channels of the latents.
        hyper: channels of the hyper-latents.
        hidden: channels of the hyperprior.
        expansion: times as many channels within a block as around it.
    """

    prices: Tensor
    weights: Tensor

    def __init__(
        self,
        widths: tuple[int, int, int] = (32, 96, 160),
        latents: int = 128,
        hyper: int = 24,
        hidden: int = 64,
        expansion: int = 4,
    ) -> None:
        super().__init__()
        self.analysis = Analysis(widths, latents, expansion)
        self.synthesis = Synthesis(widths, latents, expansion)
        self.hyperprior = Hyperprior(latents, hyper, hidden)
        self.register_buffer("prices", torch.tensor(QUALITIES).repeat(2), persistent=False)
        self.register_buffer("weights", torch.tensor(WEIGHTS)[:, None, None] / 8, persistent=False)
        steps = torch.tensor(QUALITIES).div(QUALITIES[2]).log().div(2).repeat(2)
        self.log_gain = nn.Linear(SETTINGS, latents, bias=False)
        self.log_inverse_gain = nn.Linear(SETTINGS, latents, bias=False)
        self.log_gain.weight.data.copy_(steps.expand(latents, -1))
        self.log_inverse_gain.weight.data.copy_(-steps.expand(latents, -1))

    def forward(self, frame: Tensor, prediction: Tensor, setting: Tensor, noise: Tensor) -> Tensor:
        """What comes out of the decoder, and what it costs.

        Where there is no noise, latents are rounded as in a stream, with the derivative of doing nothing (Theis et al.
        2017, section 2.1). In training mode bits are those of values with noise of their own all the same (Minnen and
        Singh 2020, section 3.3): bits of rounded values have no slope where a value is 0, as most are.

        Noise that is given stands for rounding (Ballé, Laparra and Simoncelli 2017, section 3) where two runtimes are
        compared, which may differ in the last digit: they give nearly the same. It is no likeness of a stream, in
        which most latents are 0 and stay it.

        Args:
            frame: ``(batch, 6, h, w)`` packed, in -0.5..0.5; ``h`` and ``w`` are multiples of 32.
            prediction: of the same shape; zeros for a key frame.
            setting: one hot, ``(batch, 10)``: the quality of a key frame (0 to 4) or of another one (5 to 9).
            noise: uniform in -0.5..0.5, ``(batch, latents, h / 8, w / 8)``; zeros to round.

        Returns:
            ``(batch, 9, h, w)``: six channels of the packed picture; bits; the squared error of levels 0..255 by
            100, luma to chroma as 6 to 1 to 1; how many bits such an error of all pixels is worth, a pixel.
        """
        latents, hyper = self.encode(frame, prediction, self.gain(setting))
        rounds = (noise.abs().amax((1, 2, 3), keepdim=True) == 0).to(noise.dtype)
        ahead = hyper + noise[:, : hyper.shape[1], ::4, ::4] + rounds * to_whole(hyper)
        mean, log_scale = self.hyperprior(ahead, setting)
        centred = latents - mean
        symbols = centred + noise + rounds * to_whole(centred)
        picture = self.synthesis((symbols + mean) * self.inverse_gain(setting), prediction)
        if self.training:
            symbols, ahead = (each + torch.rand_like(each) - 0.5 for each in (centred, hyper))
        spent = spread(bits(symbols, log_scale), LATENT_STRIDE)
        spent = spent + spread(bits(ahead, self.hyperprior.hyper_scale(setting)), STRIDE)
        return torch.cat([picture, spent, *self.judged(picture, frame, setting)], 1)

    def judged(self, picture: Tensor, frame: Tensor, setting: Tensor) -> tuple[Tensor, Tensor]:
        """The squared error of each packed pixel, and what it is worth: see :meth:`forward`."""
        error = ((picture - frame).square() * self.weights).sum(1, keepdim=True)
        price = (setting @ self.prices)[:, None, None, None]
        return error * (255**2 / PER_ERROR), (price * PER_ERROR).expand_as(error)

    def encode(self, frame: Tensor, prediction: Tensor, gain: Tensor) -> tuple[Tensor, Tensor]:
        """Latents times their gain, and hyper-latents, both before rounding: what the encoder runs."""
        latents = self.analysis(torch.cat([frame, prediction], 1)) * gain
        return latents, self.hyperprior.summary(latents)

    def gain(self, setting: Tensor) -> Tensor:
        """What latents are multiplied by before rounding, ``(batch, latents, 1, 1)`` (Cui et al. 2021, section 3.2)."""
        return self.log_gain(setting).exp()[:, :, None, None]

    def inverse_gain(self, setting: Tensor) -> Tensor:
        """What they are multiplied by in the decoder."""
        return self.log_inverse_gain(setting).exp()[:, :, None, None]


def to_whole(values: Tensor) -> Tensor:
    """What is missing to the nearest whole numbers, as a constant."""
    return (torch.round(values) - values).detach()


def bits(symbols: Tensor, log_scale: Tensor) -> Tensor:
    """What numbers, rounded, take under logistic distributions around 0, in bits, element by element."""
    scale = log_scale.exp() + SMALLEST_SCALE
    distance = symbols.abs()
    share = torch.sigmoid((0.5 - distance) / scale) - torch.sigmoid((-0.5 - distance) / scale)
    return -torch.log2(share.clamp(min=2.0**-16))


def spread(spent: Tensor, stride: int) -> Tensor:
    """Bits of maps ``(batch, channels, height, width)``, summed and spread evenly over packed pixels."""
    total = spent.sum(1, keepdim=True) / stride**2
    return F.interpolate(total, scale_factor=float(stride), mode="nearest")


def codec(**options: Any) -> Codec:
    """The codec that the demo begins with: 13.1 thousand multiply-adds a pixel, encoder and decoder."""
    return Codec(**options)


def codec_small(**options: Any) -> Codec:
    """A codec of narrow layers, to try things with."""
    return Codec(**{"widths": (24, 32, 48), "latents": 32, "hyper": 8, "hidden": 24, "expansion": 2, **options})
