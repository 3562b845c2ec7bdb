"""Walk the captured graph once and let each operator's rule say what it does to tags."""

import operator
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import fx

from lissom.graph.capturing import Capture, Part
from lissom.graph.maps import Maps, fix, fresh
from lissom.graph.rules import load_rules
from lissom.graph.rules.elementwise import pointwise
from lissom.graph.rules.table import RULES, Call, NoRuleError, Result, Rule, shape_of
from lissom.graph.tags import Array, Tags


@dataclass
class Walk:
    """What is known after the walk.

    Args:
        tags: all tags and their relations.
        values: what each tensor carries.
        state: parameters, buffers and constants by name -> tags per dimension.
        roles: (name, dimension) -> producer, consumer or follower.
    """

    capture: Capture
    tags: Tags = field(default_factory=Tags)
    values: dict[fx.Node, Result] = field(default_factory=dict)
    calls: dict[fx.Node, Call] = field(default_factory=dict)
    state: dict[str, Maps] = field(default_factory=dict)
    roles: dict[tuple[str, int], str] = field(default_factory=dict)
    weights: set[fx.Node] = field(default_factory=set)
    unknown: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)
    _origins: list[tuple[int, str, int]] = field(default_factory=list)
    _starts: Array = field(default_factory=lambda: np.zeros(0, dtype=np.int64))

    def role(self, maps: Maps, dim: int, role: str) -> None:
        """Note what the dimension of a parameter is for, found by where its tags come from."""
        if dim not in maps.at or not self._origins:
            return
        if len(self._starts) != len(self._origins):
            self._starts = np.array([start for start, _, _ in self._origins])
        places = np.searchsorted(self._starts, maps.at[dim].tags.ravel(), side="right") - 1
        for place in np.unique(places[places >= 0]):
            _, name, original = self._origins[place]
            self.roles.setdefault((name, original), role)

    def add_state(self, node: fx.Node, name: str, first: str) -> None:
        """Give the tensor ``name`` tags of its own, or those of the tensor that it is another name of."""
        if first not in self.state:
            maps = fresh(self.tags, shape_of(node.meta["val"]))
            self.state[first] = maps
            self._origins.extend((int(m.tags[0]), first, dim) for dim, m in maps.at.items())
        self.state[name] = self.state[first]
        self.values[node] = self.state[first]
        self.weights.add(node)


def walk(capture: Capture) -> Walk:
    """Tag every parameter, buffer and constant and follow the tags through the graph."""
    load_rules()
    found = Walk(capture)
    found.notes.extend(capture.notes)
    twins: dict[int, str] = {}
    for part in capture.parts:
        names = part.state()
        used = _used(part, names)
        for node in part.graph.nodes:
            found.tags.cause = node
            if node.op == "placeholder" and node.name in names:
                name = names[node.name]
                tensor = id(part.tensor(name))
                if tensor in used:
                    found.add_state(node, name, twins.setdefault(tensor, name))
                else:
                    found.values[node] = found.state[name] = Maps(shape_of(node.meta["val"]))
            elif node.op == "placeholder":
                found.values[node] = _untagged(node)
            elif node.op == "call_function":
                _call(found, node)
            elif node.op == "output":
                _pin_all(found, node)
            else:
                found.values[node] = None
        found.tags.cause = None
        _pin_in_vain(found, part)
    _pin_unread(found)
    for maps in {id(maps): maps for maps in found.state.values()}.values():
        for m in maps.at.values():
            found.tags.floor(m.tags)
    return found


def _used(part: Part, names: Mapping[str, str]) -> set[int]:
    """The tensors of the state that anything is computed from. The others stay as they are."""
    inputs = [node for node in part.graph.nodes if node.op == "placeholder" and node.name in names]
    return {id(part.tensor(names[node.name])) for node in inputs if node.users}


def _pin_unread(found: Walk) -> None:
    """Of a table of which a slice is read, the rest is for other inputs: a longer text, a larger picture."""
    for node in found.weights:
        value, users = found.values[node], list(node.users)
        if isinstance(value, Maps) and users and all(name_of(user) in SLICES for user in users):
            read = [m.tags.ravel() for user in users for m in _maps(found.values[user]).at.values()]
            known = np.unique(found.tags.find(np.concatenate(read))) if read else np.zeros(0, dtype=np.int64)
            for m in value.at.values():
                roots = found.tags.find(m.tags.ravel())
                found.tags.pin(roots[~np.isin(roots, known)])


def _maps(value: Result) -> Maps:
    assert isinstance(value, Maps)
    return value


