"""What a stream's parsing depends on, in whole numbers: hyper-latents to the mean and the table of each latent.

Products and sums are of whole numbers below 2**53, which doubles hold exactly in whatever order they are added, so
that every machine and every library finds the same.
"""

import hashlib
import io
import zipfile
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lissom.core.errors import LissomError
from lissom.tasks.codec.symbols import LOWEST, MOST, SCALES, STEPS, Tables, Whole

Exact = npt.NDArray[np.float64]  # whole numbers
WEIGHT_BITS, BITS = 12, 8  # behind the point, of weights and of values between layers
CEILING = float(1 << 20)
_LIMIT = float(1 << 53)
_LAYERS = ("first", "second", "mean", "log_scale")
DECODER_SUM = "decoder"  # under which the digest of the decoder's file is kept


@dataclass(frozen=True)
class Prior:
    """A hyperprior in fixed point, and what else both sides of a stream have to know.

    Args:
        weights: of the layers by name, ``(out, in, k, k)``, times 2**12.
        biases: by name, ``(out,)``, times 2**20; of ``second`` one row for each setting, ``(settings, out)``.
        hyper_tables: the table of each hyper-latent channel by setting, ``(settings, hyper)``.
        gains: what latents are multiplied by before rounding, by setting, ``(settings, latents)``; they do not matter
            to the parsing.
        inverse_gains: what they are multiplied by afterwards.
        tables: the tables that numbers are coded with.
        name: a digest of all of this and of the synthesis, by which a stream names its model.
        decoder: the digest of the file of the decoder's network; empty where it is in no file.
    """

    weights: dict[str, Exact]
    biases: dict[str, Exact]
    hyper_tables: Whole
    gains: npt.NDArray[np.float32]
    inverse_gains: npt.NDArray[np.float32]
    tables: Tables
    name: bytes
    decoder: bytes = b""

    def of(self, hyper: Whole, setting: int) -> tuple[Whole, Whole]:
        """What is known of the latents.

        Args:
            hyper: hyper-latents, ``(hyper, height, width)``, within their tables.
            setting: which row of the settings.

        Returns:
            Means, times 256, and tables, both ``(latents, 4 * height, 4 * width)``.
        """
        maps = _doubled(hyper.astype(np.float64) * (1 << BITS))
        maps = _rectified(_convolved(maps, self.weights["first"], self.biases["first"]))
        maps = _convolved(_doubled(maps), self.weights["second"], self.biases["second"][setting])
        maps = _rectified(maps)
        means = _convolved(maps, self.weights["mean"], self.biases["mean"])
        logs = _convolved(maps, self.weights["log_scale"], self.biases["log_scale"])
        step = (1 << BITS) // STEPS
        places = np.floor((logs - LOWEST * (1 << BITS) + step // 2) / step)
        means = np.clip(means, -CEILING, CEILING)
        return means.astype(np.int32), np.clip(places, 0, SCALES - 1).astype(np.int32)

    def hyper_table(self, setting: int, shape: tuple[int, ...]) -> Whole:
        """The table of each hyper-latent ``(hyper, height, width)``."""
        return np.broadcast_to(self.hyper_tables[setting][:, None, None], shape)


def _convolved(maps: Exact, weight: Exact, bias: Exact) -> Exact:
    """Values with 8 bits behind the point, of the same."""
    out, channels, size, _ = weight.shape
    _, height, width = maps.shape
    if size > 1:
        filled = np.pad(maps, ((0, 0), (size // 2, size // 2), (size // 2, size // 2)))
        windows = np.lib.stride_tricks.sliding_window_view(filled, (size, size), (1, 2))
        maps = windows.transpose(0, 3, 4, 1, 2).reshape(channels * size * size, height * width)
    sums = weight.reshape(out, -1) @ maps.reshape(-1, height * width) + bias[:, None]
    half = float(1 << (WEIGHT_BITS - 1))
    return np.floor((sums + half) / (1 << WEIGHT_BITS)).reshape(out, height, width)


def _rectified(maps: Exact) -> Exact:
    return np.clip(maps, 0.0, CEILING)


def _doubled(maps: Exact) -> Exact:
    return maps.repeat(2, 1).repeat(2, 2)


def fixed(values: npt.ArrayLike, bits: int) -> Exact:
    """Numbers times a power of two, rounded."""
    return np.rint(np.asarray(values, dtype=np.float64) * (1 << bits))


def read_prior(content: bytes) -> Prior:
    """The prior of a file that :func:`write_prior` wrote.

    Raises:
        LissomError: it is damaged, or holds numbers that sums would not be exact with.
    """
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as held:
            arrays = {name: held[name] for name in held}
        decoder = arrays.pop(DECODER_SUM, np.zeros(0, np.uint8)).tobytes()
        weights = {layer: arrays[f"{layer}.weight"].astype(np.float64) for layer in _LAYERS}
        biases = {layer: arrays[f"{layer}.bias"].astype(np.float64) for layer in _LAYERS}
        counts = np.split(arrays["counts"], np.cumsum(arrays["lengths"])[:-1])
        gains, inverse = arrays["gains"], arrays["inverse_gains"]
        name = hashlib.sha256(b"".join(arrays[key].tobytes() for key in sorted(arrays))).digest()[:8]
        prior = Prior(weights, biases, arrays["hyper_tables"], gains, inverse, Tables(counts), name, decoder)
    except (ValueError, KeyError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise LissomError("the entropy model cannot be read: its file is damaged") from error
    for layer in _LAYERS:
        _check(weights[layer], biases[layer])
    return prior


def _check(weight: Exact, bias: Exact) -> None:
    largest = max(CEILING, float(MOST << BITS))
    sums = np.abs(weight).reshape(len(weight), -1).sum(1).max() * largest + np.abs(bias).max()
    if not np.isfinite(sums) or sums + (1 << WEIGHT_BITS) >= _LIMIT:
        raise LissomError("the weights of the entropy model are too large for exact sums")


def digest(content: bytes) -> npt.NDArray[np.uint8]:
    """Of a file."""
    return np.frombuffer(hashlib.sha256(content).digest(), np.uint8)


def write_prior(arrays: dict[str, npt.NDArray[np.generic]]) -> bytes:
    """A file of arrays, the same for the same arrays."""
    made = io.BytesIO()
    np.savez(made, **arrays)  # pyright: ignore[reportArgumentType]
    return made.getvalue()
