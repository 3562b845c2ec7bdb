"""Example inputs from words: the shapes that a user gives, or what a model usually takes."""

import re
from typing import TYPE_CHECKING

from lissom.core.errors import LissomError

if TYPE_CHECKING:
    from torch import Tensor

    from lissom.workload.models import LoadedModel

_PICTURE = (1, 3, 224, 224)
_SHAPE = re.compile(r"(\d+(?:x\d+)*)(?::(float32|int64))?")
Asked = tuple[tuple[int, ...], str]


def parse_input(text: str) -> Asked:
    """The shape and the type that ``1x3x224x224`` or ``1x128:int64`` asks for."""
    match = _SHAPE.fullmatch(text)
    if match is None or "0" in match[1].split("x"):
        raise LissomError(f"--input {text!r} is not a shape", hint="write 1x3x224x224, or 1x128:int64 for tokens")
    return tuple(map(int, match[1].split("x"))), match[2] or "float32"


def example(asked: list[Asked], spec: str, loaded: "LoadedModel") -> "tuple[Tensor, ...]":
    """Zeros of the shapes asked for, or what the model usually takes."""
    return tuple(_zeros(shape, kind) for shape, kind in asked) or _usual(spec, loaded)


def _usual(spec: str, loaded: "LoadedModel") -> "tuple[Tensor, ...]":
    from lissom.zoo.catalog import input_shape
    from lissom.zoo.inputs import example_inputs
    from lissom.zoo.names import OURS

    name = spec.removeprefix("zoo:")
    if any(name in names for names in OURS.values()):
        return example_inputs(name)
    crop = (loaded.handling or {}).get("crop")
    return (_zeros((1, 3, *crop) if crop else _PICTURE if ":" in spec else input_shape(name), "float32"),)


def _zeros(shape: tuple[int, ...], kind: str) -> "Tensor":
    import torch

    return torch.zeros(shape, dtype={"float32": torch.float32, "int64": torch.int64}[kind])
