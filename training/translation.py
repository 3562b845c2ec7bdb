"""Teach a model to translate, from a random start, on the train split of sentence pairs.

    python training/translation.py DATA OUTPUT [--languages en-de] [--width 256] [--layers 3 3] [--words 6000]

DATA is a known data set, a folder, a table, or two line-aligned files as FIRST,SECOND. The vocabulary (byte pairs, both languages in one) is
learnt on them, or is that of a teacher with ``--tokenizer``. Progress is kept in OUTPUT, so that a training that was
stopped goes on; what is written there is a folder as transformers saves a model, with a tokenizer.json.
"""

import argparse
import time
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import MarianConfig, MarianMTModel

from lissom.core.files import write_text
from lissom.core.progress import Deadline, Progress
from lissom.tasks.translation.handling import Wording, Words
from lissom.tasks.dividing import divide
from lissom.tasks.translation.pairs import Pair
from lissom.tasks.translation.sources import find
from lissom.tasks.translation.split import NOTHING, PairSplit
from lissom.train.loop import Schedule, train
from lissom.workload.workload import Batch

PAD, UNKNOWN, END = "<pad>", "<unk>", "</s>"
LONGEST = 80  # tokens of a sentence that is learnt from


@dataclass(frozen=True)
class Shape:
    """The sizes of a model."""

    width: int = 256
    inner: int = 1024
    layers: tuple[int, int] = (3, 3)
    heads: int = 8
    dropout: float = 0.2


def vocabulary(sentences: list[str], size: int) -> Tokenizer:
    """Pieces of words of both languages in one vocabulary, by byte pairs (Sennrich et al. 2016)."""
    tokenizer = Tokenizer(models.BPE(unk_token=UNKNOWN, fuse_unk=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Replace("\u00ad", "")])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Metaspace(), pre_tokenizers.Punctuation()])
    tokenizer.decoder = decoders.Metaspace()
    trainer = trainers.BpeTrainer(vocab_size=size, special_tokens=[PAD, UNKNOWN, END], show_progress=False)
    tokenizer.train_from_iterator(sentences, trainer)
    return tokenizer


def model(shape: Shape, words: int, seed: int) -> MarianMTModel:
    """A model with random weights."""
    torch.manual_seed(seed)
    config = MarianConfig(
        vocab_size=words,
        d_model=shape.width,
        encoder_layers=shape.layers[0],
        decoder_layers=shape.layers[1],
        encoder_attention_heads=shape.heads,
        decoder_attention_heads=shape.heads,
        encoder_ffn_dim=shape.inner,
        decoder_ffn_dim=shape.inner,
        dropout=shape.dropout,
        activation_function="relu",
        max_position_embeddings=512,
        scale_embedding=True,
        pad_token_id=0,
        eos_token_id=2,
        bos_token_id=None,
        decoder_start_token_id=0,
        forced_eos_token_id=None,
    )
    made = MarianMTModel(config)
    made.generation_config.bad_words_ids = [[0]]
    made.generation_config.max_length = 128
    return made


def objective(outputs: object, batch: Batch, view: int) -> torch.Tensor:
    """Cross-entropy with a tenth of the chance spread over all words (Szegedy et al. 2016, section 7)."""
    assert batch.targets is not None
    scores = outputs.logits.flatten(0, 1)  # type: ignore[attr-defined]
    return nn.functional.cross_entropy(scores, batch.targets.flatten(), ignore_index=NOTHING, label_smoothing=0.1)


def split_of(rows: list[Pair], tokenizer: str) -> PairSplit:
    """The pairs as tokens, without those that are too long to learn from."""
    words = Words(tokenizer, tokenizer, Wording(length=LONGEST, pad=0, end=2, unknown=1))
    both = zip(words.read([a for a, _ in rows]), words.read_targets([b for _, b in rows]), strict=True)
    kept = [(a, b) for a, b in both if max(len(a), len(b)) <= LONGEST]
    return PairSplit([a for a, _ in kept], [b for _, b in kept], pad=0, start=0)


def main(given: argparse.Namespace) -> None:
    """Train and write the model."""
    began = time.monotonic()
    languages = None if given.languages is None else tuple(given.languages.split("-", 1))
    train_part = divide(find(given.data, languages, download=True)).parts["train"]
    rows = [train_part.items.read(int(row)) for row in train_part.rows]
    if given.tokenizer is None:
        tokenizer = vocabulary([side for pair in rows for side in pair], given.words).to_str()
    else:
        tokenizer = (given.tokenizer / "tokenizer.json").read_text(encoding="utf-8")
    split = split_of(rows, tokenizer)
    shape = Shape(given.width, given.inner, tuple(given.layers), given.heads, given.dropout)
    untrained = model(shape, Tokenizer.from_str(tokenizer).get_vocab_size(), given.seed)
    count = sum(parameter.numel() for parameter in untrained.parameters())
    print(f"{len(split)} pairs, {count / 1e6:.2f} million parameters", flush=True)
    trained = train(
        untrained,
        split,
        objective,
        Schedule(given.epochs, rate=given.rate, batch=given.batch, warm_up=0.15, seed=given.seed),
        checkpoint=given.output / "training.pt",
        progress=Progress(),
        deadline=Deadline(None if given.minutes is None else 60 * given.minutes),
        what="learning to translate",
    )
    trained.save_pretrained(given.output)
    write_text(given.output / "tokenizer.json", tokenizer)
    (given.output / "training.pt").unlink(missing_ok=True)
    print(f"{(time.monotonic() - began) / 60:.1f} minutes, written to {given.output}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", help="a known data set, a folder, a table, or FIRST,SECOND")
    parser.add_argument("output", type=Path)
    parser.add_argument("--languages", help="of source and target, such as en-de")
    parser.add_argument("--tokenizer", type=Path, help="a folder with the tokenizer.json to use")
    parser.add_argument("--words", type=int, default=6000, help="pieces of words in a new vocabulary")
    parser.add_argument("--width", type=int, default=256)
    parser.add_argument("--inner", type=int, default=1024)
    parser.add_argument("--layers", type=int, nargs=2, default=[3, 3], help="of encoder and decoder")
    parser.add_argument("--heads", type=int, default=8)
    parser.add_argument("--dropout", type=float, default=0.2)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--rate", type=float, default=8e-4)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--minutes", type=float, help="the time that the training may take")
    parser.add_argument("--seed", type=int, default=0)
    main(parser.parse_args())
