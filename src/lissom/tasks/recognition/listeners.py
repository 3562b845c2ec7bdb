"""Which models listen: those that write (Whisper) and those that spell (Wav2Vec2), how they are fed and asked."""

import copy
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from lissom.core.errors import LissomError
from lissom.layers.ctc_model import CtcModel
from lissom.layers.sequence_model import SequenceModel
from lissom.tasks.generating import Rules
from lissom.tasks.recognition.hearing import Heard
from lissom.tasks.recognition.log_mel import LogMel
from lissom.tasks.recognition.options import MOST_SECONDS, RecognitionOptions
from lissom.tasks.recognition.split import RecordingSplit
from lissom.tasks.recognition.wave_window import Wave
from lissom.tasks.recognition.windows import Hearing
from lissom.tasks.recognition.words import Words, read_words
from lissom.tasks.rules import rules_of
from lissom.workload.models import LoadedModel

ENGLISH, TRANSLATE = "<|en|>", "translate"


@dataclass(frozen=True)
class Listener:
    """A model that listens, ready for a workload.

    Args:
        module: from the inputs of a batch to scores.
        words: its tokenizer.
        features: what it hears.
        handling: how it is fed and asked, in plain values.
        rules: how it says a text token by token; ``None``: it spells.
        blank: of a model that spells: the token that is nothing.
        english: it writes English alone.
        masked: it was trained with a mask over what fills a window up, which it does not get here.
    """

    module: nn.Module
    words: Words
    features: Hearing
    handling: dict[str, Any]
    rules: Rules | None = None
    blank: int | None = None
    english: bool = False
    masked: bool = False

    def split(self, part: Heard, answers: Sequence[Sequence[int]]) -> RecordingSplit:
        """A split of recordings and the tokens that are to be learnt of each."""
        return RecordingSplit(part.sounds, part.names, part.texts, answers, self.features, self.rules)


def is_writer(module: Any) -> bool:
    """Whether a model is an encoder-decoder of transformers that takes sound."""
    config = getattr(module, "config", None)
    return hasattr(config, "num_mel_bins") and hasattr(config, "decoder_layers") and hasattr(module, "get_encoder")


def is_speller(module: Any) -> bool:
    """Whether a model of transformers takes samples and says a letter or nothing at each place."""
    return type(module).__name__.endswith("ForCTC") and hasattr(getattr(module, "config", None), "conv_stride")


def listener_of(loaded: LoadedModel, tokenizer: Path, chosen: RecognitionOptions, longest_s: float) -> Listener:
    """What is known about a loaded model that listens.

    Args:
        loaded: the model.
        tokenizer: where it is.
        chosen: by the user.
        longest_s: seconds of the longest recording, for a model that hears any length.

    Raises:
        LissomError: it does not listen, cannot do what is chosen, has no such language, or its tokenizer is not there.
    """
    if is_writer(loaded.module):
        return _writer(loaded, tokenizer, chosen)
    if is_speller(loaded.module):
        return _speller(loaded, tokenizer, chosen, longest_s)
    raise LissomError(
        f"{loaded.name} is a {type(loaded.module).__name__}, which writes nothing down",
        hint="models like Whisper and Wav2Vec2ForCTC of transformers do: hf:DIR or ct2:DIR",
    )


def _writer(loaded: LoadedModel, tokenizer: Path, chosen: RecognitionOptions) -> Listener:
    module: Any = loaded.module
    if chosen.seconds is not None:
        raise LissomError(f"{loaded.name} has a window of its own", hint="leave --seconds out")
    rules = rules_of(module, chosen.language)
    features = _features(module.config)
    return Listener(
        module=SequenceModel(module, rules.end),
        words=read_words(tokenizer, spaced=True, most=module.config.vocab_size),
        features=features,
        handling={"features": features.to_json(), "rules": rules.to_json(), "beams": chosen.beams},
        rules=rules,
        english=_writes_english(module.generation_config, rules.prompt),
    )


def _writes_english(said: Any, prompt: Sequence[int]) -> bool:
    """Whether it knows no other language, hears English, or is to translate, which it does into English alone."""
    if not getattr(said, "is_multilingual", False):
        return True
    languages, tasks = getattr(said, "lang_to_id", None) or {}, getattr(said, "task_to_id", None) or {}
    return languages.get(ENGLISH) in prompt or tasks.get(TRANSLATE) in prompt


def _speller(loaded: LoadedModel, tokenizer: Path, chosen: RecognitionOptions, longest_s: float) -> Listener:
    _check_spells(loaded.name, chosen)
    module: Any = steady(loaded.module)
    place = tokenizer if tokenizer.is_dir() else tokenizer.parent
    prepared, config = _json(place / "preprocessor_config.json"), module.config
    if config.pad_token_id is None:
        raise LissomError(
            f"the configuration of {loaded.name} does not say which token is nothing",
            hint="pad_token_id in config.json is the number of <pad> in vocab.json",
        )
    seconds = chosen.seconds or min(MOST_SECONDS, float(math.ceil(longest_s)))
    features = Wave(seconds, int(prepared.get("sampling_rate", 16000)), bool(prepared.get("do_normalize", True)))
    blank, places = int(config.pad_token_id), features.length // math.prod(config.conv_stride)
    return Listener(
        module=CtcModel(module),
        words=read_words(tokenizer, spaced=False, most=config.vocab_size, spells=True),
        features=features,
        handling={"features": features.to_json(), "ctc": {"blank": blank, "longest": places, "steps": _steps(config)}},
        blank=blank,
        masked=bool(prepared.get("return_attention_mask", getattr(config, "feat_extract_norm", None) == "layer")),
    )


def _check_spells(name: str, chosen: RecognitionOptions) -> None:
    """Refuse what only a model that writes can follow."""
    if chosen.beams != 1:
        raise LissomError(
            f"{name} spells the likeliest letter at each place: it cannot follow {chosen.beams} beams",
            hint="leave --beams out",
        )
    if chosen.language is not None:
        raise LissomError(
            f"{name} spells the language that it learnt: it cannot be told {chosen.language!r}",
            hint="leave --language out",
        )


def _steps(config: Any) -> list[list[int]]:
    """Kernel and stride of each convolution between samples and places, those of an adapter among them."""
    steps = [[int(kernel), int(stride)] for kernel, stride in zip(config.conv_kernel, config.conv_stride, strict=True)]
    if getattr(config, "add_adapter", False):
        steps += [[1, int(config.adapter_stride)]] * int(config.num_adapter_layers)
    return steps


def steady(module: nn.Module) -> nn.Module:
    """A copy that is the same network while it learns: no masks over the sound, no layers left out at random.

    The value under a mask is used in training alone, so that no capture sees it and no cut would reach it; and a layer
    that is left out has nothing to show to a loss that compares layers.
    """
    made: Any = copy.deepcopy(module)
    made.config.update({"apply_spec_augment": False, "mask_time_prob": 0.0, "mask_feature_prob": 0.0, "layerdrop": 0.0})
    for part in made.modules():
        if hasattr(part, "masked_spec_embed"):
            del part.masked_spec_embed
    return made


def _json(path: Path) -> dict[str, Any]:
    """The values in a file that may not be there."""
    try:
        return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    except ValueError as error:
        raise LissomError(f"{path} is damaged: {error}", hint="copy it again") from error


def _features(config: Any) -> LogMel:
    """What the encoder hears: two frames for each place that it has."""
    usual = LogMel()
    return LogMel(int(config.num_mel_bins), 2 * int(config.max_source_positions) * usual.hop / usual.rate)
