"""The families with their counts, read from a file that a script counted, so that listing needs no torch."""

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from lissom.core.errors import LissomError
from lissom.zoo.models import MODELS
from lissom.zoo.names import BC_RESNET, CODEC, DS_CNN, FAMILIES, SMALL_INPUT, TEXT, TIMM, TORCHVISION, VIDEO
from lissom.zoo.published import PUBLISHED, Published

COUNTS_FILE = "counts.json"
TOKENS = 128
FRAMES = 8
# Bands and frames of one second, as the papers have them.
_SOUND = {**dict.fromkeys(DS_CNN, (10, 49)), **dict.fromkeys(BC_RESNET, (40, 101))}
_PIXELS = {
    "resnet20": 32,
    "resnet56": 32,
    "mobilenetv4_conv_medium": 256,
    "mobilenetv4_conv_large": 384,
    "mobilenetv4_hybrid_medium": 256,
    "mobilenetv4_hybrid_large": 384,
    **{f"efficientnet_b{k}": pixels for k, pixels in enumerate((224, 240, 260, 300, 380, 456, 528, 600))},
    **{
        f"{kind}_lite{k}": pixels
        for kind in ("efficientnet", "tf_efficientnet")
        for k, pixels in enumerate((224, 240, 260, 300, 380))
    },
}


@dataclass(frozen=True)
class Entry:
    """One model of the zoo with random weights, as its builder makes it by default.

    Args:
        name: what ``build`` takes.
        family: which it belongs to.
        provider: the library that has it: torchvision, timm, transformers or lissom.
        input: shape of its input, batch 1: ``(1, 3, height, width)``, ``(1, tokens)``,
            ``(1, 1, bands, frames)``, or ``(1, 3, frames, height, width)``; of a codec its first, a packed picture.
        parameters: exact.
        macs: multiply-adds of convolutions and linear layers.
        attention_macs: multiply-adds of attention, not in ``macs``.
        peak_memory_bytes: peak of live activations in FP32.
        size_bytes: of the FP32 state dict.
        published: a published score with its source, where there is one.
    """

    name: str
    family: str
    provider: str
    input: tuple[int, ...]
    parameters: int
    macs: int
    attention_macs: int
    peak_memory_bytes: int
    size_bytes: int
    published: Published | None


def input_shape(name: str) -> tuple[int, ...]:
    """The usual input of a model, batch 1."""
    if name in TEXT:
        return (1, TOKENS)
    if name in _SOUND:
        return (1, 1, *_SOUND[name])
    if name in CODEC:
        return (1, 6, 128, 128)
    if name in VIDEO:
        return (1, 3, FRAMES, 224, 224)
    pixels = int(name.rpartition("_")[2].removesuffix("px")) if name in SMALL_INPUT else _PIXELS.get(name, 224)
    return (1, 3, pixels, pixels)


def provider(name: str) -> str:
    """The library that a model comes from."""
    if name in TORCHVISION:
        return "torchvision"
    if name in TIMM:
        return "timm"
    return "transformers" if name in TEXT else "lissom"


@cache
def catalog() -> tuple[Entry, ...]:
    """All models of the zoo, family by family."""
    counts = json.loads(files("lissom.zoo").joinpath(COUNTS_FILE).read_text(encoding="utf-8"))
    return tuple(
        Entry(
            name=name,
            family=family,
            provider=provider(name),
            input=input_shape(name),
            published=PUBLISHED.get(name),
            **counts[name],
        )
        for family, names in FAMILIES.items()
        for name in names
    )


def entry(name: str) -> Entry:
    """The catalog's entry of one model.

    Raises:
        LissomError: there is no such model (close matches are named), or it was added at run time.
    """
    for known in catalog():
        if known.name == name:
            return known
    MODELS.get(name)  # raises where there is no such model
    raise LissomError(f"the model {name!r} was added at run time and has not been counted")
