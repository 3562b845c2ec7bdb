"""The streaming form of a video classifier as one ONNX file: a frame and what is remembered in, the same out."""

import tempfile
from pathlib import Path

from torch import Tensor, nn

from lissom.export.onnx_file import export_onnx
from lissom.zoo.tsm import VideoClassifier
from lissom.zoo.tsm_streaming import Streaming

STREAM = "stream.onnx"


def stream_files(module: nn.Module, example: tuple[Tensor, ...]) -> dict[str, bytes]:
    """``stream.onnx`` by its name, in FP32 and for a batch of one; nothing of a model that has no streaming form.

    Its inputs are a frame ``(1, 3, height, width)`` and what is remembered, zeros before the first frame; its outputs
    are the frame's scores ``(1, classes)`` and what to remember, in the same order.

    Args:
        module: the model that is delivered.
        example: a batch of one clip, ``(1, 3, frames, height, width)``.
    """
    if not isinstance(module, VideoClassifier):
        return {}
    streaming = Streaming(module)
    frame = example[0][:, :, 0]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / STREAM
        export_onnx(streaming, (frame, *streaming.start(*frame.shape[2:])), path)
        return {STREAM: path.read_bytes()}
