"""What was done to a model's structure, as data: enough to build it again around stored weights."""

from dataclasses import dataclass

from lissom.graph import Cut
from lissom.layers.replacement import Replacement


@dataclass(frozen=True)
class Zeros:
    """The names of weights of which the zeros stay zero, whatever is learnt: the mask is the zeros themselves."""

    names: tuple[str, ...]


Change = Cut | Replacement | Zeros
