"""The tokenizer of a model: found in its folder or where the user says, and checked against the model."""

import importlib.util
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer
from torch import nn

from lissom.core.errors import LissomError, MissingExtraError
from lissom.tasks.text.files import text_of
from lissom.tasks.text.handling import TOKENIZER
from lissom.workload.models import LoadedModel

CONFIG, TYPES = "tokenizer_config.json", "token_type_ids"
PADS = ("[PAD]", "<pad>", "<|pad|>", "[pad]")


@dataclass(frozen=True)
class Tokens:
    """A tokenizer that belongs to a model.

    Args:
        text: of its ``tokenizer.json``.
        pad: the number of the padding token.
        longest: the most tokens that the model takes, ``None`` where nothing limits it.
        types: whether the model is told token types, such as which text of a pair each token belongs to.
        words: numbers of the tokens that are whole words.
    """

    text: str
    pad: int
    longest: int | None
    types: bool
    words: tuple[int, ...] = ()


def find_tokenizer(asked: str | Path | None, loaded: LoadedModel) -> Tokens:
    """The tokenizer that the user names, or the one beside the model.

    Raises:
        LissomError: there is none, or it belongs to another model: more tokens than the model has embeddings,
            another padding token, or none.
    """
    rows = embedding_of(loaded.module).num_embeddings
    folder = (loaded.handling or {}).get("folder")
    place = asked if asked is not None else folder
    if place is None:
        raise LissomError(
            f"{loaded.name} has no tokenizer", hint="--tokenizer names a folder with one, or a tokenizer.json"
        )
    place = Path(place)
    text = _read(place)
    try:
        tokenizer = Tokenizer.from_str(text)
    except Exception as error:  # the library raises plain exceptions
        raise LissomError(f"the tokenizer in {place} cannot be read: {error}", hint="copy it again") from error
    config: Any = getattr(loaded.module, "config", None)
    count = tokenizer.get_vocab_size(with_added_tokens=True)
    if count > rows:
        raise LissomError(
            f"the tokenizer in {place} has {count} tokens, {loaded.name} has embeddings for {rows}",
            hint="it belongs to another model; name the right one with --tokenizer",
        )
    pad = _padding(tokenizer, config, place)
    return Tokens(
        text=text,
        pad=pad,
        longest=_longest(loaded.module, config),
        types=_told_types(place, config),
        words=_words(tokenizer),
    )


def _longest(module: nn.Module, config: Any) -> int | None:
    """The most tokens that a model has positions for; ``None`` where nothing limits it."""
    positions = getattr(config, "max_position_embeddings", None)
    if positions is None or positions < 1:  # as a model of relative positions says that it has no limit
        return None
    # RoBERTa and its like count positions from behind the padding token's number
    tables = [part for name, part in module.named_modules() if name.endswith("position_embeddings")]
    behind = [part.padding_idx for part in tables if isinstance(part, nn.Embedding) and part.padding_idx is not None]
    return int(positions) - (behind[0] + 1 if behind else 0)


def _told_types(place: Path, config: Any) -> bool:
    """Whether transformers tells the model of a tokenizer's folder token types; where the folder does not say, whether
    the model has more than one."""
    said = said_beside(place)
    names = said.get("model_input_names") or _usual_inputs(str(said.get("tokenizer_class", "")))
    # a model that says nothing of types, like XLNet, knows them all the same
    return TYPES in names and _has_types(config, unsaid=2) if names else _has_types(config)


def said_beside(place: Path) -> dict[str, Any]:
    """What is said of a tokenizer beside it, in ``tokenizer_config.json``; nothing where there is none.

    Raises:
        LissomError: it is damaged.
    """
    path = (place if place.is_dir() else place.parent) / CONFIG
    try:
        found: Any = json.loads(text_of(path)) if path.is_file() else {}
    except ValueError as error:
        raise LissomError(f"{path} is damaged: {error}", hint="copy it again") from error
    if not isinstance(found, dict):
        raise LissomError(f"{path} is damaged: it holds no object", hint="copy it again")
    return found


def _has_types(config: Any, unsaid: int = 0) -> bool:
    return getattr(config, "type_vocab_size", unsaid) > 1


def _usual_inputs(kind: str) -> list[str]:
    """What a tokenizer of a class of transformers gives a model by default; nothing where there is no such class."""
    if not kind or importlib.util.find_spec("transformers") is None:
        return []
    import transformers

    return list(getattr(getattr(transformers, kind, None), "model_input_names", ()))


def embedding_of(module: nn.Module) -> nn.Embedding:
    """The embedding of a model with the most rows, which is that of its tokens.

    Raises:
        LissomError: it has none.
    """
    found = [layer for layer in module.modules() if isinstance(layer, nn.Embedding)]
    if not found:
        raise LissomError(f"a {type(module).__name__} has no embedding of tokens", hint="--task image for pictures")
    return max(found, key=lambda layer: layer.num_embeddings)


def _read(place: Path) -> str:
    path = place / TOKENIZER if place.is_dir() else place
    if path.is_file():
        return text_of(path)
    if not place.is_dir():
        raise LissomError(f"there is no tokenizer {place}", hint="give a folder with one, or a tokenizer.json")
    return _converted(place)


def _converted(folder: Path) -> str:
    """A tokenizer of an older form, such as a vocab.txt, as transformers converts it."""
    if importlib.util.find_spec("transformers") is None:
        raise MissingExtraError("transformers", "text", f"the tokenizer in {folder}")
    from transformers import AutoTokenizer

    refusal = LissomError(
        f"{folder} has no {TOKENIZER}, and none can be made of what it has",
        hint="save it with tokenizer.save_pretrained, or name another one with --tokenizer",
    )
    try:
        found = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False).backend_tokenizer
        text = found.to_str()
    except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
        raise refusal from error
    if found.get_vocab_size(with_added_tokens=True) <= len(found.get_added_tokens_decoder()):
        raise refusal  # transformers makes a tokenizer of special tokens alone where there is no vocabulary
    return text


def _padding(tokenizer: Tokenizer, config: Any, place: Path) -> int:
    of_tokenizer = next((number for pad in PADS if (number := tokenizer.token_to_id(pad)) is not None), None)
    of_model = getattr(config, "pad_token_id", None)
    if of_tokenizer is None and of_model is None:
        raise LissomError(
            f"the tokenizer in {place} has no padding token, and the model's configuration names none",
            hint=(
                f"the tokenizer's is called {' or '.join(PADS)}",
                "config.json's is pad_token_id, any token's number",
            ),
        )
    if of_tokenizer is not None and of_model is not None and of_tokenizer != of_model:
        raise LissomError(
            f"the tokenizer in {place} pads with token {of_tokenizer}, the model was made for {of_model}",
            hint="it belongs to another model; name the right one with --tokenizer",
        )
    found = of_tokenizer if of_tokenizer is not None else of_model
    assert found is not None
    return int(found)


def _words(tokenizer: Tokenizer) -> tuple[int, ...]:
    """Tokens that are words by themselves: letters alone, not a piece that goes on a word."""
    special = {token.content for token in tokenizer.get_added_tokens_decoder().values()}
    kind = json.loads(tokenizer.to_str())["model"]["type"]
    start = "" if kind == "WordPiece" else "Ġ" if kind == "BPE" else "▁"
    return tuple(
        number
        for word, number in tokenizer.get_vocab(with_added_tokens=False).items()
        if word not in special
        and word.startswith(start)
        and len(word) > len(start) + 1
        and word[len(start) :].isalpha()
    )
