"""Put a model, its tokenizer and texts together into a workload, with everything checked before the slow part."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import nn

from lissom.core.errors import LissomError
from lissom.core.progress import Progress
from lissom.layers.text_model import TextModel, takes
from lissom.tasks.class_order import named_like_the_model
from lissom.tasks.dividing import divide, repeats
from lissom.tasks.listing import Found, Listing
from lissom.tasks.models import model_for
from lissom.tasks.remarks import untrained
from lissom.tasks.text.handling import TOKENIZER, Encoder, Encoding, Numbers, Texts
from lissom.tasks.text.options import TextOptions
from lissom.tasks.text.replacing import Replacing, similar_tokens
from lissom.tasks.text.sources import find
from lissom.tasks.text.split import TextSplit
from lissom.tasks.text.tables import Wanted
from lissom.tasks.text.task import TextClassification, TextRegression
from lissom.tasks.text.tokens import TYPES, Tokens, embedding_of, find_tokenizer
from lissom.workload.request import Request
from lissom.workload.workload import Splits, Workload

USUAL_LENGTH = 128
UNCUT = 1 << 20
CUT_SHARE = 0.01  # of the texts, from which on it is remarked that texts are cut
_Known = tuple[list[Numbers], list[Numbers]]
_SAME = 1e-3  # of an answer, up to which padding is said to change nothing


def load_text_workload(model: str | nn.Module, request: Request, chosen: TextOptions, progress: Progress) -> Workload:
    """A workload of text classification or regression.

    Raises:
        LissomError: anything about the model, the tokenizer or the data that the user can mend.
    """
    found = find(request.data, Wanted(tuple(chosen.text), chosen.label), download=request.download, progress=progress)
    found = divide(found, select=request.select, seed=request.seed, limit=request.limit)
    loaded = model_for(model, request, progress, data=found.name, classes_of=found)
    tokens = find_tokenizer(chosen.tokenizer, loaded)
    module = TextModel(loaded.module, tokens.pad)
    encoding, known, cut = _encoding(found, tokens, chosen, module)
    numbers, types = known
    outputs = _outputs(
        loaded.name, module, encoding.inputs(numbers[:1] + numbers[-1:], types[:1] + types[-1:], encoding.length)
    )
    shortest = min(zip(numbers, types, strict=True), key=lambda item: len(item[0]))
    encoding, odd = _filled(loaded.name, module, encoding, shortest)
    found, classes, more = _named(found, tuple(chosen.classes) or loaded.classes, outputs)
    encoder = Encoder(tokens.text, encoding)
    replacing = _replacing(module, encoder, tokens, chosen, request.seed)
    splits = _splits(found, encoder, replacing, known)
    notes = [*loaded.notes, *cut, *odd, *more, *splits.notes, *repeats(found, "texts"), *untrained(loaded)]
    return Workload(
        name=f"{loaded.name} on {found.name}",
        module=module.eval(),
        example=_example(splits.train, encoding),
        task=_task(found, chosen, outputs),
        splits=splits,
        classes=classes,
        handling={"encoding": encoding.to_json(), "output": {"kind": "logits" if outputs > 1 else "number"}},
        files={TOKENIZER: tokens.text.encode("utf-8")},
        labelled=found.labelled and loaded.pretrained,
        keep=request.keep,
        notes=tuple(notes),
        views=chosen.views if replacing is not None else 1,
    )


def _encoding(
    found: Found[Texts], tokens: Tokens, chosen: TextOptions, module: TextModel
) -> tuple[Encoding, _Known, list[str]]:
    """How long inputs are, the training texts as tokens, and what is to be said about longer ones."""
    given = _texts(found.parts["train"])
    most = tokens.longest
    if chosen.length is not None and most is not None and chosen.length > most:
        raise LissomError(
            f"a length of {chosen.length} tokens is more than the model takes", hint=f"give at most {most}"
        )
    uncut = Encoding(UNCUT, tokens.pad, len(given[0]))
    numbers, kinds = known = Encoder(tokens.text, uncut).numbers(given)
    types = tokens.types and takes(module.model, TYPES) and any(map(np.any, kinds))
    counts = np.asarray([len(item) for item in numbers])
    needed = int(-(-counts.max() // 8) * 8)
    length = chosen.length or min(needed, USUAL_LENGTH, most or USUAL_LENGTH)
    share = float((counts > length).mean())
    cut = [f"{share:.1%} of the training texts are longer than {length} tokens and are cut"]
    encoding = replace(uncut, length=length, types=types)
    if share > 0:
        known = Encoder(tokens.text, encoding).numbers(given)
    return encoding, known, cut if share > CUT_SHARE else []


def _texts(part: Listing[Texts]) -> list[Texts]:
    return [part.items.read(int(row)) for row in part.rows]


def _outputs(name: str, module: TextModel, inputs: Sequence[Numbers]) -> int:
    """Run the model once: does it take this input of two texts, and how many outputs does it have?"""
    answer = _answered(name, module.eval(), inputs)
    if answer.ndim != 2 or len(answer) != 2:
        raise LissomError(
            f"{name} answers two texts with {tuple(answer.shape)}, not (2, classes)",
            hint="an encoder alone has no classifier: fine-tune it first, and save the result",
        )
    return int(answer.shape[1])


@torch.no_grad()
def _answered(name: str, module: TextModel, inputs: Sequence[Numbers]) -> torch.Tensor:
    try:
        return module(*map(torch.from_numpy, inputs))
    except Exception as error:  # the user's own forward may raise anything
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise LissomError(
            f"{name} cannot be run on {inputs[0].shape[1]} tokens: {reason[:200]}",
            hint="its forward has to take token numbers (batch, tokens), of any length, and give (batch, classes)",
        ) from error


def _filled(
    name: str, module: TextModel, encoding: Encoding, shortest: tuple[Numbers, Numbers]
) -> tuple[Encoding, list[str]]:
    """On which side texts are filled up for a model: that where padding changes nothing of what it answers to one.

    Args:
        name: what messages call the model.
        module: the model.
        encoding: as far as it is known.
        shortest: tokens and types of the shortest text.

    Returns:
        The encoding, and what is to be said where padding changes an answer on either side.
    """
    tokens, types = ([item] for item in shortest)
    if len(shortest[0]) == encoding.length:
        return encoding, []
    alone = _answered(name, module, encoding.inputs(tokens, types))
    for side in (encoding, replace(encoding, left=True)):
        answer = _answered(name, module, side.inputs(tokens, types, encoding.length))
        if torch.allclose(answer, alone, rtol=_SAME, atol=_SAME * float(alone.abs().max())):
            return side, []
    return encoding, ["padding changes what the model answers to a text: it is not told where texts end"]


def _named(
    found: Found[Texts], names: tuple[str, ...], outputs: int
) -> tuple[Found[Texts], tuple[str, ...], tuple[str, ...]]:
    if outputs > 1:
        if any(part.labels is not None and part.labels.dtype != np.int64 for part in found.parts.values()):
            raise LissomError(
                f"the labels are numbers with fractions, the model answers {outputs} classes",
                hint="give a model with one output, or another column with --label",
            )
        return named_like_the_model(found, names, outputs)
    if found.classes:
        raise LissomError(
            f"the data has {len(found.classes)} classes, the model answers one number",
            hint="give a model with an output for each class, or another column with --label",
        )
    return found, (), ()


def _task(found: Found[Texts], chosen: TextOptions, outputs: int) -> TextClassification | TextRegression:
    metric = chosen.metric or ("accuracy" if outputs > 1 else "spearman")
    if (metric == "spearman") != (outputs == 1):
        raise LissomError(
            f"the metric {metric} does not suit a model with {outputs} outputs",
            hint="spearman is for one number, the others for classes",
        )
    if outputs == 1:
        return TextRegression(metric)
    return TextClassification(outputs, metric, chosen.label_smoothing)


def _replacing(module: TextModel, encoder: Encoder, tokens: Tokens, chosen: TextOptions, seed: int) -> Replacing | None:
    if not chosen.replaced:
        return None
    embedding = embedding_of(module.model).weight.detach().numpy()
    return Replacing(similar_tokens(embedding, tokens.words), chosen.replaced, seed)


def _splits(found: Found[Texts], encoder: Encoder, replacing: Replacing | None, known: _Known) -> Splits:
    """All splits.

    Args:
        found: the texts.
        encoder: of the model.
        replacing: what views of training texts are made with.
        known: tokens and types of the training texts, which were looked at already.
    """
    train, select, test = (found.parts[name] for name in ("train", "select", "test"))
    select, test = (_split(part, encoder, encoder.numbers(_texts(part)), None) for part in (select, test))
    return Splits(_split(train, encoder, known, replacing), select, test, found.notes)


def _split(part: Listing[Texts], encoder: Encoder, numbers: _Known, replacing: Replacing | None) -> TextSplit:
    tokens, types = numbers
    labels = None if part.labels is None else torch.from_numpy(part.labels)
    if labels is not None and labels.is_floating_point():
        labels = labels.float()
    return TextSplit(tokens, types, labels, encoder.encoding, replacing)


def _example(train: Any, encoding: Encoding) -> tuple[torch.Tensor, ...]:
    """One input of the full length without padding, out of training texts: what latency is measured with."""
    real: list[int] = []
    for item in train.tokens:
        real += item.tolist()
        if len(real) >= encoding.length:
            break
    real = (real * encoding.length)[: encoding.length]
    tokens = torch.tensor([real], dtype=torch.int64)
    return (tokens, torch.zeros_like(tokens)) if encoding.types else (tokens,)
