"""Apply a cut: a new model, in the user's own class where its forward can express it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils import _pytree as pytree

from lissom.core.collecting import no_collection
from lissom.core.errors import LissomError
from lissom.graph.adapting import (
    Attributes,
    changed_groups,
    fewer,
    layer_attributes,
    merged,
    set_attributes,
    size_changes,
    user_attributes,
)
from lissom.graph.batching import free_batch
from lissom.graph.capturing import Capture, Part
from lissom.graph.capturing import capture as capture_model
from lissom.graph.closing import Flags, structure
from lissom.graph.coupling import Coupling, kept_positions
from lissom.graph.cut import Cut, state
from lissom.graph.exciting import double_by_default, excite, in_double, inputs_in_double
from lissom.graph.landmarks import Landmarks, OtherAnswerError
from lissom.graph.resizing import Changes, resize, run_resized
from lissom.graph.rewriting import rewrite
from lissom.graph.slicing import sliced, sliced_copy
from lissom.graph.training import fails_in_training
from lissom.graph.walking import Walk, walk

TOLERANCE = 1e-9
SUBSETS = 40  # of attributes to try


@dataclass(frozen=True)
class Pruned:
    """A pruned model.

    Args:
        module: the new model, in the training mode of the original.
        own_class: whether it (and all that it consists of) is of the original's class; otherwise it is, or
            contains, a GraphModule with the same names.
        notes: why that is, and what was not captured.
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
    coupling: Coupling | None = None,
    capture: Capture | None = None,
    args: tuple[Any, ...] | None = None,
    kwargs: Mapping[str, Any] | None = None,
) -> Pruned:
    """A new model without what the cut removes; ``model`` is not changed.

    Args:
        model: the unpruned model.
        cut: what is kept.
        coupling: that of this model, if it is at hand, which saves a second look at the graph.
        capture: in its place, the captured model.
        args, kwargs: in its place, example inputs.

    Raises:
        LissomError: the cut was made for another architecture, or removes other things than go together in this
            model; none or several of the above were given.
        CaptureError: the model cannot be captured.
    """
    cut.check(model)
    if coupling is not None:
        return _coupled(model, cut, coupling, alone=capture is None and args is None and kwargs is None)
    if capture is None or capture.model is not model:
        if args is None and kwargs is None:
            raise LissomError(
                "prune needs example inputs, or a capture or coupling of this model", hint="prune(model, cut, args=...)"
            )
        capture = capture_model(model, args or (), kwargs, parts=True)
    with no_collection():
        return _prune(model, cut, walk(capture))


def _coupled(model: nn.Module, cut: Cut, coupling: Coupling, *, alone: bool) -> Pruned:
    """The new model, from a coupling at hand."""
    if not alone:
        raise LissomError("prune takes a coupling, a capture or example inputs, not several of them")
    if coupling.capture.model is not model:
        raise LissomError("the coupling is of another model", hint="couple(capture(model, args)) is that of this one")
    with no_collection():
        return _prune(model, cut, coupling.walk)


def _prune(model: nn.Module, cut: Cut, found: Walk) -> Pruned:
    """The new model, from what is known of the old one."""
    dead = dead_of(found, cut)
    _check_whole(found, cut, dead)
    result = sliced_copy(model, cut)
    attributes: Attributes = {}
    notes = list(found.capture.notes)
    graphs = 0
    for part in found.capture.parts:
        changes = resize(found, part, dead)
        mine, why = adapt(part.of(result), part, changes, cut)
        attributes.update({part.full(name) if name else part.name: values for name, values in mine.items()})
        if why:
            graphs += 1
            _check_replaceable(part)
            graph, limit = free_batch(rewrite(part, cut, changes), part)
            note = f"{part.name or 'the model'} is delivered as a graph"
            notes.append(f"{note}{', ' + limit if limit else ''}: {why}")
            result = _replaced(result, part, graph)
    result.train(model.training)
    return Pruned(result, not graphs, tuple(notes), attributes)


def _check_whole(found: Walk, cut: Cut, dead: Flags) -> None:
    """Raise where other things would have to go than a cut says, or such as have to stay."""
    wanted = kept_positions(found, dead)
    other = next((name for name in {**cut.kept, **wanted} if cut.kept.get(name) != wanted.get(name)), None)
    if other is not None:
        raise LissomError(
            f"what the cut takes of {other} is not what goes together here, or has to stay",
            hint="give the coupling that it was made with, or example inputs like those of its capture",
        )


