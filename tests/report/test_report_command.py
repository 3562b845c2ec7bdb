"""``lissom report`` as a user meets it."""

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from lissom.cli.report import report
from lissom.core.errors import LissomError
from lissom.report.html import page
from lissom.report.terminal import table
from lissom.report.view import read


def test_it_prints_the_table_and_writes_the_page(met_run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (met_run / "report.html").write_text("old")
    report(met_run)
    printed = capsys.readouterr()
    assert printed.out == f"{table(read(met_run))}\npage: {met_run / 'report.html'}\n"
    assert printed.err == ""
    assert (met_run / "report.html").read_text(encoding="utf-8") == page(read(met_run))


def test_json_is_all_there_is_on_standard_output(any_run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report(any_run, json_output=True)
    assert json.loads(capsys.readouterr().out)["schema"] == 1
    assert not (any_run / "report.html").exists()


def test_open_shows_the_page(met_run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    report(met_run, open_page=True)
    assert opened == [(met_run / "report.html").as_uri()]


def test_no_run_is_an_error_for_people(tmp_path: Path) -> None:
    with pytest.raises(LissomError, match="there is no run in"):
        report(tmp_path)


def test_help_ends_with_an_example() -> None:
    app = typer.Typer()
    app.command()(report)
    shown = CliRunner().invoke(app, ["--help"]).output
    assert "Example: lissom report runs/demo" in shown
    assert "--json" in shown and "--open" in shown and "RUN" in shown
