import json

import numpy as np
import pytest
from tokenizers import Regex, Tokenizer, models, pre_tokenizers

from lissom.core.errors import LissomError
from lissom.tasks.translation.handling import Wording, Words, batch_of, cut_to, joined
from lissom.testing.tiny_translation import END, PAD, UNKNOWN, pair_tokenizer


def words(length=8):
    return Words(pair_tokenizer(), pair_tokenizer(), Wording(length, PAD, END, UNKNOWN))


def test_a_sentence_ends_with_its_end_and_comes_back():
    found = words().read(["one two", "acht"])
    assert [row.tolist() for row in found] == [[3, 4, END], [18, END]]
    assert words().said([11, 12]) == "eins zwei"


def test_a_long_text_is_cut_behind_sentences_where_it_can_be():
    parts = words(length=5).parts("one two three. four five six")
    assert [len(part) for part in parts] == [4, 4]
    assert all(part[-1] == END for part in parts)


def test_a_sentence_of_a_thousand_words_is_read_whole_in_parts():
    parts = words().parts(" ".join(["one"] * 1000))
    assert max(map(len, parts)) == 8
    assert sum(len(part) - 1 for part in parts) == 1000
    assert (np.concatenate([part[:-1] for part in parts]) == 3).all()


def test_one_word_and_none():
    assert [part.tolist() for part in words().parts(" one ")] == [[3, END]]
    with pytest.raises(LissomError, match="the text is empty"):
        words().parts(" \t ")


def test_another_script_is_remarked():
    reader = words()
    assert reader.strange(reader.read(["東京 の 朝"])[0])
    assert not reader.strange(reader.read(["one two ninety"])[0])


def test_a_script_that_can_only_be_spelled_is_foreign():
    latin = [first + second for first in "abcdefgh" for second in "abcdefgh"]
    pieces = ["<pad>", "<unk>", "</s>", *latin, *"abcdefgh", *"абвгде", *"我们走"]
    made = Tokenizer(models.WordLevel({piece: number for number, piece in enumerate(pieces)}, unk_token="<unk>"))
    reader = Words(made.to_str(), made.to_str(), Wording(8, PAD, END, UNKNOWN))
    assert reader.foreign("абв где") and reader.foreign("Αθήνα") and reader.foreign("我们 走 a")
    assert not reader.foreign("abc def") and not reader.foreign("abc д") and not reader.foreign("42 😀 …")
    assert not by_letters(8).foreign("我们走。"), "where all are letters, a script that many are of is known"


def test_a_sentence_of_no_tokens_is_not_strange():
    assert not words().strange(np.array([END]))


def by_letters(length):
    """Words of one letter each, Chinese ones among them, and spaces."""
    numbers = {text: number for number, text in enumerate(("<pad>", "<unk>", "</s>", *"你好吗我们走。ab. "))}
    made = Tokenizer(models.WordLevel(numbers, unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizers.Split(Regex(r"."), "isolated")
    return Words(made.to_str(), made.to_str(), Wording(length, PAD, END, UNKNOWN))


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("你好吗。我们走。好好", ["你好吗。我们走。", "好好"]),
        ("你好。 我们走。好好好", ["你好。 我们走。", "好好好"]),
        ("a. b. aa aa aa", ["a. b.", "aa aa aa"]),
        ("你 好吗我们走走走走走", ["你 好吗我们", "走走走走走"]),
    ],
)
def test_parts_of_a_text_are_as_they_stood_in_it(text, parts):
    reader = by_letters(length=9)
    assert [reader.said(part[:-1]).replace(" ", "") for part in reader.parts(text)] == [
        part.replace(" ", "") for part in parts
    ]
    assert [len(part) - 1 for part in reader.parts(text)] == list(map(len, parts))


@pytest.mark.parametrize(
    ("texts", "whole"),
    [
        (["One.", "Two."], "One. Two."),
        (["你好。", "世界。"], "你好。世界。"),
        (["彼は「はい。」", "そして"], "彼は「はい。」そして"),
        (["他说“好。”", "“走。”"], "他说“好。”“走。”"),
        (["你好。", "Hello.", "世界"], "你好。 Hello. 世界"),
        (["안녕.", "세계."], "안녕. 세계."),
        (["", "One.", "", "Two."], "One. Two."),
        ([], ""),
    ],
)
def test_no_space_stands_between_chinese_or_japanese_texts(texts, whole):
    assert joined(texts) == whole


def test_a_batch_is_filled_up_with_a_mask():
    tokens, mask = batch_of([np.array([5, 2]), np.array([5, 6, 7, 2])], PAD)
    assert tokens.tolist() == [[5, 2, 0, 0], [5, 6, 7, 2]]
    assert mask.tolist() == [[1, 1, 0, 0], [1, 1, 1, 1]]


def test_what_cannot_be_read_is_an_error_for_people():
    with pytest.raises(LissomError, match="cannot be read"):
        Words("{}", "{}", Wording(8, PAD, END))
    with pytest.raises(LissomError, match="leaves no room"):
        Wording(2, PAD, END)


def test_a_sentence_stands_between_what_the_model_expects_around_it():
    reader = Words(pair_tokenizer(), pair_tokenizer(), Wording(8, PAD, END, UNKNOWN, before=(9,), behind=(END, 7)))
    assert reader.read(["one two"])[0].tolist() == [9, 3, 4, END, 7]
    parts = reader.parts("one two three four five six seven eight")
    assert [part.tolist() for part in parts] == [[9, *range(3, 8), END, 7], [9, 8, 9, 10, END, 7]]
    assert cut_to(reader.read(["one two three four five six"])[0], reader.wording).tolist() == [9, *range(3, 8), END, 7]
    assert reader.strange(reader.read(["東 京"])[0]) and not reader.strange(reader.read(["one 東 two"])[0])
    with pytest.raises(LissomError, match="a length of 5 tokens leaves no room"):
        Wording(5, PAD, END, before=(9,), behind=(END, 7))


def test_a_translation_begins_as_the_model_learnt_it():
    reader = Words(pair_tokenizer(), pair_tokenizer(), Wording(8, PAD, END, opening=(9,)))
    assert reader.answers(["eins zwei"]) == [[9, 11, 12]]
    assert Wording.from_json(json.loads(json.dumps(reader.wording.to_json()))) == reader.wording
