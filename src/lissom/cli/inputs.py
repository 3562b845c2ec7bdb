"""Example inputs from words: the shapes that a user gives, or what a model usually takes."""

import re
from typing import TYPE_CHECKING, Any

from lissom.core.errors import LissomError

if TYPE_CHECKING:
    from torch import Tensor, nn

    from lissom.workload.models import LoadedModel

_PICTURE = (1, 3, 224, 224)
_TOKENS, _SOUND = 64, 16000
_SHAPE = re.compile(r"(\d+(?:x\d+)*)(?::(float32|int64))?")
Asked = tuple[tuple[int, ...], str]


def parse_input(text: str) -> Asked:
    """The shape and the type that ``1x3x224x224`` or ``1x128:int64`` asks for."""
    match = _SHAPE.fullmatch(text)
    if match is None or "0" in match[1].split("x"):
        raise LissomError(f"--input {text!r} is not a shape", hint="write 1x3x224x224, or 1x128:int64 for tokens")
    return tuple(map(int, match[1].split("x"))), match[2] or "float32"


def example(asked: list[Asked], spec: str, loaded: "LoadedModel") -> "tuple[nn.Module, tuple[Tensor, ...]]":
    """The model as it is looked at, with zeros of the shapes asked for or with what it usually takes.

    An encoder-decoder of transformers is looked at as if all tokens were said at once, unless shapes are asked for.
    """
    from lissom.layers.sequence_model import SequenceModel, example_of

    module = loaded.module
    if asked:
        return module, tuple(_zeros(shape, kind) for shape, kind in asked)
    said = example_of(module)
    return (module, _usual(spec, loaded)) if said is None else (SequenceModel(module, end=-1), said)


def _usual(spec: str, loaded: "LoadedModel") -> "tuple[Tensor, ...]":
    from lissom.workload.transformers_models import is_of_transformers
    from lissom.zoo.catalog import input_shape
    from lissom.zoo.inputs import example_inputs
    from lissom.zoo.names import OURS

    name = spec.removeprefix("zoo:")
    if any(name in names for names in OURS.values()):
        return example_inputs(name)
    if is_of_transformers(loaded.module):
        return (_of_transformers(loaded.module),)
    crop = (loaded.handling or {}).get("crop")
    return (_zeros((1, 3, *crop) if crop else _PICTURE if ":" in spec else input_shape(name), "float32"),)


def _of_transformers(module: Any) -> "Tensor":
    """What a model of transformers takes first: token numbers, a second of sound, or a picture of its size."""
    config, first = module.config, module.main_input_name
    if first == "input_ids":
        most = getattr(config, "max_position_embeddings", None)  # -1 or None where any length will do
        return _zeros((1, min(_TOKENS, most) if most and most > 0 else _TOKENS), "int64")
    if first == "input_values":
        return _zeros((1, _SOUND), "float32")
    size = getattr(config, "image_size", _PICTURE[2:])
    sides = (size, size) if isinstance(size, int) else tuple(size)
    return _zeros((1, getattr(config, "num_channels", _PICTURE[1]), *sides), "float32")


def _zeros(shape: tuple[int, ...], kind: str) -> "Tensor":
    import torch

    return torch.zeros(shape, dtype={"float32": torch.float32, "int64": torch.int64}[kind])
