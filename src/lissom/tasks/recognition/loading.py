"""Put a model that listens and recordings together into a workload, with everything checked before the slow part."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from torch import Tensor, nn

from lissom.core.errors import LissomError, MissingExtraError
from lissom.core.files import place_of
from lissom.core.progress import Progress
from lissom.layers.sequence_runner import ModuleRunner
from lissom.tasks.damage import UNREADABLE
from lissom.tasks.dividing import divide
from lissom.tasks.generating import spoken
from lissom.tasks.listing import Found
from lissom.tasks.models import model_for
from lissom.tasks.remarks import named, untrained
from lissom.tasks.rules import unfollowed
from lissom.tasks.scripts import script_of
from lissom.tasks.text_out import TextOut
from lissom.workload.models import LoadedModel
from lissom.workload.request import Request
from lissom.workload.workload import Splits, Workload

try:
    from lissom.tasks.recognition.answering import heard
    from lissom.tasks.recognition.hearing import Heard, hear
    from lissom.tasks.recognition.listeners import Listener, listener_of
    from lissom.tasks.recognition.measure import SPACELESS, Transcripts
    from lissom.tasks.recognition.options import RecognitionOptions
    from lissom.tasks.recognition.recordings import Recording, find
    from lissom.tasks.recognition.split import RecordingSplit
    from lissom.tasks.recognition.word_errors import english_normaliser, plain
    from lissom.tasks.recognition.words import TOKENIZER
except ModuleNotFoundError as error:
    if (error.name or "").startswith("lissom"):
        raise
    raise MissingExtraError(error.name or "soundfile", "speech", "the task recognition") from error

TOLD = {
    "unreadable": "could not be read and were left out",
    "too_long": "are longer than the model hears at a time and were left out",
    "silent": "are silent",
    "clipped": "are clipped",
}


def load_recognition_workload(
    model: str | nn.Module, request: Request, chosen: RecognitionOptions, progress: Progress
) -> Workload:
    """A workload of speech recognition.

    Raises:
        LissomError: anything about the model, its tokenizer or the data that the user can mend.
    """
    found = find(request.data, download=request.download, progress=progress)
    found = divide(found, select=request.select, seed=request.seed, limit=request.limit)
    loaded = model_for(model, request, progress)
    listener = listener_of(loaded, _tokenizer(chosen, loaded), chosen, _longest(found))
    hearing = listener.features
    parts = {name: hear(name, part, hearing.rate, hearing.seconds, progress) for name, part in found.parts.items()}
    labelled = all(part.texts is not None for part in parts.values())
    splits = {name: _split(name, part, listener, progress) for name, part in parts.items()}
    measure = _measure(parts, listener)
    notes = [*loaded.notes, *found.notes, *_remarked(parts), *_said(loaded, measure, labelled, listener)]
    return Workload(
        name=f"{loaded.name} on {found.name}",
        module=listener.module.eval(),
        example=_usual(splits["train"]),
        task=TextOut(
            "recognition", listener.words, measure, "recordings", listener.blank, label_smoothing=chosen.label_smoothing
        ),
        splits=Splits(splits["train"], splits["select"], splits["test"]),
        handling={**listener.handling, "output": {"kind": "tokens"}},
        files={TOKENIZER: listener.words.text.encode("utf-8")},
        labelled=labelled and loaded.pretrained,
        keep=request.keep,
        notes=tuple(notes),
        views=1,
    )


def _longest(found: Found[Recording]) -> float:
    """Seconds of the longest recording; what cannot be read is told later."""
    longest = 0.0
    for part in found.parts.values():
        for row in part.rows:
            with contextlib.suppress(LissomError, *UNREADABLE):
                longest = max(longest, part.items.read(int(row)).clip.seconds())
    return longest


def _tokenizer(chosen: RecognitionOptions, loaded: LoadedModel) -> Path:
    place = chosen.tokenizer if chosen.tokenizer is not None else (loaded.handling or {}).get("folder")
    if place is None:
        raise LissomError(
            f"{loaded.name} has no tokenizer", hint="--tokenizer names a folder with one, or a tokenizer.json"
        )
    return place_of(place)


def _split(name: str, part: Heard, listener: Listener, progress: Progress) -> RecordingSplit:
    """A split that is learnt from its texts, or from what the model itself says where nobody wrote them down."""
    if part.texts is not None:
        return listener.split(part, [listener.words.tokens(text) for text in part.texts])
    made = listener.split(part, [[]] * len(part.sounds))
    if name != "train":
        return made
    runner = ModuleRunner(listener.module)
    answers: list[list[int]] = []
    for row in progress.track(range(len(made)), "what the original says, to be learnt", len(made)):
        inputs = [tensor.numpy() for tensor in made.take([row]).inputs]
        answers += spoken(heard(runner, inputs, listener.handling))
    return made.with_answers(answers)


def _usual(split: RecordingSplit) -> tuple[Tensor, ...]:
    """The inputs of one example whose answer is of a usual length."""
    order = np.argsort(split.lengths, kind="stable")
    return split.take([int(order[len(order) // 2])]).inputs


def _measure(parts: dict[str, Heard], listener: Listener) -> Transcripts:
    """Words without case and signs; letters for scripts without spaces."""
    texts = [text for part in parts.values() for text in part.texts or ()]
    if script_of(texts) in SPACELESS:
        return Transcripts(plain, letters=True)
    return Transcripts(english_normaliser() if listener.english else plain)


def _said(loaded: LoadedModel, measure: Transcripts, labelled: bool, listener: Listener) -> Iterator[str]:
    yield from untrained(loaded)
    if listener.rules is not None:
        yield from unfollowed(loaded.module)
    if loaded.pretrained and not labelled:
        yield "nobody wrote down what is said: agreement with the original's words stands in for the score"
    what = "letters" if measure.letters else "words"
    yield f"the score is 100 less the errors in percent of the {what}, without case and signs"
    yield f"the model hears {listener.features.seconds:g} s at a time, at {listener.features.rate} Hz"


def _remarked(parts: dict[str, Heard]) -> Iterator[str]:
    """Notes for all splits: what was left out, and what is odd."""
    for told, what in TOLD.items():
        names = [name for part in parts.values() for name in getattr(part, told)]
        if names:
            yield f"{len(names)} recordings {what}: {named(names)}"
    empty = sum(not text.strip() for part in parts.values() for text in part.texts or ())
    if empty:
        yield f"nothing is said in {empty} recordings, by their texts: each word that is heard there is an error"
