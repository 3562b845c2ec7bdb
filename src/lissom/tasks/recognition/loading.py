"""Put a model that listens and recordings together into a workload, with everything checked before the slow part."""

import contextlib
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

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
from lissom.tasks.text_out import TextOut
from lissom.workload.models import LoadedModel
from lissom.workload.request import Request
from lissom.workload.workload import Splits, Workload

try:
    from lissom.tasks.recognition.answering import heard, places_of
    from lissom.tasks.recognition.hearing import Heard, check_memory, hear
    from lissom.tasks.recognition.listeners import Listener, listener_of
    from lissom.tasks.recognition.measure import Transcripts, spaceless
    from lissom.tasks.recognition.options import RecognitionOptions
    from lissom.tasks.recognition.recordings import Recording, find
    from lissom.tasks.recognition.split import RecordingSplit
    from lissom.tasks.recognition.word_errors import english_normaliser, english_spellings, plain
    from lissom.tasks.recognition.words import TOKENIZER, Words
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
SHOWN, COMPARED = 5, 8


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
    tokenizer, lengths = _tokenizer(chosen, loaded), _lengths(found)
    longest = max((length for part in lengths.values() for length in part), default=0.0)
    listener = listener_of(loaded, tokenizer, chosen, longest)
    hearing = listener.features
    for name, part in lengths.items():
        check_memory(name, part, hearing.rate, hearing.seconds)
    parts = {name: hear(name, part, hearing.rate, hearing.seconds, progress) for name, part in found.parts.items()}
    labelled = all(part.texts is not None for part in parts.values())
    made = _Splitter(listener, progress)
    splits = {name: made.split(name, part) for name, part in parts.items()}
    measure, notes = _measure(parts, splits["train"], listener, tokenizer if tokenizer.is_dir() else tokenizer.parent)
    notes = [
        *loaded.notes,
        *found.notes,
        *_remarked(parts),
        *made.notes,
        *_said(loaded, measure, labelled, listener),
        *_unmasked(splits["train"], listener, progress),
        *_unlearnt(parts, listener.words),
        *notes,
    ]
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


def _lengths(found: Found[Recording]) -> dict[str, list[float]]:
    """Seconds of the recordings of each part; what cannot be read is told later."""
    lengths: dict[str, list[float]] = {}
    for name, part in found.parts.items():
        lengths[name] = []
        for row in part.rows:
            with contextlib.suppress(LissomError, *UNREADABLE):
                lengths[name].append(part.items.read(int(row)).clip.seconds())
    return lengths


def _tokenizer(chosen: RecognitionOptions, loaded: LoadedModel) -> Path:
    place = chosen.tokenizer if chosen.tokenizer is not None else (loaded.handling or {}).get("folder")
    if place is None:
        raise LissomError(
            f"{loaded.name} has no tokenizer", hint="--tokenizer names a folder with one, or a tokenizer.json"
        )
    return place_of(place)


class _Splitter:
    """Makes splits, and notes what it could not take as it is."""

    def __init__(self, listener: Listener, progress: Progress) -> None:
        self._listener, self._progress = listener, progress
        self.notes: list[str] = []

    def split(self, name: str, part: Heard) -> RecordingSplit:
        """A split that is learnt from its texts, or from what the model itself says where nobody wrote them down."""
        if part.texts is not None:
            return self._written(name, part, part.texts)
        made = self._listener.split(part, [[]] * len(part.sounds))
        return made.with_answers(self._answers(made)) if name == "train" else made

    def _written(self, name: str, part: Heard, texts: Sequence[str]) -> RecordingSplit:
        """Too long texts are not learnt; those to judge by are compared whole."""
        answers, rules = [self._listener.words.tokens(text) for text in texts], self._listener.rules
        if rules is None:
            return self._listener.split(part, answers)
        room = rules.longest - len(rules.prompt) - 1
        long = [place for place, answer in enumerate(answers) if len(answer) > room]
        if not long:
            return self._listener.split(part, answers)
        names = named([part.names[place] for place in long])
        what = f"the texts of {len(long)} of {len(texts)} {name} recordings are longer than the {room} tokens that"
        if name != "train":
            self.notes.append(f"{what} the model says: {names}")
            return self._listener.split(part, [answer[:room] for answer in answers])
        kept = [place for place in range(len(answers)) if place not in long]
        if not kept:
            raise LissomError(
                f"{what} the model says: {names}", hint="max_length in generation_config.json for longer answers"
            )
        self.notes.append(f"{what} the model says and were left out: {names}")
        return self._listener.split(part.at(kept), [answers[place] for place in kept])

    def _answers(self, made: RecordingSplit) -> list[list[int]]:
        runner, answers = ModuleRunner(self._listener.module), list[list[int]]()
        for row in self._progress.track(range(len(made)), "what the original says, to be learnt", len(made)):
            inputs = [tensor.numpy() for tensor in made.take([row]).inputs]
            answers += spoken(heard(runner, inputs, self._listener.handling))
        return answers


