"""What transcripts are worth: letters are counted where words have no spaces between them."""

import pytest

pytest.importorskip("jiwer")

from lissom.tasks.recognition.measure import Transcripts, spaceless


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["東京タワーへ行きたいです。", "コーヒーをください"], True),  # three scripts, none of them most of it
        (["今天天氣很好"], True),
        (["ภาษาไทย"], True),
        (["ｶﾀｶﾅ"], True),
        (["iPhoneを買いました", "YouTubeで見た"], True),
        (["안녕하세요 여러분"], False),
        (["The name of Tokyo is written like this: 東京", "and that is all"], False),
        ([], False),
    ],
)
def test_scripts_without_spaces(texts: list[str], expected: bool) -> None:
    assert spaceless(texts) == expected


def test_a_nearly_perfect_japanese_transcript_is_nearly_perfect() -> None:
    said = "東京タワーへ行きたいです"
    measure = Transcripts(letters=spaceless([said]))
    assert measure.score(measure.grade(["東京タワーに行きたいです"], [said])) == pytest.approx(100 * 11 / 12)
