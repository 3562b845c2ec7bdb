"""The vocabularies of a model that translates: a tokenizer.json, or the SentencePiece files of Marian as tokenizers."""

import json
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers

from lissom.core.errors import LissomError, MissingExtraError
from lissom.tasks.text.handling import TOKENIZER
from lissom.tasks.text.tokens import said_beside
from lissom.tasks.translation.handling import SOURCE, TARGET

MARIAN = ("source.spm", "target.spm", "vocab.json")
UNKNOWN = "<unk>"
_NEVER = -1e6  # the score of a piece that only the other language has
_UNKNOWN_COST = 10.0  # of a letter that no piece has, below the score of the rarest piece, as sentencepiece has it
_UNIGRAM = 1  # in sentencepiece's TrainerSpec.ModelType


@dataclass(frozen=True)
class Vocabulary:
    """Both tokenizers of a model.

    Args:
        source: the text of a ``tokenizer.json`` for what is read.
        target: that for what is said; often the same.
        unknown: the number of the unknown token, if any.
        before: tokens that the first puts before those of a text.
        behind: tokens that it puts behind them.
    """

    source: str
    target: str
    unknown: int | None
    before: tuple[int, ...] = ()
    behind: tuple[int, ...] = ()

    def token(self, number: int) -> str:
        """What a token of the source is called."""
        return str(Tokenizer.from_str(self.source).id_to_token(number))


def find_vocabulary(asked: str | Path | None, folder: str | None, name: str, rows: int) -> Vocabulary:
    """The vocabulary that the user names, or the one beside the model.

    Args:
        asked: a folder, or a ``tokenizer.json``.
        folder: of the model, where it has one.
        name: of the model, for messages.
        rows: how many tokens the model has embeddings for.

    Raises:
        LissomError: there is none, it cannot be read, or it belongs to another model.
    """
    place = asked if asked is not None else folder
    if place is None:
        raise LissomError(f"{name} has no tokenizer", hint="--tokenizer names a folder with one, or a tokenizer.json")
    place = Path(place)
    path = place / TOKENIZER if place.is_dir() else place
    if path.is_file():
        texts = (_text(path),) * 2
    elif all((place / file).is_file() for file in (SOURCE, TARGET)):  # as a run writes its result
        texts = tuple(_text(place / file) for file in (SOURCE, TARGET))
    elif all((place / file).is_file() for file in MARIAN):
        texts = tuple(_of_marian(place, file) for file in MARIAN[:2])
    else:
        raise _missing(place)
    tokenizers = [_checked(text, place) for text in texts]
    count = max(tokenizer.get_vocab_size(with_added_tokens=True) for tokenizer in tokenizers)
    if count > rows:
        raise LissomError(
            f"the tokenizer in {place} has {count} tokens, {name} has embeddings for {rows}",
            hint="it belongs to another model; name the right one with --tokenizer",
        )
    before, behind = _around(tokenizers[0])
    return Vocabulary(*texts, unknown=tokenizers[0].token_to_id(UNKNOWN), before=before, behind=behind)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        folder = f"name the folder that holds {', '.join(MARIAN[:-1])} and {MARIAN[-1]}"
        hint = folder if path.suffix == ".spm" else "copy it again"
        raise LissomError(f"the tokenizer {path} is no text, as a {TOKENIZER} is", hint=hint) from error


def _around(tokenizer: Tokenizer) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The tokens that a tokenizer puts before and behind those of a text, such as that of a language."""
    found = tokenizer.encode("a")
    inside = [place for place, added in enumerate(found.special_tokens_mask) if not added]
    if not inside:
        return (), tuple(found.ids)
    return tuple(found.ids[: inside[0]]), tuple(found.ids[inside[-1] + 1 :])


def _missing(place: Path) -> LissomError:
    """What is said where there is no tokenizer, or one of Python code alone."""
    known = f"it is {TOKENIZER}, or {', '.join(MARIAN[:-1])} and {MARIAN[-1]}"
    kind = said_beside(place).get("tokenizer_class")
    if kind is None:
        return LissomError(f"there is no tokenizer in {place}", hint=known)
    return LissomError(
        f"the tokenizer in {place} is a {kind}, and none of its files can be read without the code of that class",
        hint=(known, f"write its words and rules as a {TOKENIZER} with the package tokenizers"),
    )


def _checked(text: str, place: Path) -> Tokenizer:
    try:
        return Tokenizer.from_str(text)
    except Exception as error:  # the library raises plain exceptions
        raise LissomError(f"the tokenizer in {place} cannot be read: {error}", hint="copy it again") from error


def _of_marian(folder: Path, file: str) -> str:
    """A SentencePiece model (Kudo 2018, unigrams) whose pieces are numbered by ``vocab.json``, as a ``tokenizer.json``.

    A piece that this language's model lacks is never taken, but for single letters, as Marian has it: there what the
    model calls unknown is looked up as it is. Several such letters in a row are one unknown token to Marian; here each
    is looked up.
    """
    proto: Any = _parsed(folder / file)
    if proto.trainer_spec.model_type != _UNIGRAM:
        raise LissomError(f"{folder / file} is no unigram model of SentencePiece", hint=f"save a {TOKENIZER} beside it")
    try:
        numbered = json.loads((folder / MARIAN[2]).read_text(encoding="utf-8"))
        order = sorted(numbered, key=numbered.__getitem__)
    except (ValueError, AttributeError, TypeError) as error:
        raise LissomError(f"{folder / MARIAN[2]} is damaged", hint="copy it again") from error
    if [numbered[piece] for piece in order] != list(range(len(order))) or UNKNOWN not in numbered:
        raise LissomError(f"{folder / MARIAN[2]} does not number its pieces from 0 on, {UNKNOWN} among them")
    scores = {item.piece: item.score for item in proto.pieces if item.type == item.NORMAL}
    letter = min(scores.values(), default=0.0) - _UNKNOWN_COST
    pieces = [(piece, float(scores.get(piece, letter if len(piece) == 1 else _NEVER))) for piece in order]
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=numbered[UNKNOWN], byte_fallback=False))
    steps: list[Any] = [normalizers.Replace(Regex(" {2,}"), " ")]
    if proto.normalizer_spec.precompiled_charsmap:
        steps.insert(0, normalizers.Precompiled(proto.normalizer_spec.precompiled_charsmap))
    tokenizer.normalizer = normalizers.Sequence(steps)
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    tokenizer.decoder = decoders.Metaspace(prepend_scheme="always")
    tokenizer.add_special_tokens([token for token in ("</s>", "<pad>", UNKNOWN) if token in numbered])
    return tokenizer.to_str()


def _parsed(path: Path) -> Any:
    if find_spec("sentencepiece") is None:
        raise MissingExtraError("sentencepiece", "translation", f"the tokenizer {path}")
    proto: Any = import_module("sentencepiece.sentencepiece_model_pb2").ModelProto()
    try:
        proto.ParseFromString(path.read_bytes())
    except Exception as error:  # of the library that reads it, which has no class for all
        raise LissomError(f"{path} is no model of SentencePiece", hint="copy it again") from error
    return proto