def _usual(split: RecordingSplit) -> tuple[Tensor, ...]:
    """The inputs of one example whose answer is of a usual length; of a silent one nothing would be asked."""
    lengths = split.lengths
    told = [row for row in range(len(split)) if not split.silent(row)] or range(len(split))
    order = sorted(told, key=lambda row: lengths[row])
    return split.take([order[len(order) // 2]]).inputs


def _measure(
    parts: dict[str, Heard], train: RecordingSplit, listener: Listener, folder: Path
) -> tuple[Transcripts, list[str]]:
    """Words without case and signs, letters for scripts without spaces; and what is to be said of it."""
    texts = [text for part in parts.values() for text in part.texts or ()]
    if spaceless(texts or [listener.words(answer) for answer in train.answers]):
        return Transcripts(plain, letters=True), []
    if not listener.english:
        return Transcripts(plain), []
    spellings = english_spellings(folder)
    apart = "colour and color are two words: there is no normalizer.json beside the tokenizer, which says they are one"
    return Transcripts(english_normaliser(spellings)), [] if spellings else [apart]


def _said(loaded: LoadedModel, measure: Transcripts, labelled: bool, listener: Listener) -> Iterator[str]:
    yield from untrained(loaded)
    if listener.rules is not None:
        yield from unfollowed(loaded.module)
    if loaded.pretrained and not labelled:
        yield "nobody wrote down what is said: agreement with the original's words stands in for the score"
    what = "letters" if measure.letters else "words"
    yield f"the score is 100 less the errors in percent of the {what}, without case and signs"
    yield f"the model hears {listener.features.seconds:g} s at a time, at {listener.features.rate} Hz"


def _unmasked(train: RecordingSplit, listener: Listener, progress: Progress) -> Iterator[str]:
    """A note of what it costs that a model which learnt with a mask over the end of its window gets none."""
    if not listener.masked:
        return
    rows = range(0, len(train), max(1, len(train) // COMPARED))[:COMPARED]
    runner, other, compared = ModuleRunner(listener.module), 0, 0
    for row in progress.track(rows, "what the original says without a mask", len(rows)):
        filled = train.take([row]).inputs[0].numpy()
        bare = filled[:, : len(train.sounds[row])]
        if places_of(bare[0], listener.handling["ctc"]["steps"]):  # by itself a shorter one is no input of the model
            one, alone = (spoken(heard(runner, [array], listener.handling)) for array in (filled, bare))
            other, compared = other + (one != alone), compared + 1
    found = f": {other} of {compared} recordings of train are spelt otherwise than by themselves" if compared else ""
    yield (
        f"the model learnt with a mask over what fills its window up and gets none here{found}; a shorter window, "
        "--seconds, is filled up less"
    )


def _unlearnt(parts: dict[str, Heard], words: Words) -> Iterator[str]:
    """A note of letters that a model which spells does not know."""
    lacking = [words.lacking(text) for part in parts.values() for text in part.texts or ()]
    counts = Counter("".join(lacking))
    if counts:
        shown = ", ".join(repr(letter) for letter, _ in counts.most_common(SHOWN))
        yield (
            f"{counts.total()} characters of {sum(map(bool, lacking))} transcripts are not in the model's vocabulary "
            f"and are not learnt: {shown}{', ...' if len(counts) > SHOWN else ''}"
        )


def _remarked(parts: dict[str, Heard]) -> Iterator[str]:
    """Notes for all splits: what was left out, and what is odd."""
    for told, what in TOLD.items():
        names = [name for part in parts.values() for name in getattr(part, told)]
        if names:
            yield f"{len(names)} recordings {what}: {named(names)}"
    empty = sum(not text.strip() for part in parts.values() for text in part.texts or ())
    if empty:
        yield f"nothing is said in {empty} recordings, by their texts: each word that is heard there is an error"