def _check_replaceable(part: Part) -> None:
    """Raise when a graph cannot take the place of a part."""
    calls = f"is called {part.calls} times" if part.calls > 1 else ""
    calls = "are cut as one" if len(part.names) > 1 else calls
    if calls:
        raise LissomError(
            f"{', '.join(part.names)} {calls}, and the forward has sizes written into it",
            hint=f"leave it alone: couple(capture, keep={tuple(name + '*' for name in part.names)!r})",
        )


def _replaced(model: nn.Module, part: Part, graph: nn.Module) -> nn.Module:
    """The model with the graph in place of the part."""
    if not part.name:
        return graph
    parent, _, leaf = part.name.rpartition(".")
    setattr(model.get_submodule(parent), leaf, graph)
    return model


def dead_of(found: Walk, cut: Cut) -> Flags:
    """The tags that are dead when only what the cut keeps is left."""
    dead = np.zeros(found.tags.count, dtype=bool)
    for name, kept in cut.kept.items():
        if name not in found.state:
            continue
        for dim, places in kept.items():
            roots = found.tags.find(found.state[name].at[dim].tags)
            gone = np.ones(len(roots), dtype=bool)
            gone[list(places)] = False
            dead[roots[gone]] = True
    return structure(found.tags).close(dead[None])[0]


def adapt(own: nn.Module, part: Part, changes: Changes, cut: Cut) -> tuple[Attributes, str]:
    """Set attributes of the user's module, whose state is sliced, such that it computes what the graph computes.

    Returns:
        What was set, and why it could not be done (empty when it could; otherwise nothing was set).
    """
    if any("scale" in new.kwargs and "scale" not in node.kwargs for node, new in changes.items()):
        return {}, "its forward scales attention by the size of a head, of which less is left"
    args, kwargs = inputs_in_double(part.args, dict(part.kwargs))
    probe = excite(in_double(own))
    with torch.no_grad(), double_by_default():
        left = {**_constants(part, cut), **state(probe)}
        landmarks = Landmarks(part)
        expected = run_resized(part, changes, left, (args, kwargs), landmarks.note)
    why, tried = "", list[Attributes]()
    for attributes in _proposals(own, part, changes):
        if attributes in tried:
            continue
        tried.append(attributes)
        before = {n: {a: getattr(probe.get_submodule(n), a) for a in v} for n, v in attributes.items()}
        set_attributes(probe, attributes)
        with landmarks.guard(probe):
            why = difference(probe, expected, args, kwargs)
        if not why:
            why = fails_in_training(probe, part)
            if why:
                break
            set_attributes(own, attributes)
            return attributes, ""
        set_attributes(probe, before)
    return {}, why


def _constants(part: Part, cut: Cut) -> dict[str, torch.Tensor]:
    """What is left of the tensors that a captured part holds and its module does not name."""
    held = {n: t for n, t in part.program.constants.items() if isinstance(t, torch.Tensor)}
    return {
        name: inputs_in_double(sliced(tensor, cut.kept.get(part.full(name), {})))[0] for name, tensor in held.items()
    }


def _proposals(own: nn.Module, part: Part, changes: Changes) -> Iterator[Attributes]:
    """Attributes to try: torch's own layers alone, then with the user's modules around the changed nodes, ever wider,
    then with fewer kinds of attributes, as a number may be there for another reason."""
    weights = {spec.arg.name: str(spec.target) for spec in part.program.graph_signature.input_specs}
    layers = layer_attributes(own, changed_groups(changes, weights))
    sizes = [(node, size_changes(node, new)) for node, new in changes.items()]
    users: Attributes = {}
    for depth in (0, 1, 2, 3, 100):
        users = user_attributes(own, sizes, depth)
        yield merged(layers, users)
    for some in islice(fewer(own, users), SUBSETS):
        yield merged(layers, some)


def difference(module: nn.Module, expected: Sequence[Any], args: Any, kwargs: Any) -> str:
    """How the outputs of a module differ from what is expected; empty when they are equal."""
    try:
        with torch.no_grad(), double_by_default():
            outputs = pytree.tree_leaves(module(*args, **kwargs))
    except OtherAnswerError as error:
        return f"its layer {error} computes something else with the new sizes"
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
