"""Windows out of films of any shape."""

from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image

from lissom.core.errors import LissomError
from lissom.tasks.codec.windows import _from_film, make_windows


@pytest.mark.parametrize("size", [(128, 228), (128, 128), (145, 1000), (272, 480), (480, 272)])
def test_a_window_fits_into_films_on_end_too(size: tuple[int, int]) -> None:
    drawn = np.random.default_rng(0).integers(0, 255, (4, size[1], size[0], 3), dtype=np.uint8)
    frames = [Image.fromarray(frame) for frame in drawn]
    for seed in range(8):
        window = _from_film(frames, 3, np.random.default_rng(seed))
        assert [frame.size for frame in window] == [(128, 128)] * 3


def test_a_film_that_changes_its_size_is_named(tmp_path: Path) -> None:
    content = b""
    for size in ((240, 320), (144, 160)):
        with av.open(str(tmp_path / "part.h264"), "w", format="h264") as container:
            stream: Any = container.add_stream("libx264", rate=25, options={"bf": "0"})
            stream.height, stream.width, stream.pix_fmt = *size, "yuv420p"
            for value in range(8):
                pixels = np.full((*size, 3), 9 * value, dtype=np.uint8)
                container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
            container.mux(stream.encode(None))
        content += (tmp_path / "part.h264").read_bytes()
    (tmp_path / "film.mp4").write_bytes(content)
    with pytest.raises(LissomError, match=r"film\.mp4: .* after 8, from 320x240 to 160x144 pixels"):
        make_windows([tmp_path / "film.mp4"], 8)
