"""Models captured by torch.export for the runtimes that start from there."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from lissom.core.errors import LissomError, first_line
from lissom.export.onnx_file import quiet
from lissom.export.runners.pt2_safety import refuse_code

if TYPE_CHECKING:
    from torch.export import ExportedProgram

_MOST = 65536


def program(
    module: nn.Module, example: tuple[Tensor, ...], *, title: str, free_batch: bool
) -> "tuple[ExportedProgram, tuple[str, ...]]":
    """Capture a model as in eval mode; its own mode is restored.

    Args:
        module: the model.
        example: positional inputs, a batch of one.
        title: the runtime's name, for messages.
        free_batch: leave the batch size free where the model allows that.

    Returns:
        The program, and a note where the batch size had to be fixed.

    Raises:
        LissomError: the model cannot be captured.
    """
    training = module.training
    module.eval()
    try:
        with quiet(), torch.no_grad():
            if free_batch:
                try:
                    return _captured(module, example, free=True), ()
                except Exception as error:  # whatever the model's own forward or a guard raises
                    note = f"the batch size is fixed to 1: {first_line(error)}"
                    return _captured(module, example, free=False), (note,)
            return _captured(module, example, free=False), ()
    except Exception as error:
        raise LissomError(
            f"the model cannot be exported to {title}: {first_line(error)}",
            hint="control flow that depends on values is the usual cause",
        ) from error
    finally:
        module.train(training)


def _captured(module: nn.Module, example: tuple[Tensor, ...], *, free: bool) -> "ExportedProgram":
    if not free:
        return torch.export.export(module, example, strict=False)
    doubled = tuple(torch.cat([tensor, tensor]) for tensor in example)  # a size of one would be taken for a constant
    batch: Any = torch.export.Dim("batch", min=1, max=_MOST)
    return torch.export.export(module, doubled, dynamic_shapes=tuple({0: batch} for _ in doubled), strict=False)


def program_values(path: Path, inputs: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
    """Every floating-point value of a saved program for these inputs, in the order of computation."""
    refuse_code(path)
    module: Any = torch.export.load(path).module()
    watch = _Watch(module)
    with torch.no_grad():
        watch.run(*(torch.from_numpy(array) for array in inputs))
    return watch.found


class _Watch(torch.fx.Interpreter):
    """Runs a graph and keeps what every node gives."""

    def __init__(self, module: torch.fx.GraphModule) -> None:
        super().__init__(module)
        self.found: dict[str, np.ndarray] = {}

    def run_node(self, n: torch.fx.Node) -> Any:
        value = super().run_node(n)
        if n.op == "call_function" and isinstance(value, Tensor) and value.is_floating_point():
            self.found[n.name] = value.detach().clone().numpy()
        return value
