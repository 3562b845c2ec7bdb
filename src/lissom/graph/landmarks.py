"""Notice on the way that a model computes something else, by what its layers answer: sums are kept, no tensors."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import fx, nn

from lissom.graph.adapting import innermost
from lissom.graph.capturing import Part

LAYERS = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)
OPERATORS = ("linear", "conv1d", "conv2d", "conv3d")
TOLERANCE = 1e-9
Mark = tuple[torch.Size, float, float]


class OtherAnswerError(Exception):
    """A layer answered something else; the message is its name."""


class Landmarks:
    """The answers of the linear and convolutional layers that a captured part calls once.

    Args:
        part: what was captured.
    """

    def __init__(self, part: Part) -> None:
        named = part.module.named_modules(remove_duplicate=False)
        layers = {name: layer for name, layer in named if type(layer) in LAYERS}
        names = {node: innermost(node) for node in part.graph.nodes if _is_of_a_layer(node)}
        called = {node: name for node, name in names.items() if name in layers}
        times = Counter(id(layers[name]) for name in called.values())  # a layer may have two names
        self._names = {node: name for node, name in called.items() if times[id(layers[name])] == 1}
        self._marks: dict[str, Mark] = {}

    def note(self, node: fx.Node, answer: Any) -> None:
        """Keep what the run that is right gives at a node."""
        if node in self._names:
            self._marks[self._names[node]] = _mark(answer)

    @contextmanager
    def guard(self, module: nn.Module) -> Iterator[None]:
        """While this lasts, a forward ends with an OtherAnswerError at the first layer that answers something else."""

        def compare(name: str, answer: Any) -> None:
            (shape, total, size), (wanted, right, scale) = _mark(answer), self._marks[name]
            if shape != wanted or not abs(total - right) + abs(size - scale) <= TOLERANCE * max(scale, TOLERANCE):
                raise OtherAnswerError(name)

        hooks = [
            module.get_submodule(name).register_forward_hook(lambda _m, _in, answer, name=name: compare(name, answer))
            for name in self._marks
        ]
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()


def _is_of_a_layer(node: fx.Node) -> bool:
    return node.op == "call_function" and str(node.target).removeprefix("aten.").partition(".")[0] in OPERATORS


def _mark(answer: torch.Tensor) -> Mark:
    return answer.shape, answer.sum().item(), answer.abs().sum().item()
