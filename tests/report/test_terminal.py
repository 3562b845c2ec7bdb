"""The table: designed as text, tested as text."""

from pathlib import Path

import pytest

from lissom.core.ledger import Ledger
from lissom.report.terminal import table
from lissom.report.view import read

MET = """\
move                               size    latency   score   decision
original                        25.2 MB    2.32 ms   93.30   FP32, onnxruntime, 1 thread, on select
prune 50 % + repair + distill   6.25 MB   0.716 ms   93.42   kept: on the way: latency 31 % of 15 %
prune 80 % + repair + distill   2.82 MB   0.324 ms   93.10   kept: on the way: size 11.2 % of 2 %
factorize features.15           2.76 MB   0.319 ms   92.90   undone: not faster on onnxruntime
                                                               (0.98x to 1.03x)
cluster 16                      2.82 MB   0.325 ms   41.30   undone: loses 52.00 points, allowed are
                                                               0.50 points
quantize int8                    328 kB   0.209 ms   93.05   kept: meets the budget
skipped: drop layers: no block returns what it was given
note: select was carved from train: its scores flatter everybody alike
verdict on the test split: size 1.3 % of 2 %, latency 9 % of 15 %, drop 0.23 of 0.50 points (95 %:
  -0.11 to 0.52): met
next: lissom predict RUN/bundle PICTURE
"""
MISSED = """\
move                       size    latency   score   decision
original                25.2 MB    2.32 ms   93.30   FP32, onnxruntime, 1
                                                       thread, on select
prune 90 % + repair +    328 kB   0.417 ms   93.10   kept: on the way: latency
  distill                                              18 % of 15 %
prune 80 % + repair +         -          -       -   undone: export failed:
  distill                                              <Squeeze> is not
                                                       supported
skipped: drop layers: no block returns what it was given
note: select was carved from train: its scores flatter everybody alike
verdict on the test split: size 1.3 % of 2 %, latency 18 % of 15 %, drop 0.23 of
  0.50 points (95 %: -0.11 to 0.52): missed: latency by 20 %
next: lissom predict RUN/bundle PICTURE
"""
UNFINISHED = """\
Not finished: 2 moves tried, 2 kept; so far on the select split: size 11.2 % of
  2 %, latency 14 % of 15 %, drop 0.20 of 0.50 points (95 %: -0.15 to 0.55)
next: lissom compress zoo:fixture --task image \
--data made-up-pictures --budget 'size<=2%, latency<=15%, drop<=0.5pt' --target onnxruntime -o RUN
"""


def _shown(folder: Path, width: int) -> list[str]:
    return table(read(folder), width).replace(str(folder), "RUN").splitlines()


def test_a_met_run(met_run: Path) -> None:
    assert _shown(met_run, 100) == MET.splitlines()


def test_a_missed_run_on_a_narrow_terminal(missed_run: Path) -> None:
    assert _shown(missed_run, 80) == MISSED.splitlines()


def test_an_unfinished_run_says_so_and_how_to_go_on(unfinished_run: Path) -> None:
    assert _shown(unfinished_run, 80)[-3:] == UNFINISHED.splitlines()


def test_without_labels_the_table_is_of_agreement_and_says_so(unlabelled_run: Path) -> None:
    lines = _shown(unlabelled_run, 100)
    assert lines[0].split() == ["move", "size", "latency", "agreement", "decision"]
    told = " ".join(" ".join(lines).split())
    said = "no labels were used: the drop is the share of answers that are not the original's; agreement 98.80 %"
    assert f"{said}, divergence from its probabilities 0.0123 nats" in told


def test_with_labels_nothing_is_said_of_that(met_run: Path) -> None:
    assert "no labels" not in "".join(_shown(met_run, 100))


@pytest.mark.parametrize("width", [60, 80, 95, 110])
def test_nothing_but_a_command_is_wider_than_asked_and_nothing_is_lost(crowded_run: Path, width: int) -> None:
    lines = _shown(crowded_run, width)
    assert all(len(line) <= width for line in lines if not line.startswith("next: "))
    text = "".join("".join(lines).split())
    for trial in read(crowded_run).trials:
        assert f"{trial.figures.score:.2f}" in text  # pyright: ignore[reportOptionalMemberAccess]
    assert table(read(crowded_run), width).count("undone: ") == 6


def test_it_is_plain_text(any_run: Path) -> None:
    text = table(read(any_run))
    assert "\x1b" not in text and "\ue000" not in text
    assert all(line == line.rstrip() for line in text.splitlines())


def test_a_number_is_never_parted_from_its_unit(met_run: Path) -> None:
    for width in range(60, 111):
        assert not any(line.lstrip().startswith(("% ", "%,", "points", "ms")) for line in _shown(met_run, width))


def test_names_of_layers_break_after_a_dot(crowded_run: Path) -> None:
    assert any(line.startswith("  backbone.stages.2. ") for line in _shown(crowded_run, 80))


def test_many_remarks_point_to_the_page(met_run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = Ledger(met_run)
    for number in range(9):
        ledger.append("skipped", str(number), {"what": f"layer {number}", "why": "unknown operator"})
    monkeypatch.chdir(met_run.parent)  # a long path would wrap
    lines = table(read(met_run.name), 100).splitlines()
    assert sum(line.startswith("skipped: ") for line in lines) == 5
    assert f"and 6 more: see {met_run.name}/report.html" in lines
