"""The streaming form of a video classifier as one ONNX file: a frame and what is remembered in, the same out."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

from torch import Tensor, nn

from lissom.export.onnx_file import export_onnx
from lissom.tasks.kind import ToInt8
from lissom.zoo.tsm import VideoClassifier
from lissom.zoo.tsm_streaming import Streaming

STREAM = "stream.onnx"


def stream_files(module: nn.Module, examples: Sequence[Tensor], _to_int8: ToInt8 | None = None) -> dict[str, bytes]:
    """``stream.onnx`` by its name, in FP32 and for a batch of one; nothing of a model that has no streaming form.

    Its inputs are a frame ``(1, 3, height, width)`` and what is remembered, zeros before the first frame; its outputs
    are the frame's scores ``(1, classes)`` and what to remember, in the same order.

    Args:
        module: the model that is delivered.
        examples: clips, ``(batch, 3, frames, height, width)``, of which the first is looked at.
    """
    if not isinstance(module, VideoClassifier):
        return {}
    streaming = Streaming(module)
    frame = examples[0][:1, :, 0]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / STREAM
        export_onnx(streaming, (frame, *streaming.start(*frame.shape[2:])), path)
        return {STREAM: path.read_bytes()}
