"""The ``lissom`` command: words to calls. Commands are read when they are called, so that ``--help`` is quick."""

import io
import logging
import os
import signal
import sys
from importlib import metadata
from typing import Annotated, Any

import typer

from lissom.cli import apply, bench, compress, failures, groups, predict, profile, report, targets, zoo

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
app.command(context_settings={"ignore_unknown_options": True})(predict.predict)  # the bundle's own
app.command()(report.report)
app.command()(zoo.zoo)
app.command()(targets.targets)

_INTERRUPTED = 130  # what Typer makes of Ctrl-C
_UsageError: Any = typer.BadParameter.__bases__[0]  # Typer has no public name for it


def main() -> None:
    """Run the command line. Exit code 0: met, 1: the budget is not met, 2: an error that is explained."""
    _attach()
    logging.getLogger("torch.utils._pytree").setLevel(logging.ERROR)  # torchao makes it warn of what users cannot mend
    code = _run(sys.argv[1:])
    try:
        sys.stdout.flush()
    except OSError:
        failures.mute()
    sys.exit(code)


def _run(words: list[str]) -> int:
    """Carry a command out; its exit code."""
    try:
        code: int | None = app(prog_name="lissom", standalone_mode=False)
        sys.stdout.flush()  # here, where a reader that has left is no surprise
        return failures.stopped(words) if code == _INTERRUPTED else code or 0
    except _UsageError as error:
        return _usage(error, words)
    except KeyboardInterrupt:
        return failures.stopped(words)
    except (BrokenPipeError, SystemExit):  # Typer makes the second of the first, with the code of a missed budget
        failures.mute()
        return failures.ERROR
    except Exception as error:
        return failures.fail(error, words)


def _attach() -> None:
    """Let standard output take every name that a path may have, and nothing of what is not to be seen.

    Of several processes that a launcher started the first one prints. An output that was closed before the start goes
    nowhere: its number would be that of the next file that is opened.
    """
    for number, name in ((1, "stdout"), (2, "stderr")):
        if getattr(sys, name) is None:
            os.dup2(os.open(os.devnull, os.O_WRONLY), number)
            setattr(sys, name, os.fdopen(number, "w", encoding="utf-8", closefd=False))
        stream: object = getattr(sys, name)
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    if os.environ.get("RANK", "0").strip() not in ("", "0"):
        failures.mute()
    else:
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # what is stopped tidies up, however it is stopped


def _usage(error: Exception, words: list[str]) -> int:
    """One line and a hint instead of a box of ten; without a message the help was shown already."""
    text = error.format_message()  # pyright: ignore[reportAttributeAccessIssue]
    context = getattr(error, "ctx", None)
    if not text:
        return failures.ERROR
    return failures.say(f"error: {text}", (f"{context.command_path if context else 'lissom'} --help",), words)
