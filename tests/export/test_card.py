"""The model card says what the model is, what it costs, how that was measured, and what it is not for."""

from dataclasses import replace

import pytest

from lissom.core.records import Figures, LimitCheck, Machine, Settings, Verdict
from lissom.export.card import model_card

SETTINGS = Settings("zoo:sample", "fashion-mnist", "image", "size<=2%, drop<=0.5pt", "onnxruntime", 1, 1, 0)
MACHINE = Machine("Some CPU", 2, ("avx2",), "Linux x86_64", {"python": "3.11.7", "onnxruntime": "1.24"})
BEFORE = Figures(93.3, (92.8, 93.8), 2.31, (2.3, 2.32), 2.5, 25_210_000, 24_480_000, 6_302_474, 31_000_000, "test",
                 examples=10_000)  # fmt: skip
AFTER = replace(BEFORE, score=93.1, latency_ms=0.21, size_bytes=327_730, macs=1_200_000, parameters=80_000)
SIZE = LimitCheck("size", 0.013, 0.02, "1.3 %", "2 %", True)
VERDICT = Verdict(True, BEFORE, AFTER, 0.2, (-0.1, 0.5), 0.09, (0.088, 0.093), (SIZE,), agreement=96.4)


def card(verdict: Verdict = VERDICT, notes: tuple[str, ...] = ()) -> str:
    return model_card(SETTINGS, MACHINE, verdict, ["prune 300 units", "quantize int8"], list(notes))


def test_what_it_says() -> None:
    assert card() == (
        "# zoo:sample, made light\n\n"
        "Task: image. Target: onnxruntime, 1 thread(s), batch 1.\n"
        "Budget: size<=2%, drop<=0.5pt: met.\n\n"
        "| | original (FP32) | this |\n"
        "|---|---|---|\n"
        "| score | 93.30 | 93.10 |\n"
        "| latency (median) | 2.31 ms | 0.21 ms |\n"
        "| size | 25.2 MB | 328 kB |\n"
        "| peak memory | 31 MB | 31 MB |\n"
        "| multiply-adds | 24.5 M | 1.2 M |\n"
        "| parameters | 6.3 M | 80 k |\n\n"
        "Drop: 0.20 points (95 %: -0.10 to 0.50).\n"
        "Latency: 9.0% of the original's, timed in turn in one process.\n"
        "Agreement with the original's answers: 96.4 %.\n"
        "Measured on Some CPU, 2 cores, python 3.11.7, onnxruntime 1.24.\n\n"
        "## How it was made\n\n- prune 300 units\n- quantize int8\n\n"
        "## Use\n\n"
        "    pip install -r requirements.txt\n    python predict.py PICTURE\n    python predict.py --verify\n\n"
        "## Limits\n\n"
        "The score is of 10000 examples of fashion-mnist, on the split that nothing was chosen by.\n"
        "On other data and on another processor, measure again: INT8 may round otherwise, latency will differ.\n"
    )


def test_without_labels_it_says_so() -> None:
    before, after = (replace(figures, by_labels=False) for figures in (BEFORE, AFTER))
    text = card(replace(VERDICT, original=before, final=after, divergence=0.0123))
    assert "Agreement with the original's answers: 96.4 %, divergence 0.0123 nats.\nNo labels were used" in text
    assert "| agreement | 93.30 | 93.10 |" in text and "The agreement is of 10000 examples" in text


@pytest.mark.parametrize(
    ("task", "said", "unsaid"),
    [
        ("translation", "the drop is 100 less the score with the original's sentences", "share of answers"),
        ("recognition", "the drop is 100 less the score with the original's words", "share of answers"),
        ("text", "the drop is the share of answers that are not the original's", "100 less"),
        ("codec", "Measured on", "Agreement with"),
    ],
)
def test_agreement_is_called_what_it_is(task: str, said: str, unsaid: str) -> None:
    before, after = (replace(figures, by_labels=False) for figures in (BEFORE, AFTER))
    verdict = replace(VERDICT, original=before, final=after)
    text = model_card(replace(SETTINGS, task=task), MACHINE, verdict, [], [])
    assert said in text and unsaid not in text


@pytest.mark.parametrize(
    ("metric", "said"),
    [
        ("accuracy", "share of answers"),
        ("spearman", "rank correlation"),
        ("macro-f1", "macro-F1"),
        ("matthews", "Matthews"),
    ],
)
def test_agreement_of_texts_is_called_what_its_metric_is(metric: str, said: str) -> None:
    before, after = (replace(figures, by_labels=False, metric=metric) for figures in (BEFORE, AFTER))
    text = model_card(replace(SETTINGS, task="text"), MACHINE, replace(VERDICT, original=before, final=after), [], [])
    assert said in text and ("share of answers" in text) is (metric == "accuracy")


def test_a_missed_budget_is_not_hidden() -> None:
    assert "Budget: size<=2%, drop<=0.5pt: missed." in card(replace(VERDICT, met=False))


def test_notes_come_last() -> None:
    assert card(notes=("weights in 7 bits", "one more")).endswith("## Notes\n\n- weights in 7 bits\n- one more\n")
    assert "## Notes" not in card()
