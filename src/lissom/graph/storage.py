"""Save a pruned model as data and load it into a fresh instance: safetensors with JSON in its header, no pickle."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_bytes
from torch import fx, nn

from lissom.core.errors import LissomError
from lissom.core.files import whole_file
from lissom.graph.adapting import set_attributes
from lissom.graph.batching import free_batch
from lissom.graph.capturing import Capture, evaluating, export
from lissom.graph.cut import Cut, state
from lissom.graph.inputs import example_inputs
from lissom.graph.pruned import dead_of
from lissom.graph.resizing import resize
from lissom.graph.rewriting import INPUTS, rewrite
from lissom.graph.slicing import slice_state
from lissom.graph.walking import walk

HEADER = "lissom"


def save(path: str | Path, cut: Cut, module: nn.Module) -> None:
    """Write a pruned model (as :func:`lissom.graph.prune` gave it, trained further or not) to one file.

    Args:
        path: the file, usually ``*.safetensors``.
        cut: the cut that it was pruned with.
        module: the pruned model.

    Raises:
        LissomError: the model is not what that cut leaves, or the file cannot be written.
    """
    own = state(module)
    for name, kept in cut.kept.items():
        for dim, places in kept.items():
            if name in own and own[name].shape[dim] != len(places):
                raise LissomError(
                    f"the cut leaves {len(places)} of {name} in dimension {dim}, this model has {own[name].shape[dim]}",
                    hint="give the pruned model, and the cut that it was pruned with",
                )
    write(Path(path), module, describe(cut, module))


def write(path: Path, module: nn.Module, header: dict[str, Any]) -> None:
    """Write the tensors of a model, with a header of plain values.

    Raises:
        LissomError: the file cannot be written.
    """
    with whole_file(path) as temporary:  # bytes, since Python has words for a full disk
        temporary.write_bytes(to_bytes(tensors_of(module), {HEADER: json.dumps(header)}))


def describe(cut: Cut, module: nn.Module) -> dict[str, Any]:
    """All that :func:`rebuild` needs to cut a fresh instance as ``module`` was, as plain values."""
    graphs = {
        n: m.meta[INPUTS] for n, m in module.named_modules() if isinstance(m, fx.GraphModule) and INPUTS in m.meta
    }
    sizes = {name: found for name, m in module.named_modules() if (found := sizes_of(m))}
    return {"cut": cut.to_json(), "graphs": graphs, "sizes": sizes}


def tensors_of(module: nn.Module) -> dict[str, torch.Tensor]:
    """Copies of all parameters and buffers by name, shared ones once."""
    tensors: dict[str, torch.Tensor] = {}
    seen: set[int] = set()
    for name, tensor in state(module).items():
        if id(tensor) not in seen:
            seen.add(id(tensor))
            tensors[name] = tensor.detach().cpu().contiguous().clone()
    return tensors


def load(path: str | Path, build: Callable[[], nn.Module]) -> nn.Module:
    """Read a pruned model back.

    Args:
        path: what :func:`save` wrote.
        build: makes a fresh, unpruned instance of the original's architecture.

    Raises:
        LissomError: the file is none of ours, or ``build`` makes another architecture, or no model.
    """
    header, tensors = read(path)
    if header is None:
        raise LissomError(f"{path} holds weights but no cut", hint="expected a file that lissom.graph.save wrote")
    model = built(build)
    training = model.training
    module = rebuild(model, header)
    fill(module, tensors)
    return module.train(training)


def built(build: Callable[[], nn.Module]) -> nn.Module:
    """A fresh instance.

    Raises:
        LissomError: ``build`` is a model, or makes none.
    """
    hint = "give a function that makes a torch.nn.Module, as in load(path, build=Net)"
    if isinstance(build, nn.Module):
        raise LissomError(f"build is a model, a {type(build).__name__}", hint=hint)
    model: Any = build()
    if not isinstance(model, nn.Module):
        raise LissomError(f"build returned a {type(model).__name__}", hint=hint)
    return model


def rebuild(model: nn.Module, described: Mapping[str, Any]) -> nn.Module:
    """Cut a fresh instance, in place where its own class can express it; its weights mean nothing until filled in.

    Args:
        model: the unpruned architecture.
        described: what :func:`describe` gave.

    Raises:
        LissomError: the cut was made for another architecture.
    """
    cut = Cut.from_json(described["cut"])
    cut.check(model)
    module = _graphs_in_place(model, cut, described["graphs"])
    slice_state(module, cut)
    set_attributes(module, other_sizes(module, described["sizes"]))
    return module


def _graphs_in_place(model: nn.Module, cut: Cut, graphs: Mapping[str, Any]) -> nn.Module:
    """The unpruned model with the pruned graphs in the places where the saved one had them."""
    for name, inputs in graphs.items():
        with evaluating(model):  # as it was when it was cut: a graph switches from there to training and back
            part = export(name, model.get_submodule(name), *example_inputs(inputs))
        found = walk(Capture(model, (), {}, (part,)))
        graph = free_batch(rewrite(part, cut, resize(found, part, dead_of(found, cut))), part)[0]
        if not name:
            return graph
        parent, _, leaf = name.rpartition(".")
        setattr(model.get_submodule(parent), leaf, graph)
    return model


def read(path: str | Path) -> tuple[dict[str, Any] | None, dict[str, torch.Tensor]]:
    """What a file of ours says of its model as plain values, by name, and its values by name.

    Returns:
        ``None`` in the place of the first for a file of weights alone.

    Raises:
        LissomError: it cannot be read.
    """
    try:
        with safe_open(str(path), framework="pt") as file:
            text = (file.metadata() or {}).get(HEADER)
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118, it is no dict
    except (SafetensorError, OSError) as error:
        raise LissomError(f"cannot read {path}: {error}", hint="expected a file that lissom wrote") from error
    try:
        return None if text is None else dict(json.loads(text)), tensors
    except (ValueError, TypeError) as error:
        raise LissomError(f"cannot read {path}: its header is damaged", hint="copy it again") from error


def fill(module: nn.Module, tensors: Mapping[str, torch.Tensor]) -> None:
    """Copy stored values in, by name.

    Raises:
        LissomError: a value has no place in this model or another shape there, or a parameter or buffer has no value.
    """
    own = state(module)
    filled = {id(own[name]) for name in tensors if name in own}
    misfits = [misfit for name, value in tensors.items() if (misfit := _misfit(name, value, own))]
    misfits += [f"the file has no values for {name}" for name, tensor in own.items() if id(tensor) not in filled]
    if misfits:
        more = f" (and {len(misfits) - 1} more that do not fit)" if len(misfits) > 1 else ""
        raise LissomError(f"{misfits[0]}{more}", hint="build() has to make the architecture that was changed")
    with torch.no_grad():
        for name, value in tensors.items():
            own[name].copy_(value)


def _misfit(name: str, value: torch.Tensor, own: Mapping[str, torch.Tensor]) -> str:
    if name not in own:
        return f"the file has values for {name}, which this model does not have"
    ours, theirs = tuple(value.shape), tuple(own[name].shape)
    return "" if ours == theirs else f"{name} is {ours} in the file and {theirs} in this model"


def sizes_of(module: nn.Module) -> dict[str, Any]:
    """The whole numbers, and tuples of them, among the public attributes of a module."""
    public = {k: v for k, v in vars(module).items() if not k.startswith("_") and k != "training"}
    return {k: list(v) if isinstance(v, tuple) else v for k, v in public.items() if _whole(v)}


def _whole(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return bool(value) and all(isinstance(v, int) and not isinstance(v, bool) for v in value)
    return isinstance(value, int) and not isinstance(value, bool)


def other_sizes(module: nn.Module, stored: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Stored sizes by module that differ from what a fresh instance says, in the types that it uses."""
    changes: dict[str, dict[str, Any]] = {}
    for name, owner in module.named_modules():
        for attribute, value in stored.get(name, {}).items():
            old = vars(owner).get(attribute)
            new = tuple(value) if isinstance(old, tuple) else value
            if old is not None and old != new and _whole(old):
                changes.setdefault(name, {})[attribute] = new
    return changes
