"""Preprocessing is torchvision's to the bit, and takes pictures of every kind."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torchvision import transforms as T

from lissom.core.errors import LissomError
from lissom.tasks.image.handling import Preprocessing, as_mode
from lissom.tasks.image.split import normalise

sides = st.integers(1, 70)


def noise(width: int, height: int, seed: int = 0) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8))


@settings(max_examples=60, deadline=None)
@given(sides, sides, st.one_of(st.none(), sides), sides, sides, st.sampled_from(["bilinear", "bicubic"]))
def test_the_same_as_torchvision(
    width: int, height: int, resize: int | None, crop_height: int, crop_width: int, interpolation: str
) -> None:
    picture = noise(width, height)
    steps = [T.Resize(resize, T.InterpolationMode(interpolation))] if resize else []
    mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    steps += [T.CenterCrop((crop_height, crop_width)), T.ToTensor(), T.Normalize(mean, std)]
    ours = Preprocessing((crop_height, crop_width), resize, mean, std, interpolation)
    assert np.array_equal(ours(picture), T.Compose(steps)(picture).numpy())


def test_normalising_in_torch_gives_the_same_bits() -> None:
    preprocessing = Preprocessing((16, 16), mean=(0.286, 0.3, 0.1), std=(0.353, 0.2, 0.7))
    for channels in (1, 3):
        pixels = np.random.default_rng(0).integers(0, 256, (5, channels, 16, 16), dtype=np.uint8)
        assert np.array_equal(
            normalise(torch.from_numpy(pixels), preprocessing).numpy(), preprocessing.normalise(pixels)
        )


def test_grey_resized_alone_is_grey_resized_as_colour() -> None:
    picture = noise(50, 40).convert("L")
    preprocessing = Preprocessing((24, 24), 30, interpolation="bicubic")
    grey = preprocessing.pixels(picture, grey=True)
    assert np.array_equal(np.repeat(grey, 3, axis=0), preprocessing.pixels(picture))


def test_sixteen_bits_are_scaled_not_clipped(tmp_path: Path) -> None:
    values = np.linspace(0, 65535, 64).reshape(8, 8).astype(np.uint16)
    Image.fromarray(values).save(tmp_path / "deep.png")
    with Image.open(tmp_path / "deep.png") as picture:
        assert picture.mode.startswith("I")
        assert np.array_equal(np.asarray(as_mode(picture, "L")), (values / 257).astype(np.uint8))


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "I", "F"])
def test_every_mode_becomes_rgb(mode: str) -> None:
    picture = noise(12, 9).convert(mode)
    assert Preprocessing((8, 8))(picture).shape == (3, 8, 8)


def test_transparent_palette_does_not_warn() -> None:
    picture = noise(12, 9).convert("P")
    picture.info["transparency"] = b"\x00\x80"
    assert as_mode(picture, "RGB").mode == "RGB"


def test_pictures_are_turned_upright(tmp_path: Path) -> None:
    picture = Image.new("RGB", (10, 6))
    picture.paste((255, 0, 0), (0, 0, 5, 6))
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held on its side: turn by 90 degrees
    picture.save(tmp_path / "turned.png", exif=exif)
    with Image.open(tmp_path / "turned.png") as turned:
        upright = np.asarray(as_mode(turned, "RGB"))
    assert upright.shape == (10, 6, 3)
    assert upright[0, 0, 0] == 255 and upright[-1, 0, 0] == 0


def test_smaller_pictures_get_a_black_rim() -> None:
    pixels = Preprocessing((8, 9)).pixels(Image.new("RGB", (5, 5), (255, 255, 255)))
    assert pixels.shape == (3, 8, 9)
    assert pixels[0].sum() == 25 * 255
    assert pixels[0, 1:6, 2:7].min() == 255


def test_json_there_and_back() -> None:
    preprocessing = Preprocessing((32, 24), 40, (0.5,), (0.25,), "bicubic", "L")
    assert Preprocessing.from_json(preprocessing.to_json()) == preprocessing
    assert preprocessing.to_json()["crop"] == [32, 24]


@pytest.mark.parametrize(
    "settings",
    [
        {"crop": (0, 5)},
        {"crop": (5, 5), "resize": 0},
        {"crop": (5, 5), "mean": (0.5,)},
        {"crop": (5, 5), "std": (0.0, 1.0, 1.0)},
        {"crop": (5, 5), "mean": (123.0, 117.0, 104.0)},
        {"crop": (5, 5), "interpolation": "best"},
        {"crop": (5, 5), "channels": "BGR"},
    ],
)
def test_impossible_settings(settings: dict) -> None:  # pyright: ignore[reportMissingTypeArgument]
    with pytest.raises(LissomError):
        Preprocessing(**settings)
