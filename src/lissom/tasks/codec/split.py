"""Examples of a codec: frames at several qualities, each with the prediction from what the original made before it.

Examples that are judged by are coded as a stream is: a model predicts from its own frames, and errors add up.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from lissom.core.progress import Progress
from lissom.core.records import Curve, Picture, Sight
from lissom.tasks.codec.motion import predict
from lissom.tasks.codec.pictures import Packed, pack, unpack
from lissom.tasks.codec.pictures import Picture as Planes
from lissom.tasks.codec.showing import APART, apart, png
from lissom.tasks.codec.task import figures, with_means
from lissom.tasks.codec.windows import Windows
from lissom.workload.workload import Batch
from lissom.zoo.codec import LATENT_STRIDE, PACKED, QUALITIES, SETTINGS

_BATCH = 16
SHOWN = 4
Answers = npt.NDArray[Any]
Noise = npt.NDArray[np.float32]


@dataclass(frozen=True)
class CodecSplit:
    """Frames of windows, one after the other, each window at one or at all qualities.

    Args:
        windows: the frames.
        rows: the window of each run of frames.
        qualities: of each run, 0 to 4.
        predictions: of each example a picture; of key frames one of zeros, which is not used.
        latents: channels that noise is drawn for.
        seed: of the noise.
        rounds: whether latents are rounded as in a stream; else noise stands for it, where runtimes are compared.
        targets: the original's figures (see :class:`lissom.tasks.codec.task.VideoCompression`), ``(examples, 5)``.
    """

    windows: Windows
    rows: npt.NDArray[np.int64]
    qualities: npt.NDArray[np.int64]
    predictions: Windows
    latents: int
    seed: int
    rounds: bool
    targets: npt.NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.rows) * self.windows.length

    def take(self, indices: Sequence[int], *, view: int | None = None) -> Batch:
        """The examples at ``indices``; every view is the same."""
        made = [self._example(int(index)) for index in indices]
        inputs = tuple(torch.from_numpy(np.stack(each)) for each in zip(*made, strict=True))
        chosen = torch.as_tensor(list(indices), dtype=torch.int64)
        return Batch(inputs, torch.from_numpy(self.targets[chosen.numpy()]), chosen)

    def _example(self, index: int) -> tuple[Packed, Packed, Noise, Noise]:
        run, time = divmod(index, self.windows.length)
        frame = pack(self.windows.picture(int(self.rows[run]), time))
        prediction = pack(self.predictions.picture(run, time)) if time else np.zeros_like(frame)
        return (
            frame,
            prediction,
            _setting(int(self.qualities[run]), time),
            _noise(self.seed, index, self.latents, frame) * (not self.rounds),
        )

    def coded(
        self, code: Callable[[Sequence[Tensor]], Answers], progress: Progress, what: str
    ) -> Iterator[tuple[list[int], Answers]]:
        """Code all windows, frame after frame, each predicted from what was made of the one before.

        Args:
            code: inputs of a batch to outputs.
            progress: shows how far it is.
            what: what it says.

        Yields:
            Examples and their outputs. What they were predicted from is kept in ``predictions``.
        """
        runs = len(self.rows)
        for start in progress.track(range(0, runs, _BATCH), what, -(-runs // _BATCH)):
            batch = range(start, min(start + _BATCH, runs))
            for time in range(self.windows.length):
                places = [run * self.windows.length + time for run in batch]
                outputs = code(self.take(places).inputs)
                yield places, outputs
                if time + 1 < self.windows.length:
                    for run, made in zip(batch, outputs[:, :PACKED], strict=True):
                        moved = predict(unpack(np.nan_to_num(made)), self.windows.vectors[self.rows[run], time])
                        _put(self.predictions, run, time + 1, moved)

    @property
    def together(self) -> npt.NDArray[np.int64]:
        """The window of each example: its frames at all qualities are of one scene."""
        return np.repeat(self.rows, self.windows.length)

    def some(self, examples: int) -> tuple["CodecSplit", npt.NDArray[np.int64]]:
        """The first windows, at all their qualities."""
        each = len(self) / len(np.unique(self.rows))
        runs = np.flatnonzero(self.rows <= np.unique(self.rows)[: max(1, round(examples / each))][-1])
        places = (runs[:, None] * self.windows.length + np.arange(self.windows.length)).ravel()
        part = replace(
            self,
            rows=self.rows[runs],
            qualities=self.qualities[runs],
            predictions=_no_predictions(self.windows, len(runs)),
            targets=self.targets[places],
        )
        return part, places

    def answered(
        self, answer: Callable[[Sequence[Tensor]], Answers], progress: Progress, what: str
    ) -> tuple[Answers, Answers]:
        """What a model answers to all examples where it predicts from its own frames, as in a stream, and targets."""
        own = replace(self, predictions=_no_predictions(self.windows, len(self.rows)), rounds=True)
        outputs: Answers = np.empty(0)
        for places, found in own.coded(answer, progress, what):
            if not outputs.size:
                outputs = np.empty((len(self), *found.shape[1:]), found.dtype)
            outputs[places] = found
        return outputs, self.targets

    def sights(self, original: Answers, result: Answers) -> Sequence[Sight]:
        """The last frame of the first windows at different qualities: as it is, from both codecs, their difference."""
        made: list[Sight] = []
        for run in list(range(0, len(self.rows), len(QUALITIES) + 1))[:SHOWN]:
            index = (run + 1) * self.windows.length - 1
            frame = self.windows.picture(int(self.rows[run]), self.windows.length - 1)
            decoded = [unpack(each[index, :PACKED]) for each in (original, result)]
            told = [figures(each[index : index + 1])[0] for each in (original, result)]
            said = [f"{np.exp(bits):.3f} bits a pixel, {psnr:.2f} dB" for _, bits, psnr in told]
            pictures = (
                Picture(png(frame), "the frame"),
                Picture(png(decoded[0]), f"original: {said[0]}"),
                Picture(png(decoded[1]), f"result: {said[1]}"),
                Picture(png(apart(*decoded)), f"their difference, {APART} times"),
            )
            made.append(Sight(f"window {int(self.rows[run])}, quality {int(self.qualities[run])}", pictures))
        return made

    def curves(self, original: Answers, result: Answers) -> Sequence[Curve]:
        """Means over all frames at each quality."""
        made: list[Curve] = []
        for name, outputs in (("original", original), ("result", result)):
            means = np.unique(with_means(figures(outputs))[:, [0, 3, 4]], axis=0)
            made.append(Curve(name, tuple(np.exp(means[:, 1]).tolist()), tuple(means[:, 2].tolist())))
        return made


def _setting(quality: int, time: int) -> Noise:
    found = np.zeros(SETTINGS, np.float32)
    found[quality + len(QUALITIES) * bool(time)] = 1
    return found


def _noise(seed: int, index: int, latents: int, frame: Packed) -> Noise:
    size = (latents, frame.shape[1] // LATENT_STRIDE, frame.shape[2] // LATENT_STRIDE)
    return np.random.default_rng((seed, index)).uniform(-0.5, 0.5, size).astype(np.float32)


@torch.inference_mode()
def coded_split(
    module: nn.Module, windows: Windows, *, latents: int, every: bool, seed: int, progress: Progress, what: str
) -> CodecSplit:
    """Let the original code windows frame after frame, each from what it made of the one before.

    Args:
        module: the original, in eval mode.
        windows: of frames.
        latents: channels of its latents.
        every: each window at every quality, not at one drawn for it.
        seed: of qualities and noise.
        progress: shows how far it is.
        what: what it says.
    """
    count, levels = len(windows), len(QUALITIES)
    rows = np.repeat(np.arange(count), levels) if every else np.arange(count)
    drawn = np.random.default_rng(seed).integers(levels, size=count)
    qualities = np.tile(np.arange(levels), count) if every else drawn
    runs = len(rows)
    predictions = _no_predictions(windows, runs)
    targets = np.zeros((runs * windows.length, 5), np.float32)
    split = CodecSplit(windows, rows, qualities, predictions, latents, seed, True, targets)
    found: npt.NDArray[np.float64] = np.zeros((len(split), 3))
    for places, outputs in split.coded(lambda inputs: module(*inputs).numpy(), progress, what):
        found[places] = figures(outputs)
    split.targets[:] = with_means(found)
    return replace(split, rounds=not every)


def _no_predictions(windows: Windows, runs: int) -> Windows:
    luma, chroma = (np.zeros((runs, *planes.shape[1:]), np.uint8) for planes in (windows.luma, windows.chroma))
    return Windows(luma, chroma, windows.vectors[:0])


def _put(windows: Windows, row: int, time: int, picture: Planes) -> None:
    windows.luma[row, time] = picture.y
    windows.chroma[row, time] = np.stack([picture.u, picture.v])
