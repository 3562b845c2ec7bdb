"""Commands: what is printed can be typed."""

import inspect
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lissom.api import _applied, source_of
from lissom.report.commands import FLAGS, chosen, command_again, next_command
from lissom.report.view import RunView, read

START = "lissom compress zoo:fixture --task image --data made-up-pictures"
REST = "--budget 'size<=2%, latency<=15%, drop<=0.5pt' --target onnxruntime"


def _with(view: RunView, **changes: Any) -> RunView:
    return replace(view, settings=replace(view.settings, **changes))


@pytest.fixture
def view(met_run: Path) -> RunView:
    """A finished run of the command line."""
    return read(met_run)


def test_what_is_usual_is_left_out(view: RunView) -> None:
    assert command_again(view) == f"{START} {REST} -o {view.folder}"


def test_the_command_holds_what_decides_the_run(view: RunView) -> None:
    loading = {
        "random_weights": True, "keep": ["a.*", "b"], "limit": 500, "select": 0.2, "size": 64,
        "mean": [0.5, 0.4, 0.3], "interpolation": "bicubic", "channels": "L", "classes": ["cat", "small dog"],
    }  # fmt: skip
    options = {"epochs": 3, "tries": 4, "weights": "my weights.pt", "loading": loading}
    assert command_again(_with(view, threads=4, options=options)) == (
        f"{START} {REST} --threads 4 --weights 'my weights.pt' --epochs 3 --random-weights"
        " --keep 'a.*' --keep b --select 0.2 --size 64 --mean 0.5,0.4,0.3 --interpolation bicubic --channels L"
        f" --classes 'cat,small dog' --quick -o {view.folder}"
    )


def test_what_a_quick_run_decides_by_itself_is_not_said(view: RunView) -> None:
    options = {"epochs": 1, "recipe": "int8", "loading": {"limit": 500}}
    assert command_again(_with(view, options=options)) == f"{START} {REST} --plan int8 --quick -o {view.folder}"


def test_methods_plans_and_options_of_texts_are_repeated(view: RunView) -> None:
    loading = {
        "length": 64,
        "tokenizer": "words.json",
        "text": ["first", "second"],
        "label": "same",
        "metric": "matthews",
    }
    steps = [{"name": "tinybert, 8 epochs", "steps": [{"step": "distill"}]}]
    options = {
        "recipe": "tinybert",
        "plan": steps,
        "texts": "more.txt",
        "methods": ["prune", "depth"],
        "loading": loading,
    }
    assert command_again(_with(view, options=options)) == (
        f"{START} {REST} --plan tinybert --texts more.txt --methods prune,depth --tokenizer words.json --length 64"
        f" --text first,second --label same --metric matthews -o {view.folder}"
    )
    assert ("recipe", "tinybert") in chosen(_with(view, options=options).settings)
    assert "plan" not in dict(chosen(_with(view, options=options).settings))
    usual = {"methods": ["prune"], "loading": {}}
    assert command_again(_with(view, options=usual)) == f"{START} {REST} -o {view.folder}"


def test_every_option_of_the_command_is_repeated_or_decides_nothing() -> None:
    from lissom.cli.compress import compress

    repeated = {"model", "task", "data", "budget", "target", "threads", "batch", "seed", "weights", "epochs", "quick",
                "front", "methods", "plan", "texts", "output"}  # fmt: skip
    of_one_start = {"download", "time_limit", "dry_run", "print_plan", "json_output", "ray"}
    assert set(inspect.signature(compress).parameters) == {*FLAGS, *repeated, *of_one_start}


def test_a_plan_that_was_applied_is_applied_again(view: RunView) -> None:
    options = {**view.settings.options, "plan of": "runs/demo", "weights": "newer.pt"}
    assert command_again(_with(view, options=options)) == (
        f"lissom apply runs/demo --weights newer.pt -o {view.folder}"
    )
    options = {**view.settings.options, "plan of": "runs/demo", "weights": None, "budget": "size<=5%"}
    assert command_again(_with(view, options=options)) == (
        f"lissom apply runs/demo --budget 'size<=5%' -o {view.folder}"
    )


def test_what_the_original_was_loaded_with_is_no_newer_checkpoint(view: RunView) -> None:
    settings = replace(view.settings, options={"loading": {"size": 64}, "weights": "old.pt"})
    other = replace(settings, options=_applied(settings, "runs/demo", None, "size<=5%"))
    assert source_of(other)["weights"] == "old.pt" and source_of(other)["size"] == 64
    assert command_again(replace(view, settings=other)) == (
        f"lissom apply runs/demo --budget 'size<=5%' -o {view.folder}"
    )
    newer = replace(other, options=_applied(other, "runs/other", "new.pt", None))
    assert source_of(newer)["weights"] == "new.pt"
    assert command_again(replace(view, settings=newer)) == f"lissom apply runs/other --weights new.pt -o {view.folder}"


def test_a_run_from_python_is_made_again_from_python(view: RunView) -> None:
    assert command_again(_with(view, options={"epochs": None})) == (
        f'lissom.compress(...) in Python with the same arguments and output="{view.folder}"'
    )


def test_a_finished_run_is_put_to_use(view: RunView) -> None:
    assert next_command(view) == f"lissom predict {view.folder}/bundle PICTURE"
    assert next_command(_with(view, task="text")) == f'lissom predict {view.folder}/bundle "a sentence"'


def test_an_unfinished_run_goes_on(unfinished_run: Path) -> None:
    view = read(unfinished_run)
    assert next_command(view) == command_again(view)


def test_options_are_flat_and_only_those_that_say_something(view: RunView) -> None:
    options = {"epochs": None, "loading": {"random_weights": True, "keep": ["a", "b"], "limit": None}, "tries": 4}
    assert chosen(replace(view.settings, options=options)) == (
        ("random weights", "yes"),
        ("keep", "a, b"),
        ("tries", "4"),
    )
