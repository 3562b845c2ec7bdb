"""Put a model, its vocabularies and sentence pairs together into a workload, with everything checked first."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import nn

from lissom.core.errors import LissomError
from lissom.core.progress import Progress
from lissom.layers.sequence_model import SequenceModel
from lissom.tasks.dividing import divide
from lissom.tasks.generating import Rules
from lissom.tasks.listing import Listing
from lissom.tasks.models import model_for
from lissom.tasks.remarks import untrained
from lissom.tasks.rules import rules_of, unfollowed
from lissom.tasks.text.tokens import embedding_of
from lissom.tasks.text_out import TextOut
from lissom.tasks.translation.directions import check_direction, check_language
from lissom.tasks.translation.handling import SOURCE, TARGET, Numbers, Wording, Words, cut_to
from lissom.tasks.translation.measures import measure_of
from lissom.tasks.translation.options import TranslationOptions
from lissom.tasks.translation.pairs import Pair
from lissom.tasks.translation.sources import find
from lissom.tasks.translation.split import PairSplit
from lissom.tasks.translation.vocabulary import Vocabulary, find_vocabulary
from lissom.workload.models import LoadedModel
from lissom.workload.request import Request
from lissom.workload.workload import Splits, Workload

USUAL_LENGTH = 128
_WHOLE = 1 << 20
_TIMED = 8  # sentences: of one alone it would decide how long two answers to it happen to be


def load_translation_workload(
    model: str | nn.Module, request: Request, chosen: TranslationOptions, progress: Progress
) -> Workload:
    """A workload of translation.

    Raises:
        LissomError: anything about the model, its vocabularies or the data that the user can mend.
    """
    found = find(request.data, chosen.pair(), download=request.download, progress=progress)
    found = divide(found, select=request.select, seed=request.seed, limit=request.limit)
    loaded = model_for(model, request, progress, data=found.name)
    config = _config_of(loaded)
    rules = rules_of(loaded.module)
    rows = embedding_of(loaded.module).num_embeddings
    vocabulary = find_vocabulary(chosen.tokenizer, (loaded.handling or {}).get("folder"), loaded.name, rows)
    check_language(vocabulary, rules, config, loaded.name)
    wording = _wording(vocabulary, rules, config)
    words = Words(vocabulary.source, vocabulary.target, wording)
    train = found.parts["train"]
    read = words.read([train.items.read(int(row))[0] for row in train.rows])
    wording, rules = _lengths(read, wording, rules, chosen, config)
    words = Words(vocabulary.source, vocabulary.target, wording)
    made = _Splitter(words, rules)
    train = made.split(train, "train", read)
    select, test = (made.split(found.parts[name], name) for name in ("select", "test"))
    module = SequenceModel(loaded.module, rules.end).eval()
    if loaded.pretrained:
        check_direction(module, select, words)
    measure = measure_of(chosen.metric, select.texts)
    timed = _timed(select)
    return Workload(
        name=f"{loaded.name} on {found.name}",
        module=module,
        example=timed[0],
        timed=tuple(timed),
        task=TextOut(
            "translation",
            words.said,
            measure,
            "sentences",
            label_smoothing=chosen.label_smoothing,
            temperature=chosen.temperature,
        ),
        splits=Splits(train, select, test, found.notes),
        handling={
            "wording": wording.to_json(),
            "rules": rules.to_json(),
            "beams": chosen.beams,
            "output": {"kind": "tokens"},
        },
        files={SOURCE: vocabulary.source.encode("utf-8"), TARGET: vocabulary.target.encode("utf-8")},
        labelled=loaded.pretrained,
        keep=request.keep,
        views=1,
        notes=(
            *loaded.notes,
            f"score: {measure.signature}",
            *unfollowed(loaded.module),
            *found.notes,
            *made.notes,
            *untrained(loaded),
        ),
    )


def _config_of(loaded: LoadedModel) -> Any:
    config: Any = getattr(loaded.module, "config", None)
    if not getattr(config, "is_encoder_decoder", False) or not hasattr(config, "vocab_size"):
        raise LissomError(
            f"{loaded.name} is no encoder-decoder of texts: a {type(loaded.module).__name__}",
            hint="models like Marian of transformers translate: hf:DIR, as save_pretrained wrote it",
        )
    if getattr(config, "pad_token_id", None) is None:
        raise LissomError(f"the configuration of {loaded.name} names no padding token", hint="it is pad_token_id")
    return config


def _wording(vocabulary: Vocabulary, rules: Rules, config: Any) -> Wording:
    """How sentences become tokens, as long as they are."""
    learnt = vocabulary.before == (getattr(config, "bos_token_id", None),) and rules.prompt[-1:] != vocabulary.before
    return Wording(
        _WHOLE,
        pad=int(config.pad_token_id),
        end=rules.end,
        unknown=vocabulary.unknown,
        before=vocabulary.before,
        behind=vocabulary.behind,
        opening=vocabulary.before if learnt else (),
    )


def _lengths(
    read: Sequence[Numbers], wording: Wording, rules: Rules, chosen: TranslationOptions, config: Any
) -> tuple[Wording, Rules]:
    """How long sentences and translations may be, by the training sentences."""
    positions = getattr(config, "max_position_embeddings", None)
    most = min(value for value in (positions, _WHOLE) if value is not None)
    if chosen.length is not None and chosen.length > most:
        raise LissomError(
            f"a length of {chosen.length} tokens is more than the model takes", hint=f"give at most {most}"
        )
    needed = int(-(-max(map(len, read)) // 8) * 8)
    length = chosen.length or min(max(needed, 16), USUAL_LENGTH, most)
    return replace(wording, length=length), replace(rules, longest=min(rules.longest, most))


class _Splitter:
    """Makes splits, and notes what it could not take as it is."""

    def __init__(self, words: Words, rules: Rules) -> None:
        self._words, self._rules = words, rules
        self.notes: list[str] = []

    def split(self, part: Listing[Pair], name: str, read: Sequence[Numbers] | None = None) -> PairSplit:
        """Too long pairs are left out of train; to judge by, their sentences are cut at their end.

        Args:
            part: the pairs.
            name: of the split.
            read: the tokens of their sentences, where they are known.
        """
        wording = self._words.wording
        rows = [part.items.read(int(row)) for row in part.rows]
        sources = self._words.read([source for source, _ in rows]) if read is None else read
        answers = self._words.answers([target for _, target in rows])
        room = self._rules.longest - len(self._rules.prompt) - 1
        long = [len(a) > wording.length or len(b) > room for a, b in zip(sources, answers, strict=True)]
        if any(long):
            done = "left out" if name == "train" else "cut at their end"
            self.notes.append(f"{sum(long)} of {len(rows)} pairs of {name} are too long and were {done}")
        kept = [place for place, too_long in enumerate(long) if not (too_long and name == "train")]
        if not kept:
            raise LissomError(
                f"all {len(rows)} pairs of {name} are too long: the model reads {wording.length} tokens of a sentence, "
                f"and says {room} of its translation",
                hint="--length for longer sentences; max_length in generation_config.json for longer translations",
            )
        return PairSplit(
            [cut_to(sources[place], wording) for place in kept],
            [answers[place][:room] for place in kept],
            [rows[place][0] for place in kept],
            [rows[place][1] for place in kept],
            self._rules,
            wording.pad,
        )


def _timed(select: PairSplit) -> list[tuple[torch.Tensor, ...]]:
    """Sentences of the usual length, that in the middle first: what latency is measured with."""
    lengths = np.asarray([len(source) for source in select.sources])
    order, middle = np.argsort(lengths, kind="stable"), len(lengths) // 2
    near = sorted(range(len(order)), key=lambda place: abs(place - middle))[:_TIMED]
    return [select.take([int(order[place])]).inputs for place in near]
