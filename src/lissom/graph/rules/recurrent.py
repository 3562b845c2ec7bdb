"""Recurrent layers: one hidden size for all gates, layers and directions."""

from collections.abc import Sequence

import numpy as np
from torch import fx

from lissom.graph.maps import Map, Maps, fix
from lissom.graph.rules.table import Call, NoRuleError, rule
from lissom.graph.tags import Array

GATES = {"lstm": 4, "gru": 3, "rnn_tanh": 1, "rnn_relu": 1}


def _line(maps: Maps, dim: int) -> Array:
    """The tags along one dimension, pinned ones where it has none."""
    m = maps.at.get(dim)
    if m is None:
        return np.zeros(maps.shape[dim], dtype=np.int64)
    if m.context:
        raise NoRuleError("hidden units that another dimension decides on")
    return m.tags


@rule(*GATES)
def _recurrent(call: Call) -> list[Maps]:
    if "params" not in call.args:
        raise NoRuleError("packed sequences")
    gates, biases = GATES[call.name], bool(call["has_biases"])
    per_layer = 4 if biases else 2
    directions = 2 if call["bidirectional"] else 1
    params: Sequence[fx.Node] = call["params"]
    if len(params) != per_layer * directions * call["num_layers"]:
        raise NoRuleError("projections")
    hidden = _line(call.of(params[1]), 1)
    read = _line(_steps(call), _steps(call).rank - 1)
    for start in range(0, len(params), per_layer):
        layer = start // (per_layer * directions)
        inputs = read if layer == 0 else np.tile(hidden, directions)
        _layer(call, params[start : start + per_layer], gates, hidden, inputs)
    states = call["hx"] if isinstance(call["hx"], (list, tuple)) else [call["hx"]]
    for state in states:
        maps = call.of(state)
        call.tags.unite(_line(maps, maps.rank - 1), hidden)
        for dim in range(maps.rank - 1):
            fix(call.tags, maps, dim)
    lines = [np.tile(hidden, directions), *[hidden] * len(states)]
    return [_last(shape, line) for shape, line in zip(call.shapes, lines, strict=True)]


def _steps(call: Call) -> Maps:
    """The input with its batch and time pinned."""
    maps = call.maps("input")
    for dim in range(maps.rank - 1):
        maps = fix(call.tags, maps, dim)
    return maps


def _last(shape: tuple[int, ...], line: Array) -> Maps:
    return Maps(shape, {len(shape) - 1: Map((), line)} if shape[-1] > 1 else {})


def _layer(call: Call, params: Sequence[fx.Node], gates: int, hidden: Array, inputs: Array) -> None:
    """Unite the tags of one layer in one direction: weights from input and hidden state, and biases."""
    stacked = np.tile(hidden, gates)
    for place, node in enumerate(params):
        maps = call.of(node)
        call.tags.unite(_line(maps, 0), stacked)
        call.role(maps, 0, "producer")
        if place < 2:
            call.tags.unite(_line(maps, 1), inputs if place == 0 else hidden)
            call.role(maps, 1, "consumer")
