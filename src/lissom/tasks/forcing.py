"""What a decoder is fed and what it should say next, when the answers are given: teacher forcing."""

from collections.abc import Sequence

import numpy as np

from lissom.tasks.generating import Rules, Whole

IGNORED = -100  # a target that nothing is learnt from


def forced(answers: Sequence[Sequence[int]], rules: Rules) -> tuple[Whole, Whole]:
    """Answers in a batch, filled up to the longest of them.

    Args:
        answers: tokens of each, without prompt and end.
        rules: how an answer begins and ends.

    Returns:
        The tokens that the decoder is fed, from the prompt on and filled up with the end, and those that come next,
        ``IGNORED`` within the prompt and in the padding: both ``(batch, length)``.
    """
    start = len(rules.prompt)
    longest = max((len(answer) for answer in answers), default=0)
    length = forced_length(longest, rules)
    tokens: Whole = np.full((len(answers), length), rules.end, dtype=np.int64)
    targets: Whole = np.full((len(answers), length), IGNORED, dtype=np.int64)
    tokens[:, :start] = rules.prompt
    for row, answer in enumerate(answers):
        said = [*answer][: length - start]
        tokens[row, start : start + len(said)] = said
        following = [*answer, rules.end][: length - start + 1]
        targets[row, start - 1 : start - 1 + len(following)] = following
    return tokens, targets


def filled(answers: Sequence[Sequence[int]]) -> Whole:
    """Answers as targets of a model that is not told what was said, filled up with ``IGNORED``: ``(batch, length)``."""
    longest = max((len(answer) for answer in answers), default=0)
    targets: Whole = np.full((len(answers), max(1, longest)), IGNORED, dtype=np.int64)
    for row, answer in zip(targets, answers, strict=True):
        row[: len(answer)] = answer
    return targets


def forced_length(answer: int, rules: Rules) -> int:
    """How many tokens a decoder is fed for an answer of so many: those of the prompt too, the end not."""
    return min(len(rules.prompt) + answer, rules.longest - 1)
