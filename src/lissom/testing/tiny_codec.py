"""A codec of a few channels with random weights, its transforms in PyTorch, and films of a few frames."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from lissom.export.codec_files import Encoding, prior_arrays
from lissom.export.exact_synthesis import exact_synthesis
from lissom.tasks.codec.coding import Coder
from lissom.tasks.codec.priors import read_prior, write_prior
from lissom.zoo.codec import SETTINGS, Codec
from lissom.zoo.inputs import codec_inputs

Arrays = list[npt.NDArray[Any]]
CONTRAST = 12  # of films, so that a grey reference is of use


class InPyTorch:
    """A module as a codec's transform.

    Args:
        module: takes and gives what the transform does.
        dtype: that it is run in.
    """

    def __init__(self, module: nn.Module, dtype: torch.dtype = torch.float32) -> None:
        self._module, self._dtype = module.eval(), dtype

    @torch.inference_mode()
    def run(self, inputs: Arrays) -> Arrays:
        """Its outputs in float32."""
        found = self._module.to(self._dtype)(*(torch.from_numpy(array).to(self._dtype) for array in inputs))
        self._module.float()
        return [each.float().numpy() for each in (found if isinstance(found, tuple) else (found,))]


def tiny_codec(seed: int = 0) -> Codec:
    """With latents of some size, so that there is something to code."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        made = Codec((6, 6, 6), latents=6, hyper=4, hidden=6)
        nn.init.normal_(made.hyperprior.mean.weight)
        nn.init.normal_(made.hyperprior.log_scale.weight)
        for parameter in made.synthesis.shallow[-1].parameters():
            parameter.data *= 0.2  # pictures that are not far from the film's
        made.log_gain.weight.data += 3
        made.log_inverse_gain.weight.data -= 3
    return made.eval()


def tiny_coder(module: Codec, dtype: torch.dtype = torch.float32) -> Coder:
    """Codes with PyTorch."""
    synthesis = exact_synthesis(module, tiny_examples(module))
    prior = read_prior(write_prior(prior_arrays(module, synthesis)))
    return Coder(prior, InPyTorch(synthesis, dtype), InPyTorch(Encoding(module), dtype))


def tiny_examples(module: Codec) -> tuple[torch.Tensor, ...]:
    """Inputs of a codec: frames of random levels, beside predictions, at all settings."""
    drawn, settings = torch.Generator().manual_seed(0), torch.eye(SETTINGS)
    frame, _, _, noise = (tensor.repeat(SETTINGS, 1, 1, 1) for tensor in codec_inputs(module, 32))
    levels = [torch.randint(256, frame.shape, generator=drawn) / 255 - 0.5 for _ in range(2)]
    return levels[0], levels[1], settings, noise


def tiny_film(path: Path, *, size: tuple[int, int] = (48, 64), times: tuple[int, ...] = (0, 1, 2)) -> npt.NDArray[Any]:
    """Write a film without loss of a pattern that moves right by two pixels a frame, and give its frames.

    Args:
        path: of an MP4.
        size: height and width, both even.
        times: of the frames, in 25ths of a second.

    Returns:
        Luma and chroma of each frame, ``(frames, height * 3 / 2, width)``.
    """
    height, width = size
    pattern = np.random.default_rng(0).normal(0, 1, (height // 4, width // 4 + len(times)))
    wide = np.kron(pattern, np.ones((4, 4))) * CONTRAST / 2 + 128
    made: list[npt.NDArray[np.uint8]] = []
    for number in range(len(times)):
        luma = wide[:, 2 * (len(times) - number) :][:, :width]
        frame = np.full((height * 3 // 2, width), 120, np.uint8)
        frame[:height] = np.clip(np.rint(luma), 0, 255)
        made.append(frame)
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("libx264", rate=25, options={"crf": "0"})
        stream.height, stream.width, stream.pix_fmt = height, width, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 25)
        for time, frame in zip(times, made, strict=True):
            shown = av.VideoFrame.from_ndarray(frame, format="yuv420p")
            shown.pts, shown.time_base = time, Fraction(1, 25)
            container.mux(stream.encode(shown))
        container.mux(stream.encode(None))
    return np.stack(made)
