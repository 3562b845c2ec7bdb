"""``lissom predict``: the bundle's own predictor, called from here."""

import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer


def predict(
    bundle: Annotated[Path, typer.Argument(help="The bundle of a run.", show_default=False)],
    inputs: Annotated[list[str], typer.Argument(help="Pictures, texts, films; and options.", show_default=False)],
    top: Annotated[int | None, typer.Option(min=1, help="How many classes to print, where it tells classes.")] = None,
    json_output: Annotated[bool, typer.Option("--json", help="Print JSON, one line for each input.")] = False,
) -> None:
    """Answer with a bundle, exactly as it does where it is deployed: its predict.py runs.

    What else it knows is passed on, such as --stream of sounds and videos, --beams of translations, --quality and
    -o of codecs, or --verify; python BUNDLE/predict.py --help tells. A text that begins with a dash stands behind --.

    Example: lissom predict runs/demo/bundle picture.png
    """
    from lissom.core.errors import LissomError

    script = bundle / "predict.py"
    if not script.is_file():
        raise LissomError(f"{bundle} is not a bundle: it has no predict.py", hint="a run's bundle is in RUN/bundle")
    wanted = [*([] if top is None else ["--top", str(top)]), *(["--json"] if json_output else [])]
    behind = _behind(inputs)
    before = inputs[: len(inputs) - len(behind)]
    words = [*wanted, *before, *(["--", *behind] if behind else [])]
    done = subprocess.run([sys.executable, str(script), *words], check=False)
    if done.returncode:
        raise typer.Exit(2)


def _behind(inputs: list[str]) -> list[str]:
    """Those of the inputs that stood behind a ``--``, which the parser has taken away."""
    count = len(sys.argv) - sys.argv.index("--") - 1 if "--" in sys.argv else 0
    return inputs[max(len(inputs) - count, 0) :]
