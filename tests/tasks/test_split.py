"""Splits and their augmented views."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lissom.tasks.image.augmentation import AsItIs, Augment, CropFlip, ShiftFlip, draw, mirrored, usual
from lissom.tasks.image.decoding import MemoryStore
from lissom.tasks.image.handling import Preprocessing
from lissom.tasks.image.split import PictureSplit
from lissom.workload.workload import Split

PIXELS = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (40, 3, 16, 12), dtype=np.uint8))
AUGMENTS = [AsItIs(), ShiftFlip(2), ShiftFlip(0), ShiftFlip(3, flip=False), CropFlip(), CropFlip(flip=False)]


def split(augment: Augment | None = None, pixels: torch.Tensor = PIXELS, seed: int = 0) -> PictureSplit:
    crop = (pixels.shape[2], pixels.shape[3])
    return PictureSplit(
        MemoryStore(pixels), torch.arange(len(pixels)) % 5, Preprocessing(crop), augment, seed, len(pixels)
    )


def test_it_is_a_split() -> None:
    assert isinstance(split(), Split)


def test_examples_as_they_are() -> None:
    batch = split(ShiftFlip()).take([7, 3])
    assert batch.indices.tolist() == [7, 3]
    assert batch.targets is not None and batch.targets.tolist() == [2, 3]
    assert np.array_equal(batch.inputs[0].numpy(), Preprocessing((16, 12)).normalise(PIXELS[[7, 3]].numpy()))


def test_grey_pictures_are_repeated() -> None:
    grey = split(ShiftFlip(1), PIXELS[:, :1])
    for view in (None, 4):
        inputs = grey.take(range(5), view=view).inputs[0]
        assert inputs.shape == (5, 3, 16, 12)
        assert inputs.is_contiguous()


@pytest.mark.parametrize("augment", AUGMENTS)
def test_a_view_depends_on_nothing_else_in_the_batch(augment: Augment) -> None:
    whole = split(augment).take(range(40), view=3).inputs[0]
    parts = [split(augment).take([index], view=3).inputs[0] for index in (39, 0, 20)]
    assert torch.equal(torch.cat(parts), whole[[39, 0, 20]])


@pytest.mark.parametrize("augment", [ShiftFlip(2), CropFlip()])
def test_views_differ_by_number_and_seed(augment: Augment) -> None:
    first = split(augment).take(range(40), view=0).inputs[0]
    for other in (split(augment).take(range(40), view=1), split(augment, seed=1).take(range(40), view=0)):
        same = (first == other.inputs[0]).flatten(1).all(1)
        assert same.float().mean() < 0.3


def test_shifts_reach_every_place_and_fill_with_black() -> None:
    point = torch.zeros(2000, 1, 9, 9, dtype=torch.uint8)
    point[:, :, 4, 4] = 255
    moved = ShiftFlip(2)(point, draw(0, np.arange(2000), 0))
    places = {tuple(place[2:]) for place in moved.nonzero().tolist()}
    assert places == {(y, x) for y in range(2, 7) for x in range(2, 7)}
    edge = torch.full((50, 1, 9, 9), 255, dtype=torch.uint8)
    assert set(ShiftFlip(2)(edge, draw(0, np.arange(50), 0)).unique().tolist()) == {0, 255}


def test_half_are_mirrored() -> None:
    flipped = ShiftFlip(0)(PIXELS, draw(0, np.arange(40), 0))
    mirrored_ones = (flipped == PIXELS.flip(-1)).flatten(1).all(1)
    assert 10 < int(mirrored_ones.sum()) < 30
    assert torch.equal(mirrored(PIXELS, torch.ones(40, dtype=torch.bool)), PIXELS.flip(-1))


def test_a_whole_crop_is_the_picture() -> None:
    assert torch.equal(CropFlip(least=1.0, stretch=1.0, flip=False)(PIXELS, draw(0, np.arange(40), 0)), PIXELS)


def test_small_pictures_are_shifted_large_ones_cropped() -> None:
    assert usual((32, 32)) == ShiftFlip(4)
    assert usual((224, 224)) == CropFlip()


def test_a_users_augmentation() -> None:
    def invert(pictures: torch.Tensor, draws: torch.Tensor) -> torch.Tensor:
        return torch.where(draws[:, 0, None, None, None] < 2, 255 - pictures, pictures)

    ours = split(invert).take([1], view=0).inputs[0].numpy()
    assert np.array_equal(ours, Preprocessing((16, 12)).normalise(255 - PIXELS[[1]].numpy()))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**31), st.integers(0, 1000))
def test_draws_are_uniform(seed: int, view: int) -> None:
    draws = draw(seed, np.arange(4000), view).numpy()
    assert draws.min() >= 0 and draws.max() < 1
    assert np.abs(draws.mean(0) - 0.5).max() < 0.03
    assert np.abs(np.corrcoef(draws.T) - np.eye(draws.shape[1])).max() < 0.1
    assert abs(np.corrcoef(draws[:, 0], draw(seed, np.arange(4000), view + 1).numpy()[:, 0])[0, 1]) < 0.1


def test_numbers_out_of_range() -> None:
    with pytest.raises(IndexError):
        split().take([40])
    with pytest.raises(IndexError):
        split().take([-1])
