"""Pictures of a codec as a page shows them."""

import base64
import io

import av
import numpy as np

from lissom.tasks.codec.pictures import Picture

APART = 8  # times that differences are shown larger


def png(picture: Picture) -> str:
    """A PNG in base64, of a picture with even sides."""
    height, width = picture.y.shape
    planes = np.concatenate([plane.reshape(-1) for plane in picture.planes]).reshape(height * 3 // 2, width)
    held = io.BytesIO()
    av.VideoFrame.from_ndarray(planes, format="yuv420p").to_image().save(held, format="PNG")
    return base64.b64encode(held.getvalue()).decode("ascii")


def apart(first: Picture, second: Picture) -> Picture:
    """The difference of luma around grey, larger than it is."""
    difference = APART * (second.y.astype(np.int32) - first.y)
    grey = np.full_like(first.u, 128)
    return Picture(np.clip(128 + difference, 0, 255).astype(np.uint8), grey, grey)
