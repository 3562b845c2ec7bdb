"""The checkpoint that the package carries tells motion, on a picture that nobody trained with, and streams exactly."""

import numpy as np
import pytest
import torch
from PIL import Image

pytest.importorskip("av")

from lissom.tasks.video.handling import Viewing
from lissom.tasks.video.motion import FRAMES, MOTIONS, motion_clip
from lissom.tasks.video.motion_set import PREPROCESSING
from lissom.workload.models import load_model
from lissom.zoo.tsm_streaming import Streaming

MODEL = "zoo:tsm_rgbdiff_mobilenet_v2"


def clouds(generator: np.random.Generator, side: int = 240) -> Image.Image:
    """Noise of several sizes, as much of each, in which there is something to follow everywhere."""
    total = np.zeros((side, side, 3))
    for count in (4, 12, 40, 120):
        noise = Image.fromarray(generator.integers(0, 256, (count, count, 3), dtype=np.uint8))
        total += (np.asarray(noise.resize((side, side), Image.Resampling.BICUBIC), dtype=np.float64) - 128) / 2.2
    return Image.fromarray((total + 128).clip(0, 255).astype(np.uint8))


def test_the_checkpoint_tells_how_the_camera_moves() -> None:
    loaded = load_model(MODEL, data="motions")
    generator, viewing = np.random.default_rng(0), Viewing(frames=8, **PREPROCESSING)
    picture, labels = clouds(generator), [*range(len(MOTIONS))] * 6
    seen = [
        motion_clip(picture, MOTIONS[label], generator, numbers=range(1, FRAMES, 2), pixels=viewing.resize)
        for label in labels
    ]
    clips = torch.from_numpy(np.stack([viewing.normalise(viewing.cropped(frames)) for frames in seen]))
    standing = clips[:, :, :1].expand_as(clips)
    streaming = Streaming(loaded.module)
    past, scores = streaming.start(*viewing.crop, batch=len(clips)), 0.0
    with torch.inference_mode():
        answers, of_one_frame = loaded.module(clips), loaded.module(standing).argmax(1)
        for frame in clips.unbind(2):
            one, *past = streaming(frame, *past)
            scores = scores + one / viewing.frames
    right = (answers.argmax(1) == torch.tensor(labels)).double().mean()
    assert right > 0.9  # chance is 0.125
    assert (of_one_frame == MOTIONS.index("still")).double().mean() > 0.9
    torch.testing.assert_close(scores, answers, atol=1e-5, rtol=1e-5)