def _untagged(node: fx.Node) -> Result:
    value = node.meta.get("val")
    if isinstance(value, torch.Tensor):
        return Maps(shape_of(value))
    if isinstance(value, (list, tuple)):
        return [Maps(shape_of(v)) if isinstance(v, torch.Tensor) else Maps(()) for v in value]
    return None


def _call(found: Walk, node: fx.Node) -> None:
    if node.target is operator.getitem:
        several, place = node.args
        assert isinstance(several, fx.Node) and isinstance(place, int), "getitem takes one of several results"
        source = found.values[several]
        found.values[node] = source[place] if isinstance(source, list) else None
        return
    inputs = node.all_input_nodes
    if inputs and all(n in found.weights for n in inputs):
        found.weights.add(node)
    call = bind(found, node)
    if all(_bare(found.values.get(n)) for n in inputs) and call.name not in FRESH:
        found.values[node] = _untagged(node)
        return
    found.calls[node] = call
    try:
        found.values[node] = rule_of(node, call.name)(call)
    except NoRuleError:
        found.unknown[call.name] += 1
        _pin_all(found, node)
        found.values[node] = _untagged(node)


SLICES = {"slice", "narrow", "select"}
FRESH = {"zeros", "ones", "full", "empty", "new_zeros", "new_ones", "new_full", "new_empty"}


def _bare(value: Result) -> bool:
    """Whether nothing is tagged."""
    return all(not maps.at for maps in _each(value))


def _pin_in_vain(found: Walk, part: Part) -> None:
    """What a forward makes and nothing reads stays, for it still runs; what it shares with the rest goes with that."""
    needed = _needed(part)
    read = [m.tags.ravel() for node in needed for maps in _each(found.values.get(node)) for m in maps.at.values()]
    known = np.unique(found.tags.find(np.concatenate(read))) if read else np.zeros(0, dtype=np.int64)
    for node in part.graph.nodes:
        if node.op == "call_function" and not node.users and node not in needed:
            for m in [m for maps in _each(found.values[node]) for m in maps.at.values()]:
                found.tags.pin(m.tags[~np.isin(found.tags.find(m.tags), known)])


def _needed(part: Part) -> set[fx.Node]:
    """The nodes of which the outputs, or what is written in place, depend on."""
    needed: set[fx.Node] = set()
    for node in reversed(part.graph.nodes):
        schema = getattr(node.target, "_schema", None)
        if node.op == "output" or node in needed or (schema is not None and schema.is_mutable):
            needed.update([node, *node.all_input_nodes])
    return needed


def _each(value: Result) -> list[Maps]:
    """The maps of one tensor or of several."""
    return [value] if isinstance(value, Maps) else list(value or ())


def _pin_all(found: Walk, node: fx.Node) -> None:
    """Pin everything that goes into a node."""
    for source in node.all_input_nodes:
        _pin(found, found.values.get(source))


def _pin(found: Walk, value: Result) -> None:
    """Pin every dimension of what a node gives."""
    for maps in _each(value):
        for dim in range(maps.rank):
            maps = fix(found.tags, maps, dim)


def name_of(node: fx.Node) -> str:
    """The name of a node's operator, e.g. ``conv2d``."""
    return str(getattr(node.target, "overloadpacket", node.target)).rpartition(".")[2]


def rule_of(node: fx.Node, name: str) -> Rule:
    """The rule of an operator: its own, that of the same operator out of place, or the one for pointwise ones."""
    for candidate in (name, name.rstrip("_")):
        if candidate in RULES:
            return RULES[candidate]
    if torch.Tag.pointwise in getattr(node.target, "tags", ()) or _out_of_place(name):
        return pointwise
    return _unknown


def _out_of_place(name: str) -> bool:
    """Whether the operator without its trailing underscore is pointwise."""
    packet = getattr(torch.ops.aten, name.strip("_") if name.startswith("__") else name.rstrip("_"), None)
    overloads = packet.overloads() if packet is not None else []
    return any(torch.Tag.pointwise in getattr(packet, o).tags for o in overloads)


def _unknown(call: Call) -> Result:
    raise NoRuleError(call.name)


def bind(found: Walk, node: fx.Node) -> Call:
    """The call with its arguments by name."""
    args: dict[str, Any] = {}
    schema = getattr(node.target, "_schema", None)
    if schema is not None:
        for place, argument in enumerate(schema.arguments):
            if place < len(node.args):
                args[argument.name] = node.args[place]
            elif argument.name in node.kwargs:
                args[argument.name] = node.kwargs[argument.name]
            elif argument.has_default_value():
                args[argument.name] = argument.default_value
    return Call(node, name_of(node), args, found.tags, found.values, found.weights, found.role, {})
