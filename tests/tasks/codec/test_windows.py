"""Windows out of films of any shape."""

import numpy as np
import pytest
from PIL import Image

from lissom.tasks.codec.windows import _from_film


@pytest.mark.parametrize("size", [(128, 228), (128, 128), (145, 1000), (272, 480), (480, 272)])
def test_a_window_fits_into_films_on_end_too(size: tuple[int, int]) -> None:
    drawn = np.random.default_rng(0).integers(0, 255, (4, size[1], size[0], 3), dtype=np.uint8)
    frames = [Image.fromarray(frame) for frame in drawn]
    for seed in range(8):
        window = _from_film(frames, 3, np.random.default_rng(seed))
        assert [frame.size for frame in window] == [(128, 128)] * 3
