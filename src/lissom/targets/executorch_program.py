"""ExecuTorch with XNNPACK: a program for phones, run here by its Python runtime."""

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from lissom.core.errors import LissomError, first_line
from lissom.core.files import check_writable, whole_file
from lissom.targets.target import (
    FP32,
    INT8,
    Artefact,
    Inputs,
    Recipe,
    RefusedError,
    Source,
    Target,
    check_calibration,
    check_precision,
)  # fmt: skip

if TYPE_CHECKING:
    from torch import Tensor, nn


class ExecuTorch(Target):
    """ExecuTorch's XNNPACK delegate; what it does not take runs in portable kernels, which are slow."""

    name = "executorch"
    title = "ExecuTorch (XNNPACK)"
    suffixes = (".pte",)
    precisions = (FP32, INT8)
    packages: ClassVar = {"executorch": "executorch", "torchao": "torchao"}
    runner = "lissom.export.runners.executorch_runner"
    free_batch = False

    def export(self, module: "nn.Module", example: "tuple[Tensor, ...]", path: Path, precision: str = FP32) -> Artefact:
        from lissom.targets.capture import program

        check_precision(self, precision)
        check_writable(path.parent)
        captured, _ = program(module, example, title=self.title, free_batch=False)
        self._lower(captured, path)
        return self.artefact(path)

    def quantize(self, source: Source, calibration: Inputs, path: Path, recipe: Recipe | None = None) -> Artefact:
        import torch

        from lissom.export.onnx_file import quiet
        from lissom.targets.capture import program

        with quiet():
            from executorch.backends.xnnpack.quantizer.xnnpack_quantizer import (
                XNNPACKQuantizer,
                get_symmetric_quantization_config,
            )
            from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_pt2e

        check_calibration(calibration)
        captured, _ = program(source.module, source.example, title=self.title, free_batch=False)
        quantizer = XNNPACKQuantizer().set_global(get_symmetric_quantization_config(is_per_channel=True))
        try:
            with quiet(), torch.no_grad():
                watched = prepare_pt2e(captured.module(), quantizer)
                for batch in calibration:
                    for place in range(len(batch[0])):
                        watched(*(torch.from_numpy(array[place : place + 1]) for array in batch))
                made = torch.export.export(convert_pt2e(watched), source.example, strict=False)
        except Exception as error:  # of torchao's own kinds
            raise RefusedError(
                f"the model cannot be quantized for {self.title}: {first_line(error)}",
                hint="keep it in fp32, or choose another target (lissom targets)",
            ) from error
        self._lower(made, path)
        note = f"static INT8 by torchao with {sum(len(batch[0]) for batch in calibration)} inputs"
        return self.artefact(path, INT8, (*source.artefact.notes, note))

    def _lower(self, captured: Any, path: Path) -> None:
        from lissom.export.onnx_file import quiet

        try:
            with quiet():
                from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
                from executorch.exir import to_edge_transform_and_lower

                lowered = to_edge_transform_and_lower(captured, partitioner=[XnnpackPartitioner()]).to_executorch()
        except Exception as error:
            raise LissomError(
                f"the model cannot be lowered to {self.title}: {first_line(error)}",
                hint="choose another target (lissom targets)",
            ) from error
        with whole_file(path) as temporary:
            temporary.write_bytes(lowered.buffer)

    def fallbacks(self, artefact: Artefact) -> dict[str, int]:
        from lissom.export.onnx_file import quiet

        with quiet():
            from executorch.exir._serialize._program import deserialize_pte_binary

        found: Any = deserialize_pte_binary(artefact.path.read_bytes())
        plan = getattr(found, "program", found).execution_plan[0]
        calls = Counter(
            plan.operators[item.instr_args.op_index].name
            for chain in plan.chains
            for item in chain.instructions
            if hasattr(item.instr_args, "op_index")
        )
        return dict(sorted(calls.items()))
