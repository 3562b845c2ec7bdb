"""How torch.export is made to say nothing, and to do no more than is asked of it."""

import io
import logging
import warnings
from collections.abc import Generator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from functools import partial
from unittest.mock import patch

import torch
from torch._decomp import meta_table
from torch._export import non_strict_utils
from torch.fx import config as fx_config
from torch.fx._lazy_graph_module import _use_lazy_graph_module
from torch.fx.experimental.symbolic_shapes import ShapeEnv

BATCH_NORM = torch.ops.aten._native_batch_norm_legit_no_training.default


@contextmanager
def quiet() -> Generator[None]:
    """torch.export prints whole graphs when it fails; the error that it raises says enough. Nor does it note where
    each call stands in the sources, which takes as long as the rest, or write code for graphs that nobody calls."""
    level, traces = logging.root.manager.disable, fx_config.do_not_emit_stack_traces
    logging.disable(logging.CRITICAL)
    fx_config.do_not_emit_stack_traces = True
    try:
        said = redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO())
        with warnings.catch_warnings(), said[0], said[1], _use_lazy_graph_module(True):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)
        fx_config.do_not_emit_stack_traces = traces


@contextmanager
def shapes_at_once() -> Generator[None]:
    """BatchNorm's shapes from its own kernel for shapes: torch would follow each of the operators that it is made of,
    which takes up to a third of a capture. What is listed as having such a kernel is asked for it."""
    if BATCH_NORM in meta_table:
        yield
        return
    meta_table[BATCH_NORM] = BATCH_NORM
    try:
        yield
    finally:
        del meta_table[BATCH_NORM]


@contextmanager
def sizes_known() -> Generator[None]:
    """Tracing ends with a DynamicOutputShapeException at the first operator whose answer's size depends on values.
    Else torch.export would go on with symbols, which in a detector takes ten times as long as what can be captured."""
    with patch.object(non_strict_utils, "ShapeEnv", partial(ShapeEnv, allow_dynamic_output_shape_ops=False)):
        yield
