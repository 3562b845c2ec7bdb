"""What an answer begins with: what transformers begins it with, wherever a configuration says so."""

from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("transformers")

from lissom.core.errors import LissomError
from lissom.tasks.prompts import prompt_of
from lissom.tasks.rules import rules_of
from lissom.testing.tiny_recognition import NO_TIMES, START, tiny_whisper

MANY: dict[str, Any] = {
    "is_multilingual": True,
    "lang_to_id": {"<|de|>": 50, "<|en|>": 51},
    "task_to_id": {"transcribe": 52, "translate": 53},
}


def whisper(**told: Any) -> Any:
    module = tiny_whisper()
    module.generation_config.forced_decoder_ids = None
    for name, value in {"return_timestamps": False, **told}.items():
        setattr(module.generation_config, name, value)
    return module


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({}, []),
        ({"forced_decoder_ids": [[1, NO_TIMES]]}, []),
        ({**MANY, "forced_decoder_ids": [[1, 50], [2, 52]]}, [50, 52]),
        ({**MANY, "forced_decoder_ids": [[1, None], [2, 52]], "language": "en"}, [51, 52]),
        ({**MANY, "language": "german"}, [50, 52]),
        ({**MANY, "language": "<|de|>", "task": "translate"}, [50, 53]),
    ],
)
def test_it_begins_as_transformers_does(told: dict[str, Any], expected: list[int]) -> None:
    module = whisper(**told)
    theirs = module._retrieve_init_tokens(None, 1, module.generation_config, module.config, None, {})
    assert list(prompt_of(module)) == theirs[0].tolist() == [START, *expected, NO_TIMES]


def test_the_language_that_is_asked_for_comes_first() -> None:
    module = whisper(**MANY, forced_decoder_ids=[[1, None], [2, 52]], language="en")
    assert rules_of(module, "de").prompt == (START, 50, 52, NO_TIMES)
    with pytest.raises(LissomError, match="knows no language 'fr'") as refused:
        prompt_of(module, "fr")
    assert "de, en" in str(refused.value)


@pytest.mark.parametrize("told", [{}, {"forced_decoder_ids": [[1, None], [2, 52]]}, {"task": "transcribe"}])
def test_a_model_of_many_languages_is_not_asked_without_one(told: dict[str, Any]) -> None:
    with pytest.raises(LissomError, match="not told which it hears") as refused:
        prompt_of(whisper(**MANY, **told))
    assert "--language" in str(refused.value)


def test_an_answer_is_as_long_as_the_decoder_has_places_for_where_nothing_else_is_said() -> None:
    module = whisper(max_length=None)
    assert rules_of(module).longest == 24
    assert rules_of(whisper(max_length=20, max_new_tokens=5)).longest == len(rules_of(module).prompt) + 5
    assert rules_of(whisper(max_new_tokens=448)).longest == 24  # more than there are places
    for told in ({"max_length": 2}, {"max_length": 1}):
        with pytest.raises(LissomError, match=f"has {told['max_length']} tokens at most, and begins with 2"):
            rules_of(whisper(**told))
    module.config = SimpleNamespace()
    with pytest.raises(LissomError, match="how long"):
        rules_of(module)
