"""Names and codes of languages above columns, and words that look like them."""

import pytest

from lissom.tasks.translation.languages import NAMES, are_codes, are_names, code_of


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        (("English", "German"), True),
        (("ENGLISH", " français "), True),
        (("German", "Deutsch"), False),  # a pair: both name one language
        (("English", "Wort"), False),
        (("en", "de"), False),
    ],
)
def test_names_of_two_languages(cells: tuple[str, str], said: bool) -> None:
    assert are_names(cells) == said


def test_a_name_means_one_language() -> None:
    names = [name for listed in NAMES.values() for name in listed]
    assert len(set(names)) == len(names) and all(name == name.casefold() for name in names)
    assert code_of("Türkçe") == "tr" and code_of("Go") is None


def test_codes_are_those_that_are_asked_for_or_stand_above_other_words() -> None:
    assert are_codes(("en", "zh-CN"), None, [("one", "一")]) and not are_codes(("Go", "Los"), None, [])
    assert are_codes(("eng_Latn", "deu_Latn"), ("de", "en"), [("yes", "ja")])
    assert not are_codes(("no", "na"), ("en", "de"), []) and not are_codes(("so", "so"), None, [])
    assert not are_codes(("no", "na"), None, [("so", "so"), ("one two", "eins zwei")])
