"""Scripts by the names that Unicode gives to letters."""

import pytest

from lissom.tasks.letters import script

NAMES = [("a", "LATIN"), ("ß", "LATIN"), ("ж", "CYRILLIC"), ("好", "CJK"), ("ア", "KATAKANA"), ("\n", "")]


@pytest.mark.parametrize(("letter", "name"), NAMES)
def test_a_letter_has_the_script_of_its_name(letter: str, name: str) -> None:
    assert script(letter) == name
