"""Frames to bits and back, with the transforms run by any runtime. Numpy and constriction only.

Everything that decides how many bits are read, and as what, is in whole numbers: the tables, the vectors and the
entropy model. So is the decoder of a bundle (:mod:`lissom.layers.exact`), so that pictures are the same everywhere; one
in floating point would change levels of pixels, never the parsing.
"""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from lissom.core.errors import LissomError
from lissom.tasks.codec.motion import BLOCK, REACH, Vectors, predict, search
from lissom.tasks.codec.pictures import ALIGNED, Packed, Picture, aligned, pack, unpack
from lissom.tasks.codec.priors import BITS, Prior
from lissom.tasks.codec.symbols import SCALES, Reader, Whole, Writer

QUALITIES = 5
SUDDEN = 625.0  # mean squared error of a prediction that is of no use: 20 dB
_MOTION_TABLES = range(SCALES, SCALES + len(range(0, SCALES, 4)))


class Transform(Protocol):
    """A network in some runtime."""

    def run(self, inputs: list[npt.NDArray[Any]]) -> list[npt.NDArray[Any]]:
        """Its outputs, in order."""
        ...


@dataclass(frozen=True)
class Coded:
    """A frame's bits, and the padded picture that a decoder will make of them."""

    key: bool
    content: bytes
    picture: Picture


@dataclass(frozen=True)
class Coder:
    """Both directions, for one model.

    Args:
        prior: the entropy model.
        decoder: latents ``(1, latents, h / 8, w / 8)`` and prediction ``(1, 6, h, w)`` to the picture, packed.
        encoder: frame, prediction, both ``(1, 6, h, w)``, and gains ``(1, latents, 1, 1)`` to latents and hyper-latents
            before rounding; not needed to decode.
    """

    prior: Prior
    decoder: Transform
    encoder: Transform | None = None

    def encode(self, frame: Picture, reference: Picture | None, quality: int) -> Coded:
        """Code a padded frame, as a key frame without a reference, or where a prediction is of no use.

        Args:
            frame: sides are multiples of 64.
            reference: what the frame before it was decoded to.
            quality: 0 to 4.
        """
        assert self.encoder is not None
        vectors = None if reference is None else search(frame.y, reference.y)
        predicted = None if reference is None or vectors is None else predict(reference, vectors)
        if predicted is not None and np.square(frame.y.astype(np.float32) - predicted.y).mean() > SUDDEN:
            vectors = predicted = None
        prediction = _packed(predicted, frame.y.shape)
        setting = quality + (0 if predicted is None else QUALITIES)
        gains = self.prior.gains[setting][None, :, None, None]
        latents, hyper = self.encoder.run([pack(frame)[None], prediction[None], gains])
        writer = Writer(self.prior.tables)
        start = b"" if vectors is None else self._write_vectors(writer, vectors)
        values = self._write_latents(writer, latents[0], hyper[0], setting)
        return Coded(predicted is None, start + writer.bytes(), self._picture(values, prediction, setting))

    def decode(self, content: bytes, size: tuple[int, int], reference: Picture | None, quality: int) -> Picture:
        """The padded picture.

        Args:
            content: bits of a frame.
            size: height and width in pixels, before padding.
            reference: what the frame before it was decoded to; ``None`` for a key frame.
            quality: that the stream has.

        Raises:
            LissomError: these are not the bits of such a frame.
        """
        height, width = aligned(size[0]), aligned(size[1])
        start = 0 if reference is None else 2
        reader = Reader(self.prior.tables, content[start:])
        predicted = None
        if reference is not None:
            vectors = self._read_vectors(reader, content[:start], (height // BLOCK, width // BLOCK))
            predicted = predict(reference, vectors)
        setting = quality + (0 if reference is None else QUALITIES)
        values = self._read_latents(reader, (height // ALIGNED, width // ALIGNED), setting)
        return self._picture(values, _packed(predicted, (height, width)), setting)

    def _picture(self, values: Whole, prediction: Packed, setting: int) -> Picture:
        """Of latents times 256."""
        gains = self.prior.inverse_gains[setting][:, None, None]
        latents = values.astype(np.float32) / np.float32(1 << BITS) * gains
        return unpack(self.decoder.run([latents[None], prediction[None]])[0][0])

    def _write_latents(self, writer: Writer, latents: Packed, hyper: Packed, setting: int) -> Whole:
        """Write them; what they are decoded to, times 256."""
        tables = self.prior.hyper_table(setting, hyper.shape)
        whole = _within(np.rint(hyper), self.prior.tables.most[tables])
        writer.write(whole.reshape(-1), tables.reshape(-1))
        means, tables = self.prior.of(whole, setting)
        symbols = _within(np.rint(latents - means / (1 << BITS)), self.prior.tables.most[tables])
        writer.write(symbols.reshape(-1), tables.reshape(-1))
        return symbols * (1 << BITS) + means

    def _read_latents(self, reader: Reader, size: tuple[int, int], setting: int) -> Whole:
        shape = (self.prior.hyper_tables.shape[1], *size)
        hyper = reader.read(self.prior.hyper_table(setting, shape).reshape(-1)).reshape(shape)
        means, tables = self.prior.of(hyper, setting)
        symbols = reader.read(tables.reshape(-1)).reshape(tables.shape)
        return symbols * (1 << BITS) + means

    def _write_vectors(self, writer: Writer, vectors: Vectors) -> bytes:
        """Write differences of vectors; the table of either direction, a byte each."""
        chosen: list[int] = []
        for axis in (0, 1):
            differences = _differences(vectors[:, :, axis]).reshape(-1)
            table = min(_MOTION_TABLES, key=lambda each: self.prior.tables.bits(differences, each))
            writer.write(differences, np.full(differences.shape, table, np.int32))
            chosen.append(table - SCALES)
        return bytes(chosen)

    def _read_vectors(self, reader: Reader, chosen: bytes, shape: tuple[int, int]) -> Vectors:
        if len(chosen) != 2 or max(chosen) >= len(_MOTION_TABLES):
            raise LissomError("the motion of a frame is damaged")
        count = shape[0] * shape[1]
        read = [reader.read(np.full(count, SCALES + table, np.int32)) for table in chosen]
        vectors = np.stack([_summed(each.reshape(shape)) for each in read], -1)
        if np.abs(vectors).max() > REACH:
            raise LissomError("the motion of a frame is damaged")
        return vectors


def _packed(picture: Picture | None, size: tuple[int, ...]) -> Packed:
    return np.zeros((6, size[0] // 2, size[1] // 2), np.float32) if picture is None else pack(picture)


def _within(values: npt.NDArray[Any], most: Whole) -> Whole:
    return np.clip(values, -most, most).astype(np.int32)


def _differences(values: Whole) -> Whole:
    """Each from the one to its left; in the first column from the one above."""
    first = np.diff(values[:, :1], axis=0, prepend=0)
    return np.concatenate([first, np.diff(values, axis=1)], 1).astype(np.int32)


def _summed(differences: Whole) -> Whole:
    """The inverse of :func:`_differences`."""
    first = np.cumsum(differences[:, :1], axis=0)
    return np.cumsum(np.concatenate([first, differences[:, 1:]], 1), axis=1).astype(np.int32)
