"""``lissom apply``: the plan of a finished run on a newer checkpoint, or another point of its front."""

import json
from pathlib import Path
from typing import Annotated

import typer


def apply(
    run: Annotated[Path, typer.Argument(help="The folder of a finished run.", show_default=False)],
    output: Annotated[Path, typer.Option("--output", "-o", help="The folder of the new run.")],
    weights: Annotated[
        Path | None, typer.Option(help="A newer checkpoint: .safetensors, or a state dict in .pt.")
    ] = None,
    budget: Annotated[
        str | None, typer.Option(help="Other limits: deliver the point of the run that they mean.")
    ] = None,
    bundle: Annotated[
        str | None, typer.Option(help="web: the run's bundle as a static page, which runs it in the browser.")
    ] = None,
    download: Annotated[bool, typer.Option("--download", help="Allow data to be fetched.")] = False,
    json_output: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
) -> None:
    """Carry the plan of a run out again, nothing searched.

    With --weights the same cut, repair, recovery and number format on a newer checkpoint; with --budget the
    result of another trial of the run, without any new training. With --bundle web its bundle as a page.

    Example: lissom apply runs/front --budget "latency<=30%, drop<=1pt" -o runs/fast
    """
    if bundle is not None:
        _write_page(run, bundle, output, download, json_output)
        return
    from lissom.api import apply_plan

    done = apply_plan(run, weights=weights, budget=budget, output=output, download=download)
    if json_output:
        print((output / "summary.json").read_text(encoding="utf-8"), end="")
    else:
        print(done)
    if not done.met:
        raise typer.Exit(1)


def _write_page(run: Path, bundle: str, output: Path, download: bool, json_output: bool) -> None:
    from lissom.core.errors import LissomError
    from lissom.export.web import write_web

    if bundle != "web":
        raise LissomError(f"unknown bundle {bundle!r}", hint="known: web")
    write_web(output, run / "bundle", download=download)
    if json_output:
        print(json.dumps({"written": str(output)}, ensure_ascii=False))
    else:
        print(f"written: {output}\nnext: python -m http.server --directory '{output}', then open http://localhost:8000")
