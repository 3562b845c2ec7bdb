import numpy as np
import pytest

from lissom.tasks.codec.motion import predict, search
from lissom.tasks.codec.pictures import Picture, cropped, pack, padded, unpack

GENERATOR = np.random.default_rng(0)


def smooth(height: int, width: int) -> np.ndarray:
    """A picture in which neighbours resemble each other, as matching needs it."""
    rough = GENERATOR.normal(0, 1, (height // 8 + 2, width // 8 + 2))
    rows, columns = np.linspace(0, height // 8, height), np.linspace(0, width // 8, width)
    across = np.stack([np.interp(columns, np.arange(rough.shape[1]), line) for line in rough])
    down = np.stack([np.interp(rows, np.arange(rough.shape[0]), line) for line in across.T]).T
    return np.clip(np.rint(128 + 50 * down), 0, 255).astype(np.uint8)


def picture(height: int, width: int) -> Picture:
    return Picture(smooth(height, width), smooth(height // 2, width // 2), smooth(height // 2, width // 2))


@pytest.mark.parametrize(("down", "right"), [(0, 0), (3, -5), (-12, 20), (1, 0)])
def test_a_shift_of_the_whole_picture_is_found_and_predicted(down: int, right: int) -> None:
    whole = smooth(160, 192)
    reference, current = whole[24:152, 24:152], whole[24 + down : 152 + down, 24 + right : 152 + right]
    vectors = search(current, reference)
    inner = vectors[2:-2, 2:-2].reshape(-1, 2)
    np.testing.assert_array_equal(inner, np.broadcast_to((2 * down, 2 * right), inner.shape))
    grey = np.full((64, 64), 128, np.uint8)
    predicted = predict(Picture(reference, grey, grey), vectors)
    np.testing.assert_array_equal(predicted.y[32:-32, 32:-32], current[32:-32, 32:-32])


def test_no_motion_predicts_the_reference() -> None:
    before = picture(64, 128)
    after = predict(before, np.zeros((4, 8, 2), np.int32))
    for a, b in zip(before.planes, after.planes, strict=True):
        np.testing.assert_array_equal(a, b)


def test_chroma_moves_by_half_as_many_of_its_samples() -> None:
    before = picture(64, 64)
    after = predict(before, np.full((4, 4, 2), (8, -4), np.int32))  # 4 down, 2 left in luma
    np.testing.assert_array_equal(after.u[:-2, 1:], before.u[2:, :-1])


def test_half_pixels_lie_between(monkeypatch: pytest.MonkeyPatch) -> None:
    rising = np.broadcast_to(np.arange(64, dtype=np.uint8) * 2, (64, 64)).copy()
    before = Picture(rising, rising[:32, :32], rising[:32, :32])
    after = predict(before, np.full((4, 4, 2), (0, 1), np.int32))
    np.testing.assert_array_equal(after.y[:, 4:-4], rising[:, 4:-4] + 1)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (63, 65), (64, 128)])
def test_padding_and_packing_come_undone(height: int, width: int) -> None:
    rows, columns = (height + 1) // 2, (width + 1) // 2
    made = Picture(*(GENERATOR.integers(0, 256, size, np.uint8) for size in ((height, width), *[(rows, columns)] * 2)))
    filled = padded(made)
    assert filled.y.shape[0] % 64 == filled.y.shape[1] % 64 == 0
    back = cropped(unpack(pack(filled)), height, width)
    for a, b in zip(made.planes, back.planes, strict=True):
        np.testing.assert_array_equal(a, b)
