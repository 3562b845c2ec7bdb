"""The page: complete, self-contained, well formed, and safe from what users wrote."""

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from lissom.core.ledger import Ledger
from lissom.core.records import Sample
from lissom.report.html import breakable, estimate_text, page, step_text, write_page
from lissom.report.view import read

VOID = {"meta", "br", "wbr", "link", "img", "hr", "input"}


class Reader(HTMLParser):
    """Collects the text that is seen, the tags, and what is not closed properly."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.faults: list[str] = []
        self.words: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.faults.append(tag)

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("style", "title"):
            self.words.append(data)

    @property
    def text(self) -> str:
        """What a person reads."""
        return " ".join("".join(self.words).split())


def _read(folder: Path) -> Reader:
    reader = Reader()
    reader.feed(page(read(folder)))
    reader.close()
    return reader


def test_every_tag_is_closed(any_run: Path) -> None:
    reader = _read(any_run)
    assert reader.faults == [] and reader.open == []


def test_nothing_comes_from_elsewhere_and_nothing_runs(any_run: Path) -> None:
    text = page(read(any_run)).replace(str(any_run), "RUN")
    assert "http:" not in text and "https:" not in text and "//" not in text
    assert re.findall(r"url\((?!#)", text) == [] and "@import" not in text
    reader = _read(any_run)
    assert not {tag for tag, _ in reader.tags} & {"script", "link", "img", "iframe", "object", "form"}
    assert not [key for _, attributes in reader.tags for key in attributes if key.startswith("on")]


def test_ids_are_unique(any_run: Path) -> None:
    ids = [attributes["id"] for _, attributes in _read(any_run).tags if "id" in attributes]
    assert len(ids) == len(set(ids))


def test_what_users_wrote_is_text(crowded_run: Path) -> None:
    text = page(read(crowded_run))
    assert "<script>" not in text and "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert "a &amp; b" in text


def test_reasons_are_text(missed_run: Path) -> None:
    assert "export failed: <Squeeze> is not supported" in _read(missed_run).text


def test_a_met_run_shows_all_of_it(met_run: Path) -> None:
    text = _read(met_run).text
    for expected in (
        "Budget met: the result is 77x smaller and 11x faster than the original, and its score is 0.23",
        "Verdict on the test split (10,000 examples): size 1.3 % of 2 %",
        "Agreement with the original: 96.4 of 100.",
        "25.2 MB → 328 kB",
        "undone: not faster on onnxruntime (0.98x to 1.03x)",
        "prune: ratio 0.5, criterion taylor",
        "features.15 convolution1024 → 72",
        "original: p50 2.32 ms, p95",
        "Ankle boot",
        "With about 1,000 examples a class, small changes are chance.",
        "fixture-small",
        "not known",
        "minimum fp32",
        "drop layers: no block returns what it was given",
        "select was carved from train",
        "5 min 1 s",
        "Fixture CPU @ 2.00GHz, 2 cores, Linux x86_64",
        "torch 2.14.0",
        "lissom compress zoo:fixture --task image",
        "lissom predict",
    ):
        assert expected in text, expected
    for trial in read(met_run).trials:
        assert f"{trial.move} {'kept' if trial.kept else 'undone'}: {trial.reason}" in text
    assert "meets the budgetdelivered" in text and text.count("delivered") == 2


def test_a_missed_run_says_by_how_much(missed_run: Path) -> None:
    reader = _read(missed_run)
    assert "Budget missed (latency by 20 %)" in reader.text
    assert "not measured" in reader.text
    assert [attributes for _, attributes in reader.tags if attributes.get("class") == "gauge over"]


def test_without_labels_the_page_is_of_agreement(unlabelled_run: Path) -> None:
    text = _read(unlabelled_run).text
    assert "No labels were used" in text and "divergence from its probabilities 0.0123 nats" in text
    assert "agreement against size" in text and "lowest agreement allowed" in text
    assert "score against" not in text and "lowest score" not in text


def test_an_unfinished_run_claims_no_verdict(unfinished_run: Path) -> None:
    text = _read(unfinished_run).text
    assert "Not finished: 2 moves tried, 2 kept. So far the result is 8.9x smaller" in text
    assert "The test split has not been opened. The same command goes on" in text
    assert "Budget met" not in text and "Verdict on" not in text and "lissom predict" not in text
    assert "7 min 0 s, disk 310 MB" in text


def test_a_run_that_has_only_begun(unfinished_run: Path, tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.put(read(unfinished_run).settings)
    assert "Not finished: 0 moves tried, 0 kept." in _read(tmp_path).text


def test_the_same_records_give_the_same_page(any_run: Path) -> None:
    path = write_page(read(any_run))
    assert path == any_run / "report.html"
    assert path.read_text(encoding="utf-8") == page(read(any_run))


def test_steps_are_readable_and_long_settings_are_counted() -> None:
    assert step_text({"step": "int8", "per_channel": True, "limit": None}) == "int8: per_channel true"
    assert step_text({"step": "nothing"}) == "nothing"
    widths = {f"layer{index}": index for index in range(40)}
    assert step_text({"step": "prune", "widths": widths}) == "prune: widths (40 entries)"


def test_names_break_after_dots_and_stay_escaped() -> None:
    assert breakable("a.b_c<d>") == "a.<wbr>b_<wbr>c&lt;d&gt;"


def test_an_estimate_without_units_is_left_out(unfinished_run: Path) -> None:
    Ledger(unfinished_run).append("estimate", "", {"train_seconds": 90, "what": "guess"})
    assert estimate_text(read(unfinished_run)) == "train 1 min 30 s"


def test_reports_need_no_torch(met_run: Path) -> None:
    code = (
        "import sys; from lissom.cli.report import report; from pathlib import Path;"
        f"report(Path({str(met_run)!r})); assert 'torch' not in sys.modules and 'onnx' not in sys.modules"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, capture_output=True)


@pytest.mark.parametrize(
    ("media", "tag", "title"), [("video/mp4", "video", "To look at"), ("audio/flac", "audio", "To listen to")]
)
def test_examples_are_played_in_the_page_itself(met_run: Path, media: str, tag: str, title: str) -> None:
    ledger = Ledger(met_run)
    ledger.put(Sample("walk/<a>.mp4", media, "AAECAw==", "walk", "walk", "run"), "walk/<a>.mp4")
    reader = _read(met_run)
    assert reader.faults == [] and title in reader.text and "walk/<a>.mp4" in reader.text
    players = [attributes for name, attributes in reader.tags if name == tag]
    assert [player["src"] for player in players] == [f"data:{media};base64,AAECAw=="]
    assert "controls" in players[0] and ("muted" in players[0]) is (tag == "video")
