"""Motion of blocks: how it is found by the encoder, and what both sides predict from it, in whole numbers only.

Vectors are ``(rows, columns, 2)``, down and right, in half pixels, one for each block of 16x16 pixels.
"""

import numpy as np
import numpy.typing as npt

from lissom.tasks.codec.pictures import Picture, Plane

Vectors = npt.NDArray[np.int32]
Wide = npt.NDArray[np.int32]
BLOCK = 16
REACH = 63  # half pixels, the longest vector along a dimension
COARSE, FINE = 6, 3  # quarter-size pixels and whole pixels that are searched each way
STILL = 96  # by how much another vector's sum of differences must be better than that of no motion


def predict(reference: Picture, vectors: Vectors) -> Picture:
    """The reference moved block by block; beyond its edges it goes on as it ends."""
    fine = _half_pixels(reference.y)
    height, width = reference.y.shape
    y = fine[_places(vectors, height, BLOCK, 0, 2, fine.shape[0]), _places(vectors, width, BLOCK, 1, 2, fine.shape[1])]
    return Picture(y, _chroma(reference.u, vectors), _chroma(reference.v, vectors))


def _places(vectors: Vectors, size: int, block: int, axis: int, scale: int, limit: int) -> Wide:
    """Where each sample of the prediction comes from along one axis, on a grid ``scale`` times as fine."""
    moved = vectors[:, :, axis].repeat(block, 0).repeat(block, 1)
    own = scale * np.arange(size, dtype=np.int32)
    return np.clip(moved + (own[:, None] if axis == 0 else own), 0, limit - 1)


def _half_pixels(plane: Plane) -> Plane:
    """Twice as fine, by the six taps of H.264 (ITU-T H.264, section 8.4.2.2.1)."""
    wide = plane.astype(np.int32)
    between = _taps(wide, 1)
    fine = np.empty((2 * plane.shape[0], 2 * plane.shape[1]), np.uint8)
    fine[::2, ::2] = plane
    fine[::2, 1::2] = np.clip((between + 16) >> 5, 0, 255)
    fine[1::2, ::2] = np.clip((_taps(wide, 0) + 16) >> 5, 0, 255)
    fine[1::2, 1::2] = np.clip((_taps(between, 0) + 512) >> 10, 0, 255)
    return fine


def _taps(plane: Wide, axis: int) -> Wide:
    """32 times the value half way to the next sample along an axis."""
    size = plane.shape[axis]
    filled = np.pad(plane, [(2, 3) if dim == axis else (0, 0) for dim in (0, 1)], mode="edge")
    a, b, c, d, e, f = (np.take(filled, range(start, start + size), axis) for start in range(6))
    return (a + f) - 5 * (b + e) + 20 * (c + d)


def _chroma(plane: Plane, vectors: Vectors) -> Plane:
    """Chroma moved by quarters of its own samples, bilinearly."""
    wide = plane.astype(np.int32)
    rows, below, down = _quarters(vectors, plane.shape[0], 0)
    columns, beside, right = _quarters(vectors, plane.shape[1], 1)
    upper = (4 - right) * wide[rows, columns] + right * wide[rows, beside]
    lower = (4 - right) * wide[below, columns] + right * wide[below, beside]
    return (((4 - down) * upper + down * lower + 8) >> 4).astype(np.uint8)


def _quarters(vectors: Vectors, size: int, axis: int) -> tuple[Wide, Wide, Wide]:
    """The sample before each place, the one after it, and the quarters from the one to the other."""
    places = _places(vectors, size, BLOCK // 2, axis, 4, 4 * size)
    before = places >> 2
    return before, np.minimum(before + 1, size - 1), places & 3


def search(current: Plane, reference: Plane) -> Vectors:
    """Vectors by block matching: coarsely on a quarter of the size, then whole, then half pixels around that.

    Args:
        current: luma of the frame to predict, ``(height, width)``, both multiples of 16.
        reference: luma of the frame to predict from.
    """
    coarse = 4 * _coarse(_smaller(current), _smaller(reference))
    blocks = _cut(current.astype(np.int16), BLOCK)
    whole = _refine(blocks, reference.astype(np.int16), coarse)
    fine = _half_pixels(reference).astype(np.int16)
    return _halves(blocks, fine, 2 * whole)


def _smaller(plane: Plane) -> npt.NDArray[np.int16]:
    height, width = plane.shape
    return (plane.reshape(height // 4, 4, width // 4, 4).sum((1, 3), dtype=np.int32) >> 4).astype(np.int16)


def _cut(plane: npt.NDArray[np.int16], block: int) -> npt.NDArray[np.int16]:
    """``(rows, columns, block, block)``."""
    height, width = plane.shape
    return plane.reshape(height // block, block, width // block, block).swapaxes(1, 2)


def _coarse(current: npt.NDArray[np.int16], reference: npt.NDArray[np.int16]) -> Vectors:
    height, width = current.shape
    filled = np.pad(reference, COARSE, mode="edge")
    shifts = [(down, right) for down in range(2 * COARSE + 1) for right in range(2 * COARSE + 1)]
    costs = np.stack(
        [
            _cut(np.abs(current - filled[down : down + height, right : right + width]), BLOCK // 4).sum((2, 3))
            + (down != COARSE or right != COARSE)
            for down, right in shifts
        ]
    )
    return (np.asarray(shifts, dtype=np.int32) - COARSE)[costs.argmin(0)]


def _refine(blocks: npt.NDArray[np.int16], reference: npt.NDArray[np.int16], start: Vectors) -> Vectors:
    around = [(d, r) for d in range(-FINE, FINE + 1) for r in range(-FINE, FINE + 1)]
    candidates = [np.zeros_like(start), *(start + np.asarray(each, dtype=np.int32) for each in around)]
    return _best(blocks, reference, candidates, 1)


def _halves(blocks: npt.NDArray[np.int16], fine: npt.NDArray[np.int16], start: Vectors) -> Vectors:
    around = [(d, r) for d in (-1, 0, 1) for r in (-1, 0, 1)]
    candidates = [np.zeros_like(start), *(start + np.asarray(each, dtype=np.int32) for each in around)]
    return _best(blocks, fine, candidates, 2)


def _best(
    blocks: npt.NDArray[np.int16], plane: npt.NDArray[np.int16], candidates: list[Vectors], scale: int
) -> Vectors:
    """Of several vectors for each block the one with the least sum of differences; the first is no motion."""
    height, width = (count * BLOCK for count in blocks.shape[:2])
    costs: list[npt.NDArray[np.int64]] = []
    limit = REACH * scale // 2
    candidates = [np.clip(each, -limit, limit) for each in candidates]
    for place, vectors in enumerate(candidates):
        rows = _places(vectors, height, BLOCK, 0, scale, plane.shape[0])
        columns = _places(vectors, width, BLOCK, 1, scale, plane.shape[1])
        difference = np.abs(blocks - _cut(plane[rows, columns], BLOCK))
        costs.append(difference.sum((2, 3), dtype=np.int64) + (STILL if place else 0))
    best = np.stack(costs).argmin(0)
    return np.take_along_axis(np.stack(candidates), best[None, :, :, None], 0)[0]
