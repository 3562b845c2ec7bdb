"""The networks of a codec in the runtimes that read ONNX files."""

from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lissom.core.errors import LissomError
from lissom.tasks.codec.coding import Coder, Transform
from lissom.tasks.codec.priors import digest, read_prior

PRIOR, ENCODER, DECODER = "prior.npz", "encoder.onnx", "decoder.onnx"
SAMPLE, SAMPLE_FRAMES = "sample.lsmc", "sample.npz"  # a coded film, and its frames as they were decoded at once
PLANES = ("luma", "blue", "red")  # of these frames
RUNTIMES = ("onnxruntime", "openvino")
Arrays = list[npt.NDArray[Any]]


class OnnxRuntime:
    """A network in ONNX Runtime, on the processor."""

    def __init__(self, path: Path, threads: int) -> None:
        runtime = import_module("onnxruntime")
        options = runtime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        options.log_severity_level = 3
        self._session = runtime.InferenceSession(path.read_bytes(), options, providers=["CPUExecutionProvider"])
        self._names = [item.name for item in self._session.get_inputs()]

    def run(self, inputs: Arrays) -> Arrays:
        """Its outputs, in order."""
        return self._session.run(None, dict(zip(self._names, inputs, strict=True)))


class OpenVino:
    """A network in OpenVINO, on the processor, compiled for the size that it meets."""

    def __init__(self, path: Path, threads: int) -> None:
        self._core = import_module("openvino").Core()
        self._path, self._threads = path, threads
        self._core.read_model(path)  # a damaged file is found here
        self._requests: dict[tuple[tuple[int, ...], ...], Any] = {}

    def run(self, inputs: Arrays) -> Arrays:
        """Its outputs, in order."""
        shapes = tuple(array.shape for array in inputs)
        if shapes not in self._requests:
            model = self._core.read_model(self._path)
            model.reshape(dict(zip(model.inputs, shapes, strict=True)))
            options = {"INFERENCE_NUM_THREADS": self._threads, "NUM_STREAMS": 1, "INFERENCE_PRECISION_HINT": "f32"}
            self._requests[shapes] = self._core.compile_model(model, "CPU", options).create_infer_request()
        found = self._requests[shapes].infer(inputs, share_inputs=True)
        return [np.array(value) for value in found.values()]


def load_coder(folder: Path, *, runtime: str = "onnxruntime", threads: int = 1, encodes: bool = True) -> Coder:
    """The codec whose files a folder holds.

    Args:
        folder: of a bundle.
        runtime: one of :data:`RUNTIMES`.
        threads: of the runtime.
        encodes: whether the encoder is needed too.

    Raises:
        LissomError: the runtime is not installed, or a file is missing or damaged.
    """
    made: dict[str, type[OnnxRuntime] | type[OpenVino]] = {"onnxruntime": OnnxRuntime, "openvino": OpenVino}
    if runtime not in made:
        raise LissomError(f"there is no runtime {runtime!r} here", hint=f"known: {', '.join(RUNTIMES)}")
    try:
        prior = read_prior((folder / PRIOR).read_bytes())
        if digest((folder / DECODER).read_bytes()).tobytes() != prior.decoder:
            raise LissomError(f"{DECODER} is damaged, or of another model than {PRIOR}", hint="copy the bundle anew")
        decoder: Transform = made[runtime](folder / DECODER, threads)
        encoder: Transform | None = made[runtime](folder / ENCODER, threads) if encodes else None
    except ModuleNotFoundError as error:
        raise LissomError(f"{error.name} is not installed", hint=f"pip install {error.name}") from error
    except OSError as error:
        raise LissomError(f"{error.filename} cannot be read") from error
    except LissomError:
        raise
    except Exception as error:  # every runtime has exceptions of its own
        raise LissomError(f"{ENCODER} or {DECODER} cannot be loaded: {str(error).splitlines()[0]}") from error
    return Coder(prior, decoder, encoder)
