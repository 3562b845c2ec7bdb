"""Is the model told what it writes, and do the data stand the way round that it translates? Noticed before any work."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from lissom.core.errors import LissomError
from lissom.layers.sequence_model import SequenceModel
from lissom.tasks.forcing import IGNORED
from lissom.tasks.generating import Rules
from lissom.tasks.translation.handling import STRANGE, Numbers, Words, cut_to
from lissom.tasks.translation.split import PairSplit
from lissom.tasks.translation.vocabulary import Vocabulary

_PAIRS = 48
_CLEARLY = 1.0  # nats a token by which the other way round has to be better


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
    sources = [split.sources[row] for row in order]
    sentences, texts = [split.names[row] for row in order], [split.texts[row] for row in order]
    given = _loss(module, split, sources, [split.answers[row] for row in order])
    room = split.rules.longest - len(split.rules.prompt) - 1
    swapped = [tokens[:room] for tokens in words.answers(sentences)]
    other = _loss(module, split, [cut_to(tokens, words.wording) for tokens in words.read(texts)], swapped)
    if other < given - _CLEARLY:
        raise LissomError(
            f"the data seems to be the wrong way round: the model finds {texts[0][:50]!r} likelier as a sentence than "
            f"as a translation ({other:.2f} against {given:.2f} nats a token)",
            hint="exchange the two columns or files, or say --languages TARGET-SOURCE",
        )
    strange = sum(words.strange(tokens) for tokens in sources) / len(sources)
    if strange > STRANGE:
        raise LissomError(
            f"the model's vocabulary lacks most of the sentences, such as those that translate to {texts[0][:50]!r}",
            hint="it was made for another language; --tokenizer names another vocabulary",
        )


def _loss(
    module: SequenceModel, split: PairSplit, sources: Sequence[Numbers], answers: Sequence[Sequence[int]]
) -> float:
    """The mean cross entropy of a token of some answers, in nats."""
    pairs = replace(split, sources=sources, answers=answers)
    batch = pairs.take(range(len(pairs)))
    assert batch.targets is not None
    scores = module.eval()(*batch.inputs)
    return float(F.cross_entropy(scores.flatten(0, 1), batch.targets.flatten(), ignore_index=IGNORED))
