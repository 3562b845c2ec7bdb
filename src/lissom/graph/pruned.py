"""Apply a cut: a new model, in the user's own class where its forward can express it."""

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import fx, nn
from torch.utils import _pytree as pytree

from lissom.core.errors import LissomError
from lissom.graph.adapting import (
    Attributes,
    changed_groups,
    layer_attributes,
    set_attributes,
    size_changes,
    user_attributes,
)
from lissom.graph.capturing import Capture, capture as capture_model
from lissom.graph.closing import Flags, structure
from lissom.graph.cut import Cut
from lissom.graph.exciting import excite, in_double, inputs_in_double
from lissom.graph.rewriting import rewrite
from lissom.graph.slicing import slice_state
from lissom.graph.walking import Walk, walk

TOLERANCE = 1e-6


@dataclass(frozen=True)
class Pruned:
    """A pruned model.

    Args:
        module: the new model, in the training mode of the original.
        own_class: whether it is of the original's class; otherwise it is a GraphModule with the same names.
        notes: why it is not, and which attributes had to change.
        attributes: module name -> attribute -> value, as they were changed.
    """

    module: nn.Module
    own_class: bool
    notes: tuple[str, ...] = ()
    attributes: Attributes = field(default_factory=dict)


def prune(
    model: nn.Module,
    cut: Cut,
    *,
    capture: Capture | None = None,
    args: tuple[Any, ...] | None = None,
    kwargs: Mapping[str, Any] | None = None,
) -> Pruned:
    """A new model without what the cut removes; ``model`` is not changed.

    Args:
        model: the unpruned model.
        cut: what is kept.
        capture: the captured model, if it is at hand; otherwise give example inputs.
        args, kwargs: example inputs.

    Raises:
        LissomError: the cut was made for another architecture.
        CaptureError: the model cannot be captured.
    """
    cut.check(model)
    if capture is None or capture.model is not model:
        if args is None and kwargs is None:
            raise LissomError(
                "prune needs example inputs or a capture of this model", hint="prune(model, cut, args=...)"
            )
        capture = capture_model(model, args or (), kwargs)
    found = walk(capture)
    graph, changed = rewrite(found, cut, dead_of(found, cut))
    own, attributes, why = _own_class(model, cut, capture, graph, changed)
    notes = () if own is not None else (f"delivered as a graph: {why}",)
    result = own if own is not None else graph
    result.train(model.training)
    return Pruned(result, own is not None, notes, attributes)


def dead_of(found: Walk, cut: Cut) -> Flags:
    """The tags that are dead when only what the cut keeps is left."""
    dead = np.zeros(found.tags.count, dtype=bool)
    for name, kept in cut.kept.items():
        for dim, places in kept.items():
            roots = found.tags.find(found.state[name].at[dim].tags)
            gone = np.ones(len(roots), dtype=bool)
            gone[list(places)] = False
            dead[roots[gone]] = True
    return structure(found.tags).close(dead[None])[0]


def _own_class(
    model: nn.Module, cut: Cut, capture: Capture, graph: fx.GraphModule, changed: Mapping[fx.Node, fx.Node]
) -> tuple[nn.Module | None, Attributes, str]:
    """A copy of the user's model with sliced state that computes what the graph computes, if there is one."""
    base = copy.deepcopy(model)
    slice_state(base, cut)
    args, kwargs = inputs_in_double(capture.args, dict(capture.kwargs))
    with torch.no_grad():
        expected = pytree.tree_leaves(excite(in_double(graph))(*args, **kwargs))
    probe = excite(in_double(base))
    why, tried = "", None
    for attributes in _proposals(base, changed, capture):
        if attributes == tried:
            continue
        tried = attributes
        before = {n: {a: getattr(probe.get_submodule(n), a) for a in v} for n, v in attributes.items()}
        set_attributes(probe, attributes)
        why = difference(probe, expected, args, kwargs)
        if not why:
            set_attributes(base, attributes)
            return base, attributes, ""
        set_attributes(probe, before)
    return None, {}, why


def _proposals(base: nn.Module, changed: Mapping[fx.Node, fx.Node], capture: Capture) -> Iterator[Attributes]:
    """Attributes to try: torch's own layers alone, then the user's modules around the changed nodes, ever wider."""
    layers = layer_attributes(base, changed_groups(changed, capture.names))
    sizes = [(node, size_changes(node, new)) for node, new in changed.items()]
    for depth in (0, 1, 2, 3, 100):
        attributes = dict(layers)
        for name, values in user_attributes(base, sizes, depth).items():
            attributes[name] = {**values, **attributes.get(name, {})}
        yield attributes


def difference(module: nn.Module, expected: Sequence[Any], args: Any, kwargs: Any) -> str:
    """How the outputs of a module differ from what is expected; empty when they are equal."""
    try:
        with torch.no_grad():
            outputs = pytree.tree_leaves(module(*args, **kwargs))
    except Exception as error:  # whatever the user's forward raises for sizes that it does not know
        return f"its forward fails ({type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''})"
    outputs, expected = ([t for t in ts if isinstance(t, torch.Tensor)] for ts in (outputs, expected))
    if len(outputs) != len(expected):
        return "its forward gives other outputs"
    for one, two in zip(outputs, expected, strict=True):
        if one.shape != two.shape:
            return f"its forward gives shape {tuple(one.shape)} instead of {tuple(two.shape)}"
        scale = two.abs().max().item() if two.numel() else 0
        if two.is_floating_point() and not (one - two).abs().max().item() <= TOLERANCE * max(scale, 1e-9):
            return "its forward computes something else with the new sizes"
    return ""
