"""``lissom profile``: what costs what in a model, by layer and in total."""

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lissom.core.errors import LissomError

if TYPE_CHECKING:
    from torch import Tensor

    from lissom.workload.models import LoadedModel

_PICTURE = (1, 3, 224, 224)
_SHAPE = re.compile(r"(\d+(?:x\d+)*)(?::(float32|int64))?")


def profile(
    model: Annotated[
        str, typer.Argument(help="zoo:NAME, torchvision:NAME, timm:NAME or file.py:function.", show_default=False)
    ],
    weights: Annotated[Path | None, typer.Option(help="Weights from a file; counts do not need any.")] = None,
    random_weights: Annotated[bool, typer.Option("--random-weights", help="Use random weights.")] = False,
    download: Annotated[bool, typer.Option("--download", help="Let the library fetch its weights.")] = False,
    num_classes: Annotated[int | None, typer.Option(help="Outputs to build.", show_default=False)] = None,
    shapes: Annotated[
        list[str] | None,
        typer.Option("--input", help="Shape of an input, such as 1x3x224x224 or 1x128:int64. May be repeated."),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Show every layer.")] = False,
    json_output: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show parameters, multiply-adds, peak activation memory and size, by layer and in total.

    Counts do not depend on weights, so without --weights or --download random ones are used.

    Example: lissom profile torchvision:mobilenet_v2
    """
    from lissom.core.progress import Progress
    from lissom.cost import profile_text
    from lissom.workload.models import load_model

    asked = [_parse(text) for text in shapes or ()]
    loaded = load_model(
        model,
        weights=weights,
        random_weights=random_weights or (weights is None and not download),
        download=download,
        num_classes=num_classes,
    )
    inputs = tuple(_zeros(shape, kind) for shape, kind in asked) or _usual_inputs(model, loaded)
    with Progress().waiting(f"running {loaded.name} once"):
        result = _run(loaded, inputs)
    if json_output:
        print(json.dumps({"name": loaded.name, **result.to_json()}, indent=2))
    else:
        print(profile_text(result, limit=None if everything else 60))


def _run(loaded: "LoadedModel", inputs: "tuple[Tensor, ...]") -> Any:
    from lissom.cost import profile as count

    try:
        return count(loaded.module, inputs)
    except (RuntimeError, TypeError, ValueError, IndexError, AssertionError) as error:
        # These are what a forward raises that was given the wrong input.
        shapes = ", ".join("x".join(map(str, tensor.shape)) for tensor in inputs)
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        raise LissomError(
            f"{loaded.name} failed on an input of {shapes}: {reason}",
            hint="--input 1x3x32x32 for another shape, 1x128:int64 for token numbers, twice for two inputs",
        ) from error


def _usual_inputs(spec: str, loaded: "LoadedModel") -> "tuple[Tensor, ...]":
    from lissom.zoo.catalog import input_shape
    from lissom.zoo.inputs import example_inputs
    from lissom.zoo.names import OURS

    name = spec.removeprefix("zoo:")
    if any(name in names for names in OURS.values()):
        return example_inputs(name)
    crop = (loaded.handling or {}).get("crop")
    return (_zeros((1, 3, *crop) if crop else _PICTURE if ":" in spec else input_shape(name), "float32"),)


def _parse(text: str) -> tuple[tuple[int, ...], str]:
    match = _SHAPE.fullmatch(text)
    if match is None or "0" in match[1].split("x"):
        raise LissomError(f"--input {text!r} is not a shape", hint="write 1x3x224x224, or 1x128:int64 for tokens")
    return tuple(map(int, match[1].split("x"))), match[2] or "float32"


def _zeros(shape: tuple[int, ...], kind: str) -> "Tensor":
    import torch

    return torch.zeros(shape, dtype={"float32": torch.float32, "int64": torch.int64}[kind])
