"""``lissom profile``: what costs what in a model, by layer and in total."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lissom.cli.inputs import example, parse_input
from lissom.core.errors import LissomError

if TYPE_CHECKING:
    from torch import Tensor, nn


def profile(
    model: Annotated[
        str,
        typer.Argument(
            help="zoo:NAME, torchvision:NAME, timm:NAME, hf:DIR, ct2:DIR or file.py:function.", show_default=False
        ),
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
    from lissom.workload.models import CTRANSLATE2, load_model

    asked = [parse_input(text) for text in shapes or ()]
    loaded = load_model(
        model,
        weights=weights,
        random_weights=random_weights or (weights is None and not download and not model.startswith(CTRANSLATE2)),
        download=download,
        num_classes=num_classes,
    )
    module, inputs = example(asked, model, loaded)
    with Progress().waiting(f"running {loaded.name} once"):
        result = _run(loaded.name, module, inputs)
    if json_output:
        print(json.dumps({"name": loaded.name, **result.to_json()}, indent=2))
    else:
        print(profile_text(result, limit=None if everything else 60))


def _run(name: str, module: "nn.Module", inputs: "tuple[Tensor, ...]") -> Any:
    from lissom.cost import profile as count

    try:
        return count(module, inputs)
    except (RuntimeError, TypeError, ValueError, IndexError, AssertionError) as error:
        # These are what a forward raises that was given the wrong input.
        shapes = ", ".join("x".join(map(str, tensor.shape)) for tensor in inputs)
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        raise LissomError(
            f"{name} failed on an input of {shapes}: {reason}",
            hint="--input 1x3x32x32 for another shape, 1x128:int64 for token numbers, twice for two inputs",
        ) from error
