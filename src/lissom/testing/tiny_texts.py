"""A tiny BERT with its tokenizer and made-up sentences: everything of a workload of texts that tests can afford."""

import copy
import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from lissom.layers.text_model import TextModel
from lissom.tasks.text.handling import TOKENIZER, Encoder, Encoding, Texts
from lissom.tasks.text.split import TextSplit
from lissom.tasks.text.task import TextClassification
from lissom.train.loop import Schedule, train
from lissom.workload.workload import Batch, Splits, Workload

SENTIMENTS = ("negative", "positive")
GOOD = ("brave", "bright", "fresh", "funny", "grand", "lovely", "moving", "sharp")
BAD = ("bland", "clumsy", "dull", "flat", "grim", "messy", "stale", "weak")
PLAIN = ("a", "actor", "and", "camera", "film", "in", "is", "music", "of", "plot", "scene", "story", "the", "this")
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
ENCODING = Encoding(16, pad=0)
TEXT_SIZES = {"train": 400, "select": 120, "test": 120}


def tokenizer_text() -> str:
    """A ``tokenizer.json``: whole words, as BERT frames one text or two."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    words = {word: number for number, word in enumerate((*SPECIAL, *GOOD, *BAD, *PLAIN))}
    made = Tokenizer(models.WordPiece(words, unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer()
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.add_special_tokens(list(SPECIAL))
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", words["[CLS]"]), ("[SEP]", words["[SEP]"])],
    )
    return made.to_str()


def draw_texts(count: int, seed: int) -> tuple[list[Texts], np.ndarray]:
    """Sentences of 3 to 12 words whose words of one kind outnumber the other's, and their labels."""
    random = np.random.default_rng(seed)
    texts: list[Texts] = []
    labels = random.permutation(np.arange(count) % 2)
    for label in labels:
        told, other = (GOOD, BAD) if label else (BAD, GOOD)
        words = [*random.choice(told, 2), *random.choice(other, random.integers(0, 2))]
        words += list(random.choice(PLAIN, random.integers(1, 10)))
        texts.append((" ".join(random.permutation(words)),))
    return texts, labels.astype(np.int64)


def text_split(texts: Sequence[Texts], labels: np.ndarray, encoding: Encoding = ENCODING) -> TextSplit:
    """Texts as a split."""
    tokens, types = Encoder(tokenizer_text(), encoding).numbers(texts)
    return TextSplit(tokens, types, torch.from_numpy(labels), encoding)


@cache
def text_splits() -> Splits:
    """The splits of :func:`tiny_text_workload`."""
    first, second, third = (text_split(*draw_texts(size, seed)) for seed, size in enumerate(TEXT_SIZES.values()))
    return Splits(first, second, third)


def fresh_bert(seed: int = 0, *, layers: int = 2, hidden: int = 32, inner: int = 64, classes: int = 2) -> Any:
    """An untrained BERT of transformers for the words of the sentences; the global random state stays."""
    from transformers import BertConfig, BertForSequenceClassification

    config = BertConfig(
        vocab_size=len(SPECIAL) + len(GOOD) + len(BAD) + len(PLAIN),
        hidden_size=hidden,
        num_hidden_layers=layers,
        num_attention_heads=4,
        intermediate_size=inner,
        max_position_embeddings=24,
    )
    config.num_labels = classes
    if classes == len(SENTIMENTS):
        config.id2label = dict(enumerate(SENTIMENTS))
        config.label2id = {name: number for number, name in enumerate(SENTIMENTS)}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return BertForSequenceClassification(config).eval()


@cache
def _trained() -> nn.Module:
    task = TextClassification(len(SENTIMENTS))

    def objective(outputs: Any, batch: Batch, view: int) -> Tensor:
        assert batch.targets is not None
        return task.loss(outputs, batch.targets)

    model = TextModel(fresh_bert(), ENCODING.pad)
    with torch.enable_grad():
        return train(model, text_splits().train, objective, Schedule(epochs=8, rate=4e-3, batch=32))


def trained_bert() -> TextModel:
    """A tiny BERT that was trained on the sentences; a copy of its own for each call."""
    found = copy.deepcopy(_trained())
    assert isinstance(found, TextModel)
    return found


def tiny_text_workload(module: nn.Module | None = None) -> Workload:
    """Sentences with ``module``, by default the trained BERT."""
    splits = text_splits()
    return Workload(
        name="tiny texts",
        module=trained_bert() if module is None else module,
        example=splits.test.take([0]).inputs,
        task=TextClassification(len(SENTIMENTS)),
        splits=splits,
        classes=SENTIMENTS,
        handling={"encoding": ENCODING.to_json(), "output": {"kind": "logits"}},
        files={TOKENIZER: tokenizer_text().encode("utf-8")},
        views=1,
    )


def write_text_model(folder: Path, model: Any = None) -> Path:
    """The trained BERT and its tokenizer in ``folder``, as transformers saves them."""
    folder.mkdir(parents=True, exist_ok=True)
    given: Any = trained_bert().model if model is None else model
    given.save_pretrained(folder)
    (folder / TOKENIZER).write_text(tokenizer_text(), encoding="utf-8")
    return folder


def write_texts(path: Path, count: int = 300, seed: int = 5) -> Path:
    """Sentences with the names of their sentiments as CSV or JSON lines, by the ending of ``path``."""
    texts, labels = draw_texts(count, seed)
    rows = [(text, SENTIMENTS[label]) for (text,), label in zip(texts, labels, strict=True)]
    if path.suffix == ".jsonl":
        lines = [json.dumps({"text": text, "label": label}) for text, label in rows]
    else:
        lines = ["text,label", *(f"{text},{label}" for text, label in rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path
