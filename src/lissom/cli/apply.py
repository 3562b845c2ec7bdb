"""``lissom apply``: a finished run's plan on a newer checkpoint of the same architecture."""

from pathlib import Path
from typing import Annotated

import typer


def apply(
    run: Annotated[Path, typer.Argument(help="The folder of a finished run.", show_default=False)],
    weights: Annotated[Path, typer.Option(help="The newer checkpoint: .safetensors, or a state dict in .pt.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The folder of the new run.")],
    download: Annotated[bool, typer.Option("--download", help="Allow data to be fetched.")] = False,
    json_output: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
) -> None:
    """Carry the plan of a run out again: the same cut, repair, recovery and number format, nothing searched.

    Example: lissom apply runs/demo --weights newer.safetensors -o runs/newer
    """
    from lissom.api import apply_plan

    done = apply_plan(run, weights=weights, output=output, download=download)
    if json_output:
        print((output / "summary.json").read_text(encoding="utf-8"), end="")
    else:
        print(done)
    if not done.met:
        raise typer.Exit(1)
