"""Is the model told what it writes, and do the data stand the way round that it translates? Noticed before any work."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from lissom.core.errors import LissomError
from lissom.layers.sequence_model import SequenceModel
from lissom.tasks.forcing import IGNORED
from lissom.tasks.generating import Rules
from lissom.tasks.translation.handling import STRANGE, Numbers, Words
from lissom.tasks.translation.split import PairSplit
from lissom.tasks.translation.vocabulary import Vocabulary

_PAIRS = 48
_PLACES = 512  # of tokens that are judged at once, padding among them: a score of each word at each
_CLEARLY = 1.0  # nats a token by which the other way round has to be better
_Pair = tuple[Numbers, Sequence[int]]


def check_language(vocabulary: Vocabulary, rules: Rules, config: Any, name: str) -> None:
    """Refuse a model of many languages that is not told which of them it writes.

    Args:
        vocabulary: of the model; texts of such a one begin or end with a token that is their language.
        rules: how its translations begin.
        config: of the model.
        name: of the model, for the message.

    Raises:
        LissomError: nothing but the token that ends a text stands before a translation.
    """
    known = {rules.end, *(getattr(config, f"{kind}_token_id", None) for kind in ("bos", "eos", "pad"))}
    languages = [number for number in (*vocabulary.before, *vocabulary.behind) if number not in known]
    if languages and rules.prompt == (rules.end,):
        read = vocabulary.token(languages[0])
        raise LissomError(
            f"{name} knows several languages: it reads {read}, and is not told which it writes",
            hint=f"generation_config.json needs forced_bos_token_id, such as {languages[0]} for {read}",
        )


@torch.no_grad()
def check_direction(module: SequenceModel, split: PairSplit, words: Words) -> None:
    """Refuse data that the model plainly translates the other way round, or cannot read.

    Raises:
        LissomError: the model finds translations out of translations more likely than those of the data, or its
            vocabulary lacks most of the sentences.
    """
    order: list[int] = np.random.default_rng(0).permutation(len(split))[:_PAIRS].tolist()
    sentences, texts = [split.names[row] for row in order], [split.texts[row] for row in order]
    there = _whole(words.read(sentences), words.answers(texts), split, words)
    back = _whole(words.read(texts), words.answers(sentences), split, words)
    both = [row for row in range(len(order)) if there[row] is not None and back[row] is not None]
    if both:
        given, other = (_loss(module, split, [way[row] for row in both]) for way in (there, back))
        if other < given - _CLEARLY:
            raise LissomError(
                f"the data seems to be the wrong way round: the model finds {texts[both[0]][:50]!r} likelier as a "
                f"sentence than as a translation ({other:.2f} against {given:.2f} nats a token)",
                hint="exchange the two columns or files, or say --languages TARGET-SOURCE",
            )
    strange = sum(words.strange(split.sources[row]) for row in order) / len(order)
    if strange > STRANGE:
        raise LissomError(
            f"the model's vocabulary lacks most of the sentences, such as those that translate to {texts[0][:50]!r}",
            hint="it was made for another language; --tokenizer names another vocabulary",
        )


def _whole(
    sources: Sequence[Numbers], answers: Sequence[list[int]], split: PairSplit, words: Words
) -> list[_Pair | None]:
    """Pairs as tokens, ``None`` for one that would have to be cut: a part of one side is no translation."""
    room = split.rules.longest - len(split.rules.prompt) - 1
    return [
        (source, answer) if len(source) <= words.wording.length and len(answer) <= room else None
        for source, answer in zip(sources, answers, strict=True)
    ]


def _loss(module: SequenceModel, split: PairSplit, given: Sequence[_Pair | None]) -> float:
    """The mean cross entropy of a token of some answers, in nats; few are judged at once where they are long."""
    pairs = [pair for pair in given if pair is not None]
    made = replace(split, sources=[source for source, _ in pairs], answers=[answer for _, answer in pairs])
    total, count = 0.0, 0
    for rows in _groups(made.lengths):
        batch = made.take(rows)
        assert batch.targets is not None
        scores = module.eval()(*batch.inputs)
        lost = F.cross_entropy(scores.flatten(0, 1), batch.targets.flatten(), ignore_index=IGNORED, reduction="sum")
        total, count = total + float(lost), count + int((batch.targets != IGNORED).sum())
    return total / count


def _groups(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Places of examples in groups of like lengths that take so much room together, a longer one by itself."""
    group: list[int] = []
    for row in sorted(range(len(lengths)), key=lengths.__getitem__):  # so that the next one is the longest
        if group and (len(group) + 1) * lengths[row] > _PLACES:
            yield group
            group = []
        group.append(row)
    if group:
        yield group
