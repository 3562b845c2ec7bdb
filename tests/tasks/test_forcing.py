"""Teacher forcing: what is fed and what comes next, and nothing where there is padding."""

from lissom.tasks.forcing import IGNORED, forced, forced_length
from lissom.tasks.generating import Rules

RULES = Rules(prompt=(1, 2), end=9, longest=6)


def test_each_token_is_followed_by_the_next_and_the_last_by_the_end() -> None:
    tokens, targets = forced([[5, 6], [7], []], RULES)
    assert tokens.tolist() == [[1, 2, 5, 6], [1, 2, 7, 9], [1, 2, 9, 9]]
    assert targets.tolist() == [
        [IGNORED, 5, 6, 9],
        [IGNORED, 7, 9, IGNORED],
        [IGNORED, 9, IGNORED, IGNORED],
    ]


def test_what_is_too_long_is_cut() -> None:
    tokens, targets = forced([[3] * 9], RULES)
    assert tokens.tolist() == [[1, 2, 3, 3, 3]] and targets.tolist() == [[IGNORED, 3, 3, 3, 3]]
    assert [forced_length(length, RULES) for length in (0, 2, 9)] == [2, 4, 5]
