"""Scripts of texts: told where most letters are of one, and only where there are enough."""

import pytest

from lissom.tasks.scripts import script_of


@pytest.mark.parametrize(
    ("texts", "script"),
    [
        (["The quick brown fox", "jumps over 13 dogs"], "LATIN"),
        (["Съешь же ещё этих мягких французских булок"], "CYRILLIC"),
        (["今天天氣很好我們去公園散步吧今天天氣很好"], "CJK"),
        (["The quick brown fox", "Съешь же ещё этих мягких"], None),
        (["few"], None),
        ([], None),
    ],
)
def test_the_script_of_most_letters(texts: list[str], script: str | None) -> None:
    assert script_of(texts) == script
