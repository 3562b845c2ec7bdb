"""Probabilities of words by word, and the lists of likely words that are made of them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lissom.tasks.generating import Rules
from lissom.tasks.translation.lexicon import Lexicon, WordLists, coverage, learn_lexicon, word_lists
from lissom.tasks.translation.split import PairSplit

END = 0
TOKENS = st.lists(st.integers(1, 6), min_size=0, max_size=5)


def toy(count: int, seed: int = 0) -> tuple[list[np.ndarray], list[list[int]]]:
    """Sentences of words 1 to 9 with an end; word w is said as 20 + w, in another order, after a 10 or an 11."""
    random = np.random.default_rng(seed)
    sources = [random.choice(np.arange(1, 10), random.integers(2, 6), replace=False) for _ in range(count)]
    answers = [[10 + row % 2, *(20 + random.permutation(source)).tolist()] for row, source in enumerate(sources)]
    return [np.append(source, END) for source in sources], answers


def split_of(count: int, suppressed: tuple[int, ...] = ()) -> PairSplit:
    sources, answers = toy(count)
    rules = Rules(prompt=(31,), end=30, longest=16, suppressed=suppressed)
    return PairSplit(sources, answers, ["a"] * count, ["b"] * count, rules, pad=32)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(TOKENS, TOKENS), min_size=1, max_size=8))
def test_probabilities_of_each_word_sum_to_one(pairs: list[tuple[list[int], list[int]]]) -> None:
    sources = [np.asarray([*source, END]) for source, _ in pairs]
    answers = [answer for _, answer in pairs]
    if not any(answers):
        return
    lexicon = learn_lexicon(sources, answers)
    seen = {(int(a), b) for source, answer in zip(sources, answers, strict=True) for a in source for b in answer}
    assert set(zip(lexicon.sources.tolist(), lexicon.targets.tolist(), strict=True)) == seen
    assert (lexicon.probabilities >= 0).all()
    sums = np.bincount(lexicon.sources, lexicon.probabilities)
    np.testing.assert_allclose(sums[np.unique(lexicon.sources)], 1.0)


def test_a_dictionary_that_is_in_the_pairs_is_found() -> None:
    lexicon = learn_lexicon(*toy(200))
    likeliest = lexicon.likeliest(1)
    assert [tokens.tolist() for tokens in likeliest[1:]] == [[20 + word] for word in range(1, 10)]
    assert set(lexicon.likeliest(2)[END].tolist()) == {10, 11}, "the end stands for the empty word"


def test_expectation_and_maximisation_are_those_of_the_paper() -> None:
    sources, answers = [np.asarray([0, 1]), np.asarray([0, 2])], [[5, 6], [5, 7]]
    table = {(s, t): 1.0 for s in range(3) for t in (5, 6, 7)}
    for _ in range(5):  # plainly, word by word
        counts = dict.fromkeys(table, 0.0)
        for source, answer in zip(sources, answers, strict=True):
            for t in answer:
                total = sum(table[int(s), t] for s in source)
                for s in source:
                    counts[int(s), t] += table[int(s), t] / total
        table = {(s, t): c / sum(counts[s, other] for other in (5, 6, 7)) for (s, t), c in counts.items()}
    lexicon = learn_lexicon(sources, answers)
    for source, target, found in zip(lexicon.sources, lexicon.targets, lexicon.probabilities, strict=True):
        assert found == pytest.approx(table[int(source), int(target)])


def test_of_more_than_is_allowed_sentences_are_left_out_evenly() -> None:
    sources, answers = toy(200)
    sources = [*sources[:100], *(source + 100 * (source > 0) for source in sources[100:])]
    whole, part = learn_lexicon(sources, answers), learn_lexicon(sources, answers, most=1000)
    assert len(part.sources) < len(whole.sources)
    halves = [int((part.sources > 100).sum()), int((part.sources < 100).sum())]
    assert min(halves) > 0.7 * max(halves), "both halves are in it"


def test_lists_hold_the_frequent_the_likely_and_what_is_forced() -> None:
    lists = word_lists(split_of(200), first=2, best=1, opening=(33,), copied=False)
    assert lists.always.tolist() == [10, 11, 30, 33]
    assert lists.words(np.asarray([3, 5, 3])).tolist() == [10, 11, 23, 25, 30, 33]
    assert lists.words(np.asarray([4000])).tolist() == [10, 11, 30, 33], "a word that was never seen"
    copied = WordLists(lists.always, lists.likely, copied=True)
    assert copied.words(np.asarray([3, 4000])).tolist() == [3, 10, 11, 23, 30, 33, 4000]


def test_what_is_never_said_takes_no_place() -> None:
    lists = word_lists(split_of(200, suppressed=(10,)), first=1, best=1, copied=False)
    assert lists.always.tolist() == [11, 30]


def test_coverage_tells_how_much_lists_hold() -> None:
    split = split_of(60)
    everything = WordLists(np.arange(40), [], copied=False)
    assert coverage(everything, split) == (1.0, 40.0)
    held, length = coverage(WordLists(np.asarray([10, 11, 30]), [], copied=False), split)
    assert held == pytest.approx(60 / sum(map(len, split.answers))) and length == 3.0


def test_the_likeliest_of_a_tie_are_the_same_each_time() -> None:
    lexicon = Lexicon(np.zeros(4, np.int64), np.asarray([9, 3, 7, 5]), np.full(4, 0.25))
    assert lexicon.likeliest(2)[0].tolist() == [3, 5]
