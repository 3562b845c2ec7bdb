"""A PyTorch model as one ONNX file with a free batch size, and texts of any length."""

import contextlib
import io
import logging
import warnings
from collections.abc import Generator
from pathlib import Path
from typing import Any

import onnx
import torch
from torch import Tensor, nn

from lissom.core.errors import LissomError, first_line
from lissom.core.files import whole_file
from lissom.export.onnx_operators import kept_operators

OPSET = 20


def export_onnx(module: nn.Module, example: tuple[Tensor, ...], path: Path) -> tuple[str, ...]:
    """Write ``module`` in eval mode to ``path``.

    Args:
        module: the model; its mode is restored.
        example: positional inputs, a batch of one.
        path: the ``.onnx`` file.

    Returns:
        What a user should know: whether the batch size, or the length of texts, had to be fixed.

    Raises:
        LissomError: the exporter refuses the model.
    """
    training = module.training
    with whole_file(path) as temporary:
        module.eval()
        try:
            program, notes = _freest(module, example)
        finally:
            module.train(training)
        strip(program)
        onnx.checker.check_model(program)
        onnx.save(program, temporary)
    return notes


def _freest(module: nn.Module, example: tuple[Tensor, ...]) -> tuple[onnx.ModelProto, tuple[str, ...]]:
    """The model with as many sizes free as can be, and what had to be fixed."""
    batch = [{0: torch.export.Dim("batch", min=1, max=65536)} for _ in example]
    tokens = [_is_text(tensor) for tensor in example]
    notes: list[str] = []
    if any(tokens):
        free = [
            {**sizes, 1: torch.export.Dim.DYNAMIC} if text else sizes for sizes, text in zip(batch, tokens, strict=True)
        ]
        try:
            return _convert(module, _doubled(example), free), ()
        except Exception as error:
            length = example[tokens.index(True)].shape[1]
            notes.append(f"the length of texts is fixed to {length} tokens: {first_line(error)}")
    try:
        return _convert(module, _doubled(example), batch), tuple(notes)
    except Exception as error:
        notes.append(f"the batch size is fixed to 1: {first_line(error)}")
    try:
        return _convert(module, example, None), tuple(notes)
    except Exception as error:
        raise LissomError(
            f"the model cannot be exported to ONNX: {first_line(error)}",
            hint="an operator that ONNX lacks, or control flow that depends on values, is the usual cause",
        ) from error


def _is_text(tensor: Tensor) -> bool:
    """Whether an input holds token numbers, ``(batch, tokens)``."""
    return tensor.dim() == 2 and not tensor.is_floating_point() and tensor.shape[1] > 1


def _convert(module: nn.Module, example: tuple[Tensor, ...], free: list[dict[int, Any]] | None) -> onnx.ModelProto:
    inputs = ["input"] if len(example) == 1 else [f"input_{number}" for number in range(len(example))]
    with quiet(), kept_operators(), torch.no_grad():
        program = torch.onnx.export(
            module,
            example,
            dynamo=True,
            opset_version=OPSET,
            dynamic_shapes=None if free is None else tuple(free),
            input_names=inputs,
            output_names=["output"],
            external_data=False,
            verbose=False,
        )
    assert program is not None
    given = program.model_proto.graph.input
    for value, sizes in zip(given, free or [], strict=free is not None):
        fixed = [place for place in sizes if not value.type.tensor_type.shape.dim[place].dim_param]
        if fixed:  # the exporter gives up a free size without a word
            raise ValueError(f"dimension {fixed[0]} of {value.name} cannot be left free")
    return program.model_proto


def _doubled(example: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """A batch of two: torch.export takes a dimension of size one for a constant."""
    return tuple(torch.cat([tensor, tensor]) for tensor in example)


def strip(program: onnx.ModelProto) -> None:
    """Drop what only debugging the exporter needs: source lines of every node, inferred shapes."""
    graph = program.graph
    for node in graph.node:
        del node.metadata_props[:]
        node.doc_string = ""
    for value in (*graph.input, *graph.output, *graph.initializer):
        del value.metadata_props[:]
    del graph.value_info[:]
    del graph.metadata_props[:]
    del program.metadata_props[:]
    program.producer_name = "lissom"


@contextlib.contextmanager
def quiet() -> Generator[None]:
    """Silence what converters print and log about themselves; errors still raise."""
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)
