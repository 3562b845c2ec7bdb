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

PADS = ("[PAD]", "<pad>", "<|pad|>", "[pad]")


@dataclass(frozen=True)
class Tokens:
    """A tokenizer that belongs to a model.

    Args:
        text: of its ``tokenizer.json``.
        pad: the number of the padding token.
        longest: the most tokens that the model takes, ``None`` where nothing limits it.
        types: whether the model tells the texts of a pair apart by token types.
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
    positions = getattr(config, "max_position_embeddings", None)
    # RoBERTa and its like count positions from behind the padding token's number
    offset = pad + 1 if getattr(config, "model_type", "") in ("roberta", "xlm-roberta", "camembert") else 0
    return Tokens(
        text=text,
        pad=pad,
        longest=None if positions is None else int(positions) - offset,
        types=getattr(config, "type_vocab_size", 0) > 1,
        words=_words(tokenizer),
    )


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
        raise LissomError(f"the tokenizer in {place} has no padding token", hint=f"it is called {' or '.join(PADS)}")
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
