"""The table of operators: from the name of an ATen operator to its rule, filled by decorators."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from torch import fx

from lissom.graph.maps import Maps
from lissom.graph.tags import Tags

Result = Maps | list[Maps] | None


class NoRuleError(Exception):
    """A form of an operator that no rule knows, as the text says: what goes into the call then stays whole."""


@dataclass(frozen=True)
class Call:
    """One call of an operator: its node, its arguments by name (nodes among them), and what they
    carry. ``memory`` is where a rule leaves what resizing needs to know."""

    node: fx.Node
    name: str
    args: Mapping[str, Any]
    tags: Tags
    values: Mapping[fx.Node, Result]
    weights: frozenset[fx.Node] | set[fx.Node]
    role: Callable[[Maps, int, str], None]
    memory: dict[str, Maps]

    def __getitem__(self, name: str) -> Any:
        return self.args[name]

    def get(self, name: str, default: Any = None) -> Any:
        value = self.args.get(name)
        return default if value is None else value

    def maps(self, name: str) -> Maps:
        """Tags of the tensor given as argument ``name``."""
        return self.of(self.args[name])

    def of(self, node: fx.Node) -> Maps:
        """Tags of a tensor."""
        value = self.values[node]
        if not isinstance(value, Maps):
            raise NoRuleError(f"{node} is not one tensor")
        return value

    def has(self, name: str) -> bool:
        """Whether argument ``name`` is a tensor."""
        node = self.args.get(name)
        return isinstance(node, fx.Node) and isinstance(self.values.get(node), Maps)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the result."""
        return shape_of(self.node.meta["val"])

    @property
    def shapes(self) -> list[tuple[int, ...]]:
        """Shapes of the results, for operators with several."""
        return [shape_of(v) for v in self.node.meta["val"]]


def shape_of(value: Any) -> tuple[int, ...]:
    """The shape of a fake tensor in whole numbers."""
    return tuple(int(n) for n in value.shape)


Rule = Callable[[Call], Result]
Living = Callable[[Maps], tuple[int, ...]]
Change = Mapping[str, Any]
Resize = Callable[[Call, Living, Result], "Change | Replacement | None"]


@dataclass(frozen=True)
class Replacement:
    """Another operator with other arguments, where the same one cannot say it."""

    target: Any
    args: tuple[Any, ...]


RULES: dict[str, Rule] = {}
RESIZES: dict[str, Resize] = {}
F = TypeVar("F", bound=Callable[..., Any])


def _adder(table: dict[str, Any], names: Sequence[str], what: str) -> Callable[[F], F]:
    def add(function: F) -> F:
        for name in names:
            if name in table:
                raise ValueError(f"operator {name!r} has a {what} already: {table[name].__module__}")
            table[name] = function
        return function

    return add


def rule(*names: str) -> Callable[[F], F]:
    """What the operators called ``names`` do to tags."""
    return _adder(RULES, names, "rule")


def resize(*names: str) -> Callable[[F], F]:
    """Which arguments of the operators called ``names`` hold sizes, and what they become after removal."""
    return _adder(RESIZES, names, "way to be resized")
