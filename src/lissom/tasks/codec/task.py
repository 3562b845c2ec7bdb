"""Video compression as a task: the cost in bits of what a frame takes and of how far the decoded one is from it."""

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from lissom.core.errors import LissomError
from lissom.tasks.codec.curves import bd_rate_of_all
from lissom.workload.workload import Grades
from lissom.zoo.codec import PACKED, PER_ERROR, QUALITIES, WEIGHTS

RATE, ERROR, PRICE = PACKED, PACKED + 1, PACKED + 2  # channels of outputs
_LEAST_RATE = 0.01  # bits a pixel
_WORST = -1000.0
_DIGITS = 4  # of the score: what two runtimes make of the same model differs by less
_ERRORS = [weight / 8 * 255**2 / PER_ERROR for weight in WEIGHTS]  # of squared differences, as the codec counts them
Figures = npt.NDArray[np.float64]


def figures(outputs: npt.NDArray[Any]) -> Figures:
    """Of each example what an error is worth, the logarithm of bits a pixel, and PSNR in dB, ``(batch, 3)``.

    PSNR is of the mean squared error of the three planes, luma to chroma as 6 to 1 to 1.
    """
    wide = outputs.astype(np.float64)
    bits = np.log(wide[:, RATE].mean((1, 2)) / 4)
    error = wide[:, ERROR].mean((1, 2)) * PER_ERROR
    return np.stack([np.round(wide[:, PRICE].mean((1, 2)), 4), bits, 10 * np.log10(255**2 / error)], 1)


def with_means(found: Figures) -> Figures:
    """Figures of the original, with the means over all examples of the same quality beside, ``(examples, 5)``."""
    means = {price: found[found[:, 0] == price, 1:].mean(0) for price in np.unique(found[:, 0])}
    return np.concatenate([found, np.stack([means[price] for price in found[:, 0]])], 1)


def rate_distortion(outputs: Tensor) -> Tensor:
    """Bits of a pixel and what its squared error is worth, weighed so that each quality matters alike, ``(batch,)``."""
    rate, error, price = (outputs[:, channel].mean((1, 2)) for channel in (RATE, ERROR, PRICE))
    return (rate / 4 + price * error) * _even(price)


def _even(price: Tensor) -> Tensor:
    return (QUALITIES[len(QUALITIES) // 2] * PER_ERROR / price).sqrt()


class VideoCompression:
    """Frames at several qualities; the score is minus the BD-rate against the original, in percent.

    A grade is of one frame at one quality: quality, logarithm of its bits beside the original's, difference of its
    PSNR in dB, and of that quality the original's mean logarithm of bits a pixel and PSNR over the whole split. So the
    original scores 0, and 5 points lost are 5 % more bits for the same PSNR. What is compared is compared frame by
    frame; any subset of examples has a score.
    """

    name = "codec"

    def loss(self, outputs: Any, targets: Tensor) -> Tensor:
        """The mean rate-distortion cost of a batch."""
        return rate_distortion(outputs).mean()

    def distance(self, outputs: Any, teacher: Any) -> Tensor:
        """What the error against the teacher's picture is worth in bits, and how far the rates are apart."""
        price = teacher[:, PRICE].mean((1, 2))
        weights = outputs.new_tensor(_ERRORS)
        far = (outputs[:, :PACKED] - teacher[:, :PACKED]).square().mean((2, 3)) @ weights
        rates = [each[:, RATE].mean((1, 2)) / 4 for each in (outputs, teacher)]
        apart = (rates[0] - rates[1]).square() / (rates[1] + _LEAST_RATE)
        return ((price * far + apart) * _even(price)).mean()

    def probe(self, outputs: Any, generator: torch.Generator) -> Tensor:
        """Every output by a random number of the weight that its square has in :meth:`distance`, summed."""
        price = outputs[:, PRICE].mean((1, 2)).detach()
        picture = outputs[:, :PACKED]
        count = picture.shape[2] * picture.shape[3]
        drawn = torch.randn(picture.shape, generator=generator)
        weights = outputs.new_tensor(_ERRORS)[:, None, None] * (price * _even(price))[:, None, None, None] * 2 / count
        rate = outputs[:, RATE].mean((1, 2)) / 4
        each = torch.randn(rate.shape, generator=generator) * (2 * _even(price) / (rate.detach() + _LEAST_RATE)).sqrt()
        return (picture * drawn * weights.sqrt()).sum() + (rate * each).sum()

    def grade(self, outputs: npt.NDArray[Any], targets: npt.NDArray[Any] | None) -> Grades:
        """Beside the original's figures in ``targets`` ``(batch, 5)``: see :func:`figures`."""
        assert targets is not None, "the original's figures are the targets"
        quality, bits, psnr = figures(outputs).T
        return np.stack([quality, bits - targets[:, 1], psnr - targets[:, 2], targets[:, 3], targets[:, 4]], 1)

    def score(self, grades: Grades) -> float:
        """Minus the BD-rate in percent, over all that the original reaches with the qualities among the examples.

        It is -1000 where it would be less, and where the curve is none.
        """
        curves: list[Grades] = []
        for quality in np.unique(grades[:, 0]):
            of = grades[grades[:, 0] == quality].mean(0)
            curves.append(np.asarray([of[3], of[4], of[3] + of[1], of[4] + of[2]]))
        logs, psnrs, our_logs, our_psnrs = np.stack(curves).T
        anchor, ours = (logs, psnrs), (our_logs, our_psnrs)
        bd_rate_of_all(anchor, anchor)  # what is wrong with the original's curve is no fault of ours
        try:
            lost = bd_rate_of_all(anchor, ours)
        except LissomError:
            lost = np.inf
        return max(_WORST, round(-lost, _DIGITS) + 0.0)  # no minus before a zero

    def agreement(self, outputs: npt.NDArray[Any], original: npt.NDArray[Any]) -> Grades:
        """Grades against the original's own outputs."""
        return self.grade(outputs, with_means(figures(original)))

    def divergence(self, outputs: npt.NDArray[Any], original: npt.NDArray[Any]) -> float | None:
        """There are no classes."""
        return None

    def chance(self, targets: npt.NDArray[Any]) -> float:
        """There is no guessing a video."""
        return -np.inf

    def check(self, outputs: npt.NDArray[Any], targets: npt.NDArray[Any], classes: tuple[str, ...] = ()) -> None:
        """Refuse an original whose pictures do not get better with more bits.

        Raises:
            LissomError: saying what it makes at each quality.
        """
        means = np.unique(with_means(figures(outputs))[:, [0, 3, 4]], axis=0)
        if len(means) < 2 or (np.diff(means[:, 1:], axis=0) <= 0).any():
            told = ", ".join(f"{np.exp(rate):.3f} bits a pixel for {psnr:.1f} dB" for _, rate, psnr in means)
            raise LissomError(f"the original is no codec of several qualities: {told}", hint="check its weights")

    def classes(self, grades: Grades, targets: npt.NDArray[Any]) -> tuple[float | None, ...]:
        """There are none."""
        return ()
