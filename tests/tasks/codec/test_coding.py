import dataclasses
from typing import Any

import numpy as np
import pytest
import torch

from lissom.core.errors import LissomError
from lissom.tasks.codec.coding import Coder
from lissom.tasks.codec.pictures import Picture
from lissom.testing.tiny_codec import CONTRAST, tiny_coder
from lissom.zoo.codec import Codec


def grey(seed: int, height: int = 64, width: int = 128) -> Picture:
    generator = np.random.default_rng(seed)
    sizes = ((height, width), (height // 2, width // 2), (height // 2, width // 2))
    return Picture(*(np.rint(128 + generator.uniform(-CONTRAST, CONTRAST, size)).astype(np.uint8) for size in sizes))


@dataclasses.dataclass(frozen=True)
class Shaken:
    """A transform with rounding errors."""

    inner: Any
    size: float

    def run(self, inputs: list[Any]) -> list[Any]:
        generator = np.random.default_rng(1)
        found = self.inner.run(inputs)
        return [each + generator.uniform(-self.size, self.size, each.shape).astype(np.float32) for each in found]


def equal(first: Picture, second: Picture) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(first.planes, second.planes, strict=True))


@pytest.mark.parametrize("quality", [0, 4])
def test_the_decoder_makes_what_the_encoder_said_it_would(coder: Coder, quality: int) -> None:
    key = coder.encode(grey(0), None, quality)
    assert key.key
    inter = coder.encode(grey(1), key.picture, quality)
    assert not inter.key
    blind = dataclasses.replace(coder, encoder=None)
    first = blind.decode(key.content, (64, 128), None, quality)
    assert equal(first, key.picture)
    assert equal(blind.decode(inter.content, (64, 128), first, quality), inter.picture)


def test_a_runtime_that_decodes_otherwise_reads_the_same_numbers(coder: Coder) -> None:
    """Wrong pictures of a decoder never change what is read."""
    key = coder.encode(grey(0), None, 3)
    other = dataclasses.replace(coder, decoder=Shaken(coder.decoder, 1e-2))
    found = other.decode(key.content, (64, 128), None, 3)
    assert not equal(found, key.picture)
    inter = coder.encode(grey(1), key.picture, 3)
    read: list[Any] = []
    for each, reference in ((coder, key.picture), (other, found)):
        kept = dataclasses.replace(each, decoder=Recording(each.decoder, read))
        kept.decode(inter.content, (64, 128), reference, 3)
    np.testing.assert_array_equal(read[0], read[1])


def test_the_last_digits_of_a_decoder_change_no_pixel(coder: Coder) -> None:
    """What comes out is a level, or so near to one that a division's last digit does not matter."""
    key = coder.encode(grey(0), None, 3)
    other = dataclasses.replace(coder, decoder=Shaken(coder.decoder, 1e-3))
    assert equal(other.decode(key.content, (64, 128), None, 3), key.picture)


@dataclasses.dataclass(frozen=True)
class Recording:
    """Remembers the latents that a decoder is given."""

    inner: Any
    seen: list[Any]

    def run(self, inputs: list[Any]) -> list[Any]:
        self.seen.append(inputs[0])
        return self.inner.run(inputs)


def test_double_precision_decodes_what_single_precision_wrote(module: Codec, coder: Coder) -> None:
    key = coder.encode(grey(0), None, 3)
    found = tiny_coder(module, torch.float64).decode(key.content, (64, 128), None, 3)
    assert equal(found, key.picture)


def test_a_frame_that_nothing_predicts_becomes_a_key_frame(coder: Coder) -> None:
    white = Picture(*(np.full_like(plane, 255) for plane in grey(0).planes))
    assert coder.encode(white, grey(0), 0).key


@pytest.mark.parametrize("seed", range(20))
def test_nonsense_is_an_error_or_a_picture_never_a_crash(coder: Coder, seed: int) -> None:
    generator = np.random.default_rng(seed)
    content = generator.integers(0, 256, int(generator.integers(0, 200)), np.uint8).tobytes()
    try:
        found = coder.decode(content, (30, 40), grey(0, 64, 64) if seed % 2 else None, 2)
    except LissomError:
        return
    assert found.y.shape == (64, 64)
