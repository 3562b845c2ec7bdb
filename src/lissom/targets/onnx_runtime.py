"""ONNX Runtime on the processor: the default target."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from importlib import util
from pathlib import Path

import numpy as np
from torch import Tensor, nn

from lissom.core.errors import LissomError
from lissom.export.onnx_file import export_onnx
from lissom.targets.target import Arrays, Artefact, Runner, Target

_PEAK = """
import json, sys
import numpy as np, onnxruntime as ort
def read(field):
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith(field))
path, shapes, threads = json.loads(sys.argv[1])
options = ort.SessionOptions()
options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
feed_arrays = [np.zeros(shape, dtype) for shape, dtype in shapes]
with open("/proc/self/clear_refs", "w") as file:
    file.write("5")
before = read("VmRSS")
session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
session.run(None, {i.name: a for i, a in zip(session.get_inputs(), feed_arrays)})
print(read("VmHWM") - before)
"""


class OnnxRuntime(Target):
    """ONNX Runtime's CPU execution provider."""

    name = "onnxruntime"

    def missing(self) -> str | None:
        return None if util.find_spec("onnxruntime") else "the package onnxruntime is not installed"

    def export(self, module: nn.Module, example: tuple[Tensor, ...], path: Path) -> Artefact:
        return Artefact(path, "fp32", export_onnx(module, example, path))

    def load(self, path: Path, *, threads: int) -> Runner:
        return Session(path, threads)

    def quantize(self, artefact: Artefact, calibration: Sequence[Sequence[np.ndarray]], path: Path) -> Artefact:
        from lissom.targets.onnx_int8 import quantize_static_int8

        return quantize_static_int8(artefact, calibration, path)

    def peak_memory_bytes(self, path: Path, example: Sequence[np.ndarray], *, threads: int) -> int:
        shapes = [(list(array.shape), str(array.dtype)) for array in example]
        command = [sys.executable, "-c", _PEAK, json.dumps([str(path), shapes, threads])]
        environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
        done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
        if done.returncode != 0:
            raise LissomError(f"the memory of {path.name} could not be measured: {done.stderr.strip()[-200:]}")
        return int(done.stdout)


class Session(Runner):
    """One ONNX file in an inference session.

    Raises:
        LissomError: the file is missing, damaged, or holds an operator the runtime lacks.
    """

    def __init__(self, path: Path, threads: int) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        try:
            # from memory, since the runtime cannot open every path that the system can
            model = path.read_bytes()
            self._session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        except Exception as error:
            raise LissomError(f"{path} cannot be loaded by ONNX Runtime: {error}") from error
        self._names = [item.name for item in self._session.get_inputs()]

    def run(self, inputs: Sequence[np.ndarray]) -> Arrays:
        outputs = self._session.run(None, dict(zip(self._names, inputs, strict=True)))
        return [np.asarray(output) for output in outputs]
