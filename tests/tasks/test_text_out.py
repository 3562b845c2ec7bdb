"""A task that is answered with a text: padding counts nowhere, and what is graded is text."""

from collections.abc import Sequence

import numpy as np
import pytest
import torch

from lissom.core.errors import LissomError
from lissom.tasks.forcing import IGNORED
from lissom.tasks.generating import NOTHING
from lissom.tasks.recognition.measure import Transcripts
from lissom.tasks.text_out import TextOut
from lissom.workload.codes import as_codes, as_texts

WORDS = ("good", "morning", "night", "доброе", "утро")


def text(tokens: Sequence[int]) -> str:
    return " ".join(WORDS[token] for token in tokens)


TASK = TextOut("recognition", text, Transcripts(), "recordings", temperature=2.0)
ANSWERS = np.asarray([[0, 1, NOTHING], [0, 2, NOTHING], [NOTHING] * 3])


def test_texts_come_back_from_their_codes() -> None:
    texts = ["", "naïve 東京 😀", "a"]
    assert as_texts(as_codes(texts)) == texts and as_codes([]).shape == (0, 0)


def test_padding_counts_in_no_loss() -> None:
    generator = torch.Generator().manual_seed(0)
    ours, theirs = (torch.randn(2, 3, 5, generator=generator) for _ in range(2))
    targets = torch.tensor([[IGNORED, 1, 4], [IGNORED, 2, IGNORED]])
    ours[1, 2], theirs[1, 2] = 0, 0
    loss = TASK.loss(ours, targets)
    by_hand = -torch.stack([ours[0, 1].log_softmax(0)[1], ours[0, 2].log_softmax(0)[4], ours[1, 1].log_softmax(0)[2]])
    torch.testing.assert_close(loss, by_hand.mean())
    whole = TASK.distance(ours, theirs)
    real = [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1)]
    parts = [TASK.distance(ours[row, place][None, None], theirs[row, place][None, None]) for row, place in real]
    torch.testing.assert_close(whole, torch.stack(parts).mean())
    ours.requires_grad_(True)
    TASK.probe(ours, generator).backward()
    assert ours.grad is not None
    assert not ours.grad[1, 2].any() and ours.grad[0, 0].any() and ours.grad[1, 1].any()


def test_the_score_is_of_all_words_together() -> None:
    grades = TASK.grade(ANSWERS, as_codes(["Good morning!", "good evening", ""]))
    assert grades.tolist() == [[0, 2], [1, 2], [0, 0]] and TASK.score(grades) == 75.0
    assert TASK.score(TASK.agreement(ANSWERS, ANSWERS)) == 100.0
    added = TASK.grade(ANSWERS[:1], as_codes([""]))
    assert added.tolist() == [[2, 0]] and TASK.score(added) == 0.0


def test_letters_are_counted_where_there_are_no_spaces() -> None:
    assert Transcripts(letters=True).grade(["東京都"], ["東京と"]).tolist() == [[1, 3]]


def test_an_original_that_says_something_else_is_refused() -> None:
    TASK.check(ANSWERS, as_codes(["good morning", "good night", ""]))
    with pytest.raises(LissomError, match="'good morning' for 'seven'"):
        TASK.check(ANSWERS[:1], as_codes(["seven"]))
    russian = np.tile([[3, 4, 3]], (4, 1))
    with pytest.raises(LissomError, match="written in latin letters, the model answers in cyrillic ones"):
        TASK.check(russian, as_codes(["good morning everybody"] * 4))
