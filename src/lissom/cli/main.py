"""The ``lissom`` command: words to calls. Commands are read when they are called, so that ``--help`` is quick."""

import logging
import os
import sys
from importlib import metadata
from typing import Annotated, Any

import typer

from lissom.cli import apply, bench, compress, groups, predict, profile, report, targets, zoo
from lissom.core.errors import LissomError

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Make a trained PyTorch model small and fast enough for the device it has to run on, and prove it.",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(asked: bool) -> None:
    if asked:
        print(metadata.version("lissom"))
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None:
    """What holds for all commands."""


app.command()(profile.profile)
app.command()(groups.groups)
app.command()(compress.compress)
app.command()(apply.apply)
app.command()(bench.bench)
app.command()(predict.predict)
app.command()(report.report)
app.command()(zoo.zoo)
app.command()(targets.targets)

_ERROR = 2
_INTERRUPTED = 130  # what Typer makes of Ctrl-C
_UsageError: Any = typer.BadParameter.__bases__[0]  # Typer has no public name for it


def main() -> None:
    """Run the command line. Exit code 0: met, 1: the budget is not met, 2: an error that is explained."""
    code = 0
    if int(os.environ.get("RANK", "0")) > 0:  # one of several processes that a launcher started: the first one prints
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    logging.getLogger("torch.utils._pytree").setLevel(logging.ERROR)  # torchao makes it warn of what users cannot mend
    try:
        code = app(prog_name="lissom", standalone_mode=False)
    except LissomError as error:
        _fail(f"error: {error}")
    except _UsageError as error:
        _fail(_usage(error))
    except KeyboardInterrupt:
        code = _INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(_ERROR)
    if code == _INTERRUPTED:
        _fail("stopped\nhint: the same command goes on where it was")
    sys.exit(code)


def _usage(error: Exception) -> str:
    """One line and a hint instead of a box of ten; without a message the help was shown already."""
    text = error.format_message()  # pyright: ignore[reportAttributeAccessIssue]
    context = getattr(error, "ctx", None)
    return f"error: {text}\nhint: {context.command_path if context else 'lissom'} --help" if text else ""


def _fail(text: str) -> None:
    if text:
        print(text, file=sys.stderr)
    sys.exit(_ERROR)
