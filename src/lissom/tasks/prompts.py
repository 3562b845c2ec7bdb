"""What every answer of an encoder-decoder begins with: a first token, and for one that listens language and task."""

from typing import Any

from lissom.core.errors import LissomError


def prompt_of(module: Any, language: str | None = None) -> tuple[int, ...]:
    """The first tokens of an answer, as ``_retrieve_init_tokens`` of transformers' Whisper has them, without times.

    Args:
        module: a model of transformers that generates.
        language: of the speech, such as ``"de"``; by default that of its generation configuration.

    Raises:
        LissomError: it knows no such language, or several and is not told which.
    """
    said = module.generation_config
    languages, tasks = getattr(said, "lang_to_id", None) or {}, getattr(said, "task_to_id", None) or {}
    task = getattr(said, "task", None)
    if language is None and languages:
        language = getattr(said, "language", None)
    if language is not None:
        found = [_language(languages, language), tasks.get(task or "transcribe")]
    else:
        found = _forced(module) if task is None or not languages else []
        if languages and (not found or found[0] is None):
            raise LissomError(
                "this model knows several languages, and is not told which it hears",
                hint=f"--language says which, such as de; it knows {_known(languages)}",
            )
    no_times = getattr(said, "no_timestamps_token_id", None)
    if no_times is not None and no_times not in found[-1:]:
        found.append(no_times)
    return tuple(int(token) for token in (said.decoder_start_token_id, *found) if token is not None)


def _forced(module: Any) -> list[int | None]:
    """As older configurations have it; ``None`` is a token that the model is to find itself."""
    places = [getattr(part, "forced_decoder_ids", None) for part in (module.generation_config, module.config)]
    return [token for _, token in next((found for found in places if found is not None), [])]


def _language(languages: dict[str, int], language: str) -> int:
    """The token of a language by its code, its name, or as it is in the vocabulary."""
    if not languages:
        raise LissomError("this model knows one language alone", hint="leave --language out")
    from transformers.models.whisper.tokenization_whisper import TO_LANGUAGE_CODE

    word = language.lower()
    for token in (word, f"<|{TO_LANGUAGE_CODE.get(word, word)}|>"):
        if token in languages:
            return languages[token]
    raise LissomError(f"this model knows no language {language!r}", hint=f"it knows {_known(languages)}")


def _known(languages: dict[str, int]) -> str:
    return ", ".join(sorted(token.strip("<|>") for token in languages))
