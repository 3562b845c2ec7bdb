"""Find which captured modules hand tensors straight to one another, so that they can be cut as one.

The model is run once, noting which tensors go from module to module without any operator in between that reads them.
Then it is run with the modules replaced by what they put out before, one dimension of these tensors made wider: if
everything else stays as it was, nothing outside depends on the size of that dimension.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn
from torch.utils import _pytree as pytree
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.weak import WeakIdKeyDictionary

from lissom.graph.joined import Given, Joined, Link, Station

PLAIN = (torch.Tensor, int, float, str, bool, type(None))


@dataclass
class _Run:
    """The only call of each module: what went in and what came out, flat, in the order of the calls."""

    inputs: dict[str, list[Any]] = field(default_factory=dict)
    specs: dict[str, pytree.TreeSpec] = field(default_factory=dict)
    outputs: dict[str, list[Any]] = field(default_factory=dict)
    out_specs: dict[str, pytree.TreeSpec] = field(default_factory=dict)
    answer: list[Any] = field(default_factory=list)
    read: WeakIdKeyDictionary = field(default_factory=WeakIdKeyDictionary)

    def reads(self, values: Any) -> None:
        """Note that something looks at the tensors among nested values."""
        for leaf in pytree.tree_leaves(values):
            if isinstance(leaf, torch.Tensor):
                self.read[leaf] = True


def join(
    model: nn.Module, args: tuple[Any, ...], kwargs: Mapping[str, Any], names: Sequence[str]
) -> list[tuple[Joined, tuple[torch.Tensor, ...]]]:
    """The modules of ``names`` that belong together, as one module each, with its inputs.

    Args:
        model: in evaluation mode.
        args, kwargs: example inputs.
        names: modules that can be captured, none inside another.
    """
    run = _recorded(model, args, kwargs, names)
    if run is None:
        return []
    links = _links(run)
    free = _free(model, args, kwargs, run, links)
    links = {at: link for at, link in links.items() if free.get(link)}
    return [_joined(model, run, members, links, free) for members in _together(run, links) if len(members) > 1]


class _Reads(TorchDispatchMode):
    """Notes the tensors that operators outside of the modules read."""

    def __init__(self, run: _Run) -> None:
        super().__init__()
        self.run, self.inside = run, False

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if not self.inside:
            self.run.reads((args, kwargs))
        return func(*args, **(kwargs or {}))


def _recorded(model: nn.Module, args: Any, kwargs: Any, names: Sequence[str]) -> _Run | None:
    """What goes between the modules; None when the model keeps or gives something that cannot be looked into."""
    run, several = _Run(), set[str]()
    reads = _Reads(run)

    def stub(name: str, forward: Callable[..., Any]) -> Callable[..., Any]:
        def noted(*given: Any, **named: Any) -> Any:
            if name in run.inputs:
                several.add(name)
                run.reads((run.inputs[name], run.outputs[name], given, named))
            run.inputs[name], run.specs[name] = pytree.tree_flatten((given, named))
            reads.inside = True
            try:
                made = forward(*given, **named)
            finally:
                reads.inside = False
            run.outputs[name], run.out_specs[name] = pytree.tree_flatten(made)
            return made

        return noted

    with _forwards(model, names, stub), torch.no_grad(), reads:
        run.answer = pytree.tree_leaves(model(*args, **kwargs))
    run.reads(run.answer)
    for name in several:  # what goes in and out of a module that is called several times stays
        run.reads((run.inputs.pop(name), run.outputs.pop(name)))
    leaves = [leaf for flat in (*run.inputs.values(), *run.outputs.values()) for leaf in flat]
    return run if all(isinstance(leaf, PLAIN) for leaf in (*run.answer, *leaves)) else None


@contextmanager
def _forwards(
    model: nn.Module, names: Sequence[str], stub: Callable[[str, Callable[..., Any]], Callable[..., Any]]
) -> Iterator[None]:
    """Put other forwards in the place of those of some modules, for a while."""
    modules = {name: model.get_submodule(name) for name in names}
    own = {name: vars(module).get("forward") for name, module in modules.items()}
    for name, module in modules.items():
        module.forward = stub(name, module.forward)
    try:
        yield
    finally:
        for name, module in modules.items():
            forward = own[name]
            if forward is None:
                del module.forward
            else:
                module.forward = forward


def _links(run: _Run) -> dict[tuple[str, int], Link]:
    """Module and place of an input -> the output that it is, where nothing else reads that."""
    made = {id(leaf): Link(name, n) for name, leaves in run.outputs.items() for n, leaf in enumerate(leaves)}
    return {
        (name, place): made[id(leaf)]
        for name, leaves in run.inputs.items()
        for place, leaf in enumerate(leaves)
        if isinstance(leaf, torch.Tensor) and id(leaf) in made and leaf not in run.read
    }


def _free(
    model: nn.Module, args: Any, kwargs: Any, run: _Run, links: Mapping[tuple[str, int], Link]
) -> dict[Link, tuple[int, ...]]:
    """The dimensions of what is linked whose size nothing outside of the modules depends on."""
    linked = {link: run.outputs[link.source][link.place] for link in links.values()}
    rank = max((tensor.dim() for tensor in linked.values()), default=0)
    dims = [dim for dim in range(rank) if _indifferent(model, args, kwargs, run, links, _wider(linked, dim))]
    return {link: tuple(dim for dim in dims if dim < tensor.dim()) for link, tensor in linked.items()}


def _wider(linked: Mapping[Link, torch.Tensor], dim: int) -> dict[Link, torch.Tensor]:
    """Every tensor that has the dimension, with one more place along it."""
    return {
        link: torch.cat([tensor, tensor.narrow(dim, 0, 1)], dim)
        for link, tensor in linked.items()
        if dim < tensor.dim() and tensor.shape[dim]
    }


def _indifferent(
    model: nn.Module,
    args: Any,
    kwargs: Any,
    run: _Run,
    links: Mapping[tuple[str, int], Link],
    wider: Mapping[Link, torch.Tensor],
) -> bool:
    """Whether everything outside of the modules stays as it was when they put out these tensors instead."""
    alike: list[bool] = []

    def stub(name: str, _: Callable[..., Any]) -> Callable[..., Any]:
        def answers(*given: Any, **named: Any) -> Any:
            wanted = [_of(wider, links.get((name, n)), leaf) for n, leaf in enumerate(run.inputs[name])]
            alike.append(_same(pytree.tree_leaves((given, named)), wanted))
            made = [_of(wider, Link(name, n), leaf) for n, leaf in enumerate(run.outputs[name])]
            return pytree.tree_unflatten(made, run.out_specs[name])

        return answers

    try:
        with _forwards(model, list(run.outputs), stub), torch.no_grad():
            alike.append(_same(pytree.tree_leaves(model(*args, **kwargs)), run.answer))
    except Exception:  # whatever the forward raises for a size that it does not expect
        return False
    return all(alike)


def _of(wider: Mapping[Link, torch.Tensor], link: Link | None, leaf: Any) -> Any:
    """What stands for a leaf now."""
    return leaf if link is None else wider.get(link, leaf)


def _same(found: Sequence[Any], wanted: Sequence[Any]) -> bool:
    return len(found) == len(wanted) and all(
        one is two or (torch.equal(one, two) if isinstance(one, torch.Tensor) and isinstance(two, torch.Tensor)
                       else type(one) is type(two) and one == two)
        for one, two in zip(found, wanted, strict=True)
    )  # fmt: skip


def _together(run: _Run, links: Mapping[tuple[str, int], Link]) -> list[list[str]]:
    """The modules that are linked, directly or by others, in the order of their calls."""
    group = {name: {name} for name in run.inputs}
    for (name, _), link in links.items():
        merged = group[name] | group[link.source]
        group.update(dict.fromkeys(merged, merged))
    return [[n for n in run.inputs if n in members] for name, members in group.items()
            if name == next(n for n in run.inputs if n in members)]  # fmt: skip


def _joined(
    model: nn.Module,
    run: _Run,
    members: Sequence[str],
    links: Mapping[tuple[str, int], Link],
    free: Mapping[Link, tuple[int, ...]],
) -> tuple[Joined, tuple[torch.Tensor, ...]]:
    """One module of several, and its inputs."""
    given: dict[int, torch.Tensor] = {}

    def leaf(name: str, place: int, value: Any) -> Any:
        if (name, place) in links:
            return links[name, place]
        if not isinstance(value, torch.Tensor):
            return value
        given.setdefault(id(value), value)
        return Given(list(given).index(id(value)))

    stations = [
        Station(name, tuple(leaf(name, n, v) for n, v in enumerate(run.inputs[name])), run.specs[name])
        for name in members
    ]
    mine = {link: free[link] for (name, _), link in links.items() if name in members}
    return Joined(model, stations, mine), tuple(given.values())
