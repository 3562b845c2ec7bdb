"""ncnn: a network as ``.param`` with its weights as ``.bin``, for phones and small boards."""

import os
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from lissom.core.errors import LissomError, first_line
from lissom.core.files import check_writable, whole_file
from lissom.targets.muting import muted_process
from lissom.targets.target import FP16, FP32, Artefact, Inputs, Recipe, Source, Target, check_precision

if TYPE_CHECKING:
    from torch import Tensor, nn

_ANOTHER = "choose another target (lissom targets)"


class Ncnn(Target):
    """ncnn on the processor, converted by pnnx. FP16 halves the file.

    Its INT8 tools are not in the package of the registry, so that INT8 cannot be made here.
    """

    name = "ncnn"
    title = "ncnn"
    suffixes = (".param", ".bin")
    precisions = (FP32, FP16)
    packages: ClassVar = {"ncnn": "ncnn", "pnnx": "pnnx"}
    runner = "lissom.export.runners.ncnn_runner"
    free_batch = False

    def export(self, module: "nn.Module", example: "tuple[Tensor, ...]", path: Path, precision: str = FP32) -> Artefact:
        check_precision(self, precision)
        check_writable(path.parent)
        with tempfile.TemporaryDirectory() as folder:
            made = _convert(module, example, Path(folder), half=precision == FP16)
            # the weights first: an artefact is there when its main file is
            for suffix in reversed(self.suffixes):
                with whole_file(path.with_suffix(suffix)) as temporary:
                    temporary.write_bytes(made.with_suffix(suffix).read_bytes())
        return self.artefact(path, precision)

    def quantize(self, source: Source, calibration: Inputs, path: Path, recipe: Recipe | None = None) -> Artefact:
        raise LissomError(
            "ncnn has no INT8 here: its package on the registry comes without ncnn2int8",
            hint="choose a target that has INT8, such as onnxruntime",
        )

    def values(self, path: Path, inputs: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
        import ncnn

        native: Any = ncnn  # a compiled module, which tells no types
        net = _loaded(path)
        names = [blob.name for blob in net.blobs()]
        extractor = net.create_extractor()
        given = [np.ascontiguousarray(array[0]) for array in inputs]  # read while it extracts, and not kept by ncnn
        for number, array in enumerate(given):
            extractor.input(f"in{number}", native.Mat(array))
        return {name: np.array(extractor.extract(name)[1])[None] for name in names}

    def fallbacks(self, artefact: Artefact) -> dict[str, int]:
        # the fast kernels work on several channels at once, packed beside each other
        plain = (layer.type for layer in _loaded(artefact.path).layers() if not layer.support_packing)
        return dict(sorted(Counter(plain).items()))


def _loaded(path: Path) -> Any:
    """The network of ncnn's own, which computes in FP32."""
    import ncnn

    native: Any = ncnn
    net = native.Net()
    net.opt.use_vulkan_compute = False
    for half in ("use_fp16_packed", "use_fp16_storage", "use_fp16_arithmetic", "use_bf16_storage"):
        setattr(net.opt, half, False)
    net.load_param(str(path))
    net.load_model(str(path.with_suffix(".bin")))
    return net


def _convert(module: "nn.Module", example: "tuple[Tensor, ...]", folder: Path, *, half: bool) -> Path:
    import torch

    from lissom.export.onnx_file import quiet
    from lissom.targets.capture import program

    program(module, example, title="ncnn", free_batch=False)  # tracing would freeze decisions on values, and not say so
    training, before = module.training, Path.cwd()
    os.chdir(folder)  # the converter writes beside where it is called
    try:
        with quiet(), torch.no_grad():
            traced: Any = torch.jit.trace(_named(module.eval()), example)
            traced.save("net.pt")
        _run_pnnx(example, half=half)
    except LissomError:
        raise
    except Exception as error:
        raise LissomError(f"the model cannot be converted to ncnn: {first_line(error)}", hint=_ANOTHER) from error
    finally:
        os.chdir(before)
        module.train(training)
    made = folder / "net.ncnn.param"
    if not made.exists() or not made.stat().st_size:
        raise LissomError("the model cannot be converted to ncnn: pnnx wrote no network", hint=_ANOTHER)
    _refuse_unknown(made)
    return made


def _named(module: "nn.Module") -> "nn.Module":
    """The module as a layer that has a name: pnnx writes the layers of a Sequential, "0" and on, as names of Python."""
    from torch import nn

    class Named(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = module

        def forward(self, *inputs: "Tensor") -> Any:
            return self.net(*inputs)

    return Named().eval()


def _run_pnnx(example: "tuple[Tensor, ...]", *, half: bool) -> None:
    import pnnx

    from lissom.export.onnx_file import quiet

    try:
        with quiet(), muted_process():  # pnnx tells every pass
            pnnx.convert("net.pt", list(example), fp16=half)
    except (FileNotFoundError, SyntaxError) as error:
        # it writes what it has no operator for as Python that it cannot read again, or gives up before
        raise LissomError("the model cannot be converted to ncnn: pnnx lacks an operator", hint=_ANOTHER) from error


def _refuse_unknown(param: Path) -> None:
    """pnnx writes what it cannot convert as it stands; ncnn would fail on it when it is loaded."""
    kinds = {line.split()[0] for line in param.read_text().splitlines()[2:] if line.split()}
    foreign = sorted(kind for kind in kinds if "." in kind)
    if foreign:
        raise LissomError(f"ncnn has no operator for {', '.join(foreign)}", hint=_ANOTHER)
