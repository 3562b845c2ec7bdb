"""What a profile holds: plain values by layer and in total, as a table for people and as JSON."""

from dataclasses import asdict, dataclass
from typing import Any

from lissom.cost.text import profile_text


@dataclass(frozen=True)
class Layer:
    """One module without its children.

    Args:
        name: qualified name in the model; empty for the model itself.
        kind: name of its class.
        output_shape: shape of its (first) output; empty where it was never called.
        parameters: its own, a shared one only at its first owner.
        macs: multiply-adds of convolutions and matrix products with weights.
        attention_macs: multiply-adds where both factors depend on the input, not in ``macs``.
        activation_bytes: memory that it allocated (an operator in place allocates none).
        calls: how often it ran.
    """

    name: str
    kind: str
    output_shape: tuple[int, ...]
    parameters: int
    macs: int
    attention_macs: int
    activation_bytes: int
    calls: int

    @property
    def all_macs(self) -> int:
        """Multiply-adds with and without weights."""
        return self.macs + self.attention_macs


@dataclass(frozen=True)
class Uncounted:
    """An operator that has no counter and is not known to be cheap, and where it ran how often."""

    operator: str
    calls: int
    layers: tuple[str, ...]


@dataclass(frozen=True)
class Profile:
    """What one forward of a model costs.

    Args:
        model: name of its class.
        inputs: shapes of its inputs, batch first.
        layers: in the order in which they first ran, then those that never did.
        parameters: of all layers, shared ones once.
        macs: multiply-adds with weights, for the whole batch.
        attention_macs: the others, not in ``macs``.
        peak_memory_bytes: the peak of live activations with inputs and outputs held and everything else freed
            after its last use; parameters are not in it.
        peak_layer: where the peak is reached first.
        size_bytes: of the state dict.
        uncounted: operators that may cost something and were not counted.
    """

    model: str
    inputs: tuple[tuple[int, ...], ...]
    layers: tuple[Layer, ...]
    parameters: int
    macs: int
    attention_macs: int
    peak_memory_bytes: int
    peak_layer: str
    size_bytes: int
    uncounted: tuple[Uncounted, ...]

    @property
    def all_macs(self) -> int:
        """Multiply-adds with and without weights: what budgets and figures of artefacts speak of."""
        return self.macs + self.attention_macs

    def __str__(self) -> str:
        return profile_text(self)

    def to_json(self) -> dict[str, Any]:
        """Lists and numbers only, for ``json.dumps``."""
        return asdict(self)
