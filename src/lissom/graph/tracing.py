"""How torch.export is made to say nothing, and to do no more than is asked of it.

Some of it goes by private names of torch. Where one of these is gone, a capture takes longer, and is the same.
"""

import importlib
import io
import logging
import threading
import warnings
from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager, nullcontext, redirect_stderr, redirect_stdout
from functools import partial
from typing import Any

import torch
from torch.fx import config as fx_config

from lissom.core.collecting import no_collection

BATCH_NORM = torch.ops.aten._native_batch_norm_legit_no_training.default
_ONE = threading.RLock()  # what is changed meanwhile belongs to the whole process


@contextmanager
def lean_tracing() -> Generator[None]:
    """While this lasts, torch.export traces quietly and fast; other threads that trace so wait."""
    with _ONE, _quiet(), no_collection(), shapes_at_once(), sizes_known(), _code_when_called():
        yield


@contextmanager
def _quiet() -> Generator[None]:
    """torch.export prints whole graphs when it fails; the error that it raises says enough. Nor does it note where
    each call stands in the sources, which takes as long as the rest."""
    level, traces = logging.root.manager.disable, fx_config.do_not_emit_stack_traces
    logging.disable(logging.CRITICAL)
    fx_config.do_not_emit_stack_traces = True
    try:
        with warnings.catch_warnings(), redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)
        fx_config.do_not_emit_stack_traces = traces


@contextmanager
def shapes_at_once() -> Generator[None]:
    """BatchNorm's shapes from its own kernel for shapes: torch would follow each of the operators that it is made of,
    which takes up to a third of a capture. What is listed as having such a kernel is asked for it."""
    table = _private("torch._decomp", "meta_table")
    if table is None or BATCH_NORM in table:
        yield
        return
    table[BATCH_NORM] = BATCH_NORM
    try:
        yield
    finally:
        table.pop(BATCH_NORM, None)


@contextmanager
def sizes_known() -> Generator[None]:
    """Tracing ends with a DynamicOutputShapeException at the first operator whose answer's size depends on values.
    Else torch.export would go on with symbols, which in a detector can take longer than capturing all that can be."""
    kind = _private("torch._export.non_strict_utils", "ShapeEnv")
    if not hasattr(kind, "allow_dynamic_output_shape_ops"):
        yield
        return
    module: Any = importlib.import_module("torch._export.non_strict_utils")
    module.ShapeEnv = partial(kind, allow_dynamic_output_shape_ops=False)
    try:
        yield
    finally:
        module.ShapeEnv = kind


def _code_when_called() -> AbstractContextManager[None]:
    """No code is written for graphs that are only read, as in torch.compile."""
    lazy = _private("torch.fx._lazy_graph_module", "_use_lazy_graph_module")
    return nullcontext() if lazy is None else lazy(True)


def _private(module: str, name: str) -> Any:
    """What a module of torch has under a name, or None."""
    try:
        return getattr(importlib.import_module(module), name, None)
    except ImportError:
        return None
