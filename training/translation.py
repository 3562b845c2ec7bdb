"""Teach a model to translate, from a random start, on the train split of sentence pairs.

    python training/translation.py DATA OUTPUT [--languages en-de] [--width 256] [--layers 3 3] [--words 6000]

DATA is a known data set, a folder, a table, or two line-aligned files as FIRST,SECOND. The vocabulary (byte pairs, both
languages in one) is learnt on its train split, or is that of a teacher with ``--tokenizer``; ``--answers`` learns what
a teacher said (JSON lines of row and tokens) instead of the references. Progress is kept in OUTPUT, so that a training
that was stopped goes on; what is written there is a folder as transformers saves a model, with a tokenizer.json.
"""

import argparse
import json
import time
from dataclasses import dataclass
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from torch import Tensor, nn
from transformers import MarianConfig, MarianMTModel

from lissom.core.files import write_text
from lissom.core.progress import Deadline, Progress
from lissom.layers.sequence_model import SequenceModel
from lissom.tasks.dividing import divide
from lissom.tasks.forcing import IGNORED
from lissom.tasks.generating import Rules
from lissom.tasks.translation.handling import Wording, Words
from lissom.tasks.translation.pairs import Pair
from lissom.tasks.translation.sources import find
from lissom.tasks.translation.split import PairSplit
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
        max_position_embeddings=256,
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


def objective(outputs: Tensor, batch: Batch, view: int) -> Tensor:
    """Cross-entropy with a tenth of the chance spread over all words (Szegedy et al. 2016, section 7)."""
    assert batch.targets is not None
    scores, targets = outputs.flatten(0, 1), batch.targets.flatten()
    return nn.functional.cross_entropy(scores, targets, ignore_index=IGNORED, label_smoothing=0.1)


def train_pairs(data: str, languages: str | None) -> list[Pair]:
    """The pairs of the train split."""
    pair = None if languages is None else tuple(languages.split("-", 1))
    part = divide(find(data, pair, download=True)).parts["train"]
    return [part.items.read(int(row)) for row in part.rows]


def split_of(rows: list[Pair], tokenizer: str, answers: dict[int, list[int]] | None = None) -> PairSplit:
    """The pairs as tokens, without those that are too long to learn from."""
    words = Words(tokenizer, tokenizer, Wording(length=LONGEST, pad=0, end=2, unknown=1))
    sources = words.read([source for source, _ in rows])
    wanted = words.answers([target for _, target in rows])
    wanted = wanted if answers is None else [answers[row] for row in range(len(rows))]
    kept = [row for row in range(len(rows)) if max(len(sources[row]), len(wanted[row]) + 1) <= LONGEST]
    names, texts = ([rows[row][side] for row in kept] for side in (0, 1))
    rules = Rules(prompt=(0,), end=2, longest=LONGEST + 1)
    return PairSplit([sources[row] for row in kept], [wanted[row] for row in kept], names, texts, rules, pad=0)


def read_answers(path: Path) -> dict[int, list[int]]:
    """What a teacher said to each row, in tokens."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return {row["row"]: row["tokens"] for row in rows}


def main(given: argparse.Namespace) -> None:
    """Train and write the model."""
    began = time.monotonic()
    rows = train_pairs(given.data, given.languages)
    if given.tokenizer is None:
        tokenizer = vocabulary([side for pair in rows for side in pair], given.words).to_str()
    else:
        tokenizer = (given.tokenizer / "tokenizer.json").read_text(encoding="utf-8")
    write_text(given.output / "tokenizer.json", tokenizer)  # students of this one can begin
    answers = None if given.answers is None else read_answers(given.answers)
    split = split_of(rows, tokenizer, answers)
    shape = Shape(given.width, given.inner, tuple(given.layers), given.heads, given.dropout)
    untrained = model(shape, Tokenizer.from_str(tokenizer).get_vocab_size(), given.seed)
    count = sum(parameter.numel() for parameter in untrained.parameters())
    print(f"{len(split)} pairs, {count / 1e6:.2f} million parameters", flush=True)
    trained = train(
        SequenceModel(untrained, split.rules.end),
        split,
        objective,
        Schedule(given.epochs, rate=given.rate, batch=given.batch, warm_up=0.15, seed=given.seed),
        checkpoint=given.output / "training.pt",
        progress=Progress(),
        deadline=Deadline(None if given.minutes is None else 60 * given.minutes),
        what="learning to translate",
    )
    finished = trained.model.half() if given.half else trained.model
    finished.config.dropout = 0.0  # it kept this training from learning by heart; a short recovery of less does not
    finished.save_pretrained(given.output)
    (given.output / "training.pt").unlink(missing_ok=True)
    print(f"{(time.monotonic() - began) / 60:.1f} minutes, written to {given.output}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", help="a known data set, a folder, a table, or FIRST,SECOND")
    parser.add_argument("output", type=Path)
    parser.add_argument("--languages", help="of source and target, such as en-de")
    parser.add_argument("--answers", type=Path, help="what a teacher said to the train split")
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
    parser.add_argument("--half", action="store_true", help="write it in half precision: as the package carries one")
    parser.add_argument("--seed", type=int, default=0)
    main(parser.parse_args())
