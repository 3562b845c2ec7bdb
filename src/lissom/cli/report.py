"""``lissom report``: show a run again from what it wrote down."""

from pathlib import Path
from typing import Annotated

import typer


def report(
    run: Annotated[Path, typer.Argument(help="The folder that was -o of lissom compress.", metavar="RUN")],
    *,
    json_output: Annotated[bool, typer.Option("--json", help="Print the summary for machines; write nothing.")] = False,
    open_page: Annotated[bool, typer.Option("--open", help="Open the page in a browser.")] = False,
) -> None:
    """Show what a run tried, kept and undone, and write its page again.

    Works on a finished run, on one that is going on, and on one that was killed. The table goes to standard
    output, the page to RUN/report.html; neither needs the model.

    Example: lissom report runs/demo
    """
    import json
    import shutil
    import sys
    import webbrowser

    from lissom.report.html import write_page
    from lissom.report.summary import summary
    from lissom.report.terminal import USUAL, table
    from lissom.report.view import read

    view = read(run)
    if json_output:
        print(json.dumps(summary(view), indent=2, ensure_ascii=False))
        return
    print(table(view, shutil.get_terminal_size().columns if sys.stdout.isatty() else USUAL))
    page = write_page(view)
    print(f"page: {page}")
    if open_page:
        webbrowser.open(page.resolve().as_uri())
