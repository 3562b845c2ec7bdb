"""Further teachers beside the original: loaded by name, and refused where they do not answer what it answers."""

import copy
from pathlib import Path

import torch
from torch import nn

from lissom.core.errors import LissomError
from lissom.layers.listening import puts_into_words
from lissom.layers.text_model import TextModel
from lissom.workload.models import load_model
from lissom.workload.workload import Workload, calibration_batches

_ASKED, _BATCH = 256, 64  # examples of the select split


def further(spec: str, original: Workload) -> nn.Module:
    """Another teacher, which takes what the original takes.

    Args:
        spec: ``hf:DIR`` or ``file.py:function``.
        original: the first teacher.

    Raises:
        LissomError: it reads other tokens, has other classes or has them in another order (by name, or by what it
            answers to the select split), or only guesses; or the original answers with texts.
    """
    if puts_into_words(original.module):
        raise LissomError(
            f"the teacher {spec} cannot teach beside the original: {original.name} answers with texts, and several "
            "teachers are the mean of their chances of classes",
            hint="leave teachers out; to learn from another model alone, make that the original",
        )
    loaded = load_model(spec)
    module = loaded.module
    if isinstance(original.module, TextModel):
        _check_same_tokens(spec, original)
        module = TextModel(module, original.module.pad)
    found, wanted = answer_shape(original.with_module(module)), answer_shape(original)
    if found != wanted:
        raise LissomError(f"the teacher {spec} answers {found[1:]} outputs, the original {wanted[1:]}")
    if loaded.classes and original.classes and loaded.classes != original.classes:
        same = set(loaded.classes) == set(original.classes)
        how = "has its classes in another order" if same else "has classes of other names"
        raise LissomError(
            f"the teacher {spec} {how}: {', '.join(loaded.classes[:4])}",
            hint=f"the original's are {', '.join(original.classes[:4])}: the data may have renamed them",
        )
    _check_knows(spec, module, original)
    return module


@torch.no_grad()
def _check_knows(spec: str, module: nn.Module, original: Workload) -> None:
    """The teacher's answers have to go with the labels, or where there are none with the original's answers."""
    teacher, first = (copy.deepcopy(item).eval() for item in (module, original.module))
    batches = calibration_batches(original.splits.select, examples=_ASKED, batch=_BATCH, seed=0)
    answers = torch.cat([teacher(*batch.inputs) for batch in batches])
    if original.labelled:
        true = [batch.targets for batch in batches if batch.targets is not None]
    else:
        true = [first(*batch.inputs).argmax(1) for batch in batches]
    try:
        original.task.check(answers.numpy(), torch.cat(true).numpy(), original.classes)
    except LissomError as error:
        raise LissomError(
            f"the teacher {spec} was asked as an original is, and refused: {error.message}",
            hint="give teachers of the same classes, in the same order",
        ) from error


@torch.no_grad()
def answer_shape(workload: Workload) -> tuple[int, ...]:
    """What a workload's model answers to its example, ``(1, ...)``; the model stays as it is."""
    return tuple(copy.deepcopy(workload.module).eval()(*workload.example).shape)


def _check_same_tokens(spec: str, original: Workload) -> None:
    """The teacher has to read the numbers that the original's tokenizer writes."""
    path = Path(spec.removeprefix("hf:")) / "tokenizer.json"
    ours = original.files.get("tokenizer.json")
    if path.is_file() and ours is not None and _vocabulary(path.read_bytes()) != _vocabulary(ours):
        raise LissomError(
            f"the teacher {spec} has another vocabulary than {original.name}",
            hint="a teacher of other tokens cannot read the student's: take one with the same tokenizer",
        )


def _vocabulary(tokenizer: bytes) -> dict[str, int]:
    from tokenizers import Tokenizer

    return Tokenizer.from_str(tokenizer.decode("utf-8")).get_vocab()
