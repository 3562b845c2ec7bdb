"""Which models listen: encoder-decoders such as Whisper, and how they are fed, asked and understood."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from torch import nn

from lissom.core.errors import LissomError
from lissom.layers.sequence_model import SequenceModel
from lissom.tasks.generating import Rules
from lissom.tasks.recognition.hearing import Heard
from lissom.tasks.recognition.log_mel import LogMel
from lissom.tasks.recognition.options import RecognitionOptions
from lissom.tasks.recognition.split import RecordingSplit
from lissom.tasks.recognition.words import Words, read_words
from lissom.tasks.rules import rules_of
from lissom.workload.models import LoadedModel

ENGLISH = "en"


@dataclass(frozen=True)
class Listener:
    """A model that listens, ready for a workload.

    Args:
        module: from the inputs of a batch to scores.
        words: its tokenizer.
        rate: samples a second that it hears.
        seconds: the longest that it hears at a time.
        handling: how it is fed and asked, in plain values.
        split: makes a split of recordings and the tokens to be learnt of each.
        english: it writes English alone.
    """

    module: nn.Module
    words: Words
    rate: int
    seconds: float
    handling: dict[str, Any]
    split: Callable[[Heard, Sequence[Sequence[int]]], RecordingSplit]
    english: bool


def listens(module: Any) -> bool:
    """Whether a model is an encoder-decoder of transformers that takes sound."""
    config = getattr(module, "config", None)
    return hasattr(config, "num_mel_bins") and hasattr(config, "decoder_layers") and hasattr(module, "get_encoder")


def listener_of(loaded: LoadedModel, tokenizer: Path, chosen: RecognitionOptions) -> Listener:
    """What is known about a loaded model that listens.

    Raises:
        LissomError: it does not listen, has no such language, or its tokenizer is not there.
    """
    module: Any = loaded.module
    if not listens(module):
        raise LissomError(
            f"{loaded.name} is a {type(module).__name__}, which writes nothing down",
            hint="models like Whisper of transformers do: hf:DIR or ct2:DIR; --task speech finds keywords",
        )
    rules = rules_of(module)
    if chosen.language is not None:
        rules = replace(rules, prompt=_prompt(module, chosen.language, loaded.name))
    words = read_words(tokenizer, spaced=True, most=module.config.vocab_size)
    features = _features(module.config)
    handling: dict[str, Any] = {"features": features.to_json(), "rules": rules.to_json(), "beams": chosen.beams}
    many = bool(getattr(module.generation_config, "is_multilingual", False))
    return Listener(
        module=SequenceModel(module, rules.end),
        words=words,
        rate=features.rate,
        seconds=features.seconds,
        handling=handling,
        split=lambda part, answers: _split(part, answers, features, rules),
        english=chosen.language == ENGLISH or (chosen.language is None and not many),
    )


def _split(part: Heard, answers: Sequence[Sequence[int]], features: LogMel, rules: Rules) -> RecordingSplit:
    return RecordingSplit(part.sounds, part.names, part.texts, answers, features, rules)


def _features(config: Any) -> LogMel:
    """What the encoder hears: two frames for each place that it has."""
    usual = LogMel()
    return LogMel(int(config.num_mel_bins), 2 * int(config.max_source_positions) * usual.hop / usual.rate)


def _prompt(module: Any, language: str, name: str) -> tuple[int, ...]:
    """How a model of many languages is told which one it hears, and that it is to write it down as it is."""
    said = module.generation_config
    languages, tasks = getattr(said, "lang_to_id", None), getattr(said, "task_to_id", None)
    if not languages or not tasks:
        raise LissomError(f"{name} knows one language alone", hint="leave --language out")
    if f"<|{language}|>" not in languages:
        known = ", ".join(sorted(key.strip("<|>") for key in languages))
        raise LissomError(f"{name} knows no language {language!r}", hint=f"it knows {known}")
    found = [said.decoder_start_token_id, languages[f"<|{language}|>"], tasks["transcribe"]]
    return tuple(int(token) for token in (*found, said.no_timestamps_token_id))
