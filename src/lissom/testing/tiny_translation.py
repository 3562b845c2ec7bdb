"""A tiny Marian that learnt a made-up language of word for word, with its tokenizer and sentences, for tests."""

import copy
import json
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

if TYPE_CHECKING:
    from lissom.workload.workload import Workload

ENGLISH = ("one", "two", "three", "four", "five", "six", "seven", "eight")
GERMAN = ("eins", "zwei", "drei", "vier", "fuenf", "sechs", "sieben", "acht")
PAD, UNKNOWN, END = 0, 1, 2
SPECIAL = ("<pad>", "<unk>", "</s>")
_STEPS = 160


def pair_tokenizer() -> str:
    """A ``tokenizer.json`` of whole words of both languages."""
    from tokenizers import Tokenizer, models, pre_tokenizers

    words = {word: number for number, word in enumerate((*SPECIAL, *ENGLISH, *GERMAN))}
    made = Tokenizer(models.WordLevel(words, unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    made.add_special_tokens(list(SPECIAL))
    return made.to_str()


def draw_pairs(count: int, seed: int) -> list[tuple[str, str]]:
    """Different sentences of 3 to 6 words, and their translations."""
    random = np.random.default_rng(seed)
    found: dict[str, str] = {}
    while len(found) < count:
        words = random.integers(0, len(ENGLISH), random.integers(3, 7))
        found[" ".join(ENGLISH[word] for word in words)] = " ".join(GERMAN[word] for word in words)
    return list(found.items())


def untrained_marian(seed: int = 0, *, layers: tuple[int, int] = (1, 2), width: int = 32) -> Any:
    """A ``MarianMTModel`` of the tokenizer's words.

    Args:
        seed: of its weights.
        layers: of encoder and decoder.
        width: of its hidden states; the feed-forward layers are twice as wide.
    """
    from transformers import MarianConfig, MarianMTModel

    torch.manual_seed(seed)
    sizes: dict[str, Any] = {"encoder_layers": layers[0], "decoder_layers": layers[1], "d_model": width}
    heads: dict[str, Any] = {"encoder_attention_heads": 4, "decoder_attention_heads": 4}
    config = MarianConfig(
        vocab_size=len(SPECIAL) + len(ENGLISH) + len(GERMAN),
        encoder_ffn_dim=2 * width,
        decoder_ffn_dim=2 * width,
        dropout=0.0,
        max_position_embeddings=24,
        scale_embedding=True,
        pad_token_id=PAD,
        eos_token_id=END,
        bos_token_id=None,
        decoder_start_token_id=PAD,
        forced_eos_token_id=None,
        **sizes,
        **heads,
    )
    module = MarianMTModel(config).eval()
    module.generation_config.bad_words_ids = [[PAD]]
    module.generation_config.max_length = 16
    return module


def tiny_marian() -> Any:
    """A model that translates the made-up language, trained in seconds; each call gives a copy."""
    return copy.deepcopy(_learnt())


@cache
def _learnt() -> Any:
    module = untrained_marian()
    pairs = draw_pairs(400, 1)
    numbers = {word: number for number, word in enumerate((*SPECIAL, *ENGLISH, *GERMAN))}
    rows = [[[numbers[word] for word in side.split()] for side in pair] for pair in pairs]
    random = np.random.default_rng(2)
    optimizer = torch.optim.AdamW(module.parameters(), lr=6e-3)
    rates = torch.optim.lr_scheduler.OneCycleLR(optimizer, 6e-3, total_steps=_STEPS, pct_start=0.2)
    for _ in range(_STEPS):
        chosen = random.integers(0, len(rows), 32)
        source = _filled([[*rows[row][0], END] for row in chosen], PAD)
        before = _filled([[PAD, *rows[row][1]] for row in chosen], PAD)
        wanted = _filled([[*rows[row][1], END] for row in chosen], -100)
        scores = module(source, (source != PAD).long(), before).logits
        loss = torch.nn.functional.cross_entropy(scores.flatten(0, 1), wanted.flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        rates.step()
    return module


def _filled(rows: list[list[int]], fill: int) -> torch.Tensor:
    longest = max(map(len, rows))
    return torch.tensor([[*row, *[fill] * (longest - len(row))] for row in rows])


def tiny_translation_workload(extra: Sequence[tuple[str, str]] = (), *, count: int = 60) -> Any:
    """A translator of two and two layers with random weights, and sentences.

    Args:
        extra: pairs to learn from beside those that are drawn.
        count: pairs of each split.
    """
    from lissom.layers.sequence_model import SequenceModel
    from lissom.tasks.rules import rules_of
    from lissom.tasks.text_out import TextOut
    from lissom.tasks.translation.handling import Wording, Words
    from lissom.tasks.translation.measures import measure_of
    from lissom.tasks.translation.split import PairSplit
    from lissom.workload.workload import Splits, Workload

    module = untrained_marian(layers=(2, 2))
    words = Words(pair_tokenizer(), pair_tokenizer(), Wording(24, PAD, END, UNKNOWN))
    rules = rules_of(module)

    def split(pairs: list[tuple[str, str]]) -> PairSplit:
        sources, targets = ([pair[side] for pair in pairs] for side in (0, 1))
        return PairSplit(words.read(sources), words.answers(targets), sources, targets, rules, PAD)

    train, select, test = (split(draw_pairs(count, seed)) for seed in (1, 2, 3))
    train = split([*zip(train.names, train.texts, strict=True), *extra])
    return Workload(
        name="tiny",
        module=SequenceModel(module, rules.end).eval(),
        example=select.take([0]).inputs,
        task=TextOut("translation", words.said, measure_of(None, select.texts), "sentences"),
        splits=Splits(train, select, test),
        handling={"wording": words.wording.to_json(), "rules": rules.to_json(), "beams": 1},
    )


def write_translator(folder: Path, module: Any) -> Path:
    """A model as ``save_pretrained`` writes it, with its tokenizer."""
    folder.mkdir(parents=True, exist_ok=True)
    module.save_pretrained(folder)
    (folder / "tokenizer.json").write_text(pair_tokenizer(), encoding="utf-8")
    return folder


def write_pairs(path: Path, pairs: list[tuple[str, str]]) -> Path:
    """A JSON lines file of sentences and translations."""
    rows = [json.dumps({"source": source, "target": target}) for source, target in pairs]
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


def tiny_translator(*, learnt: bool = False) -> "Workload":
    """The made-up language with a model of random weights, or one that ``learnt`` it; a model of its own each call."""
    known = _loaded(learnt)
    return replace(known, module=copy.deepcopy(known.module))


@cache
def _loaded(learnt: bool) -> "Workload":
    import lissom

    parts = {"train": draw_pairs(120, 11), "select": draw_pairs(24, 12), "test": draw_pairs(16, 13)}
    with tempfile.TemporaryDirectory() as folder, torch.random.fork_rng(devices=[]):
        write_translator(Path(folder), tiny_marian() if learnt else untrained_marian(layers=(1, 1)))
        return lissom.load(f"hf:{folder}", data=parts, task="translation")
