"""Put a model and clips together into a workload, with everything checked before the slow part."""

from collections import Counter
from collections.abc import Iterator

import numpy as np
import torch
from torch import nn

from lissom.core.errors import LissomError, MissingExtraError
from lissom.core.progress import Progress
from lissom.tasks.class_order import named_like_the_model
from lissom.tasks.dividing import divide
from lissom.tasks.image.task import ImageClassification
from lissom.tasks.listing import Found
from lissom.workload.models import LoadedModel, load_model
from lissom.workload.request import Request
from lissom.workload.workload import Splits, Workload

try:
    from lissom.tasks.speech.clips import Clip
    from lissom.tasks.speech.decoding import Decoded, decode
    from lissom.tasks.speech.handling import Features
    from lissom.tasks.speech.options import SpeechOptions
    from lissom.tasks.speech.sources import find
    from lissom.tasks.speech.split import ClipSplit
except ModuleNotFoundError as error:
    if (error.name or "").startswith("lissom"):
        raise
    raise MissingExtraError(error.name or "soundfile", "speech", "the task speech") from error

MOST_HERTZ = 16000
KEPT_BYTES = 1024**3  # of features of a split that are made once
SHOWN = 20  # names listed in a note
_LOOKED_AT = 25
SETTINGS = "--rate, --seconds, --bands"


def load_speech_workload(
    model: str | nn.Module, request: Request, chosen: SpeechOptions, progress: Progress
) -> Workload:
    """A workload of keyword spotting.

    Raises:
        LissomError: anything about the model, the weights or the data that the user can mend.
    """
    found = find(request.data, speaker=chosen.speaker, download=request.download, progress=progress)
    found = divide(found, select=request.select, seed=request.seed, limit=request.limit)
    loaded = load_model(
        model,
        weights=request.weights,
        random_weights=request.random_weights,
        download=request.download,
        num_classes=_asked_classes(found, request),
        data=found.name,
        progress=progress,
    )
    features = _features(chosen, found)
    example = torch.from_numpy(features(np.zeros(features.length, dtype=np.float32)))[None]
    outputs = _outputs(loaded, example)
    found, classes, more = named_like_the_model(found, tuple(chosen.classes) or loaded.classes, outputs)
    decoded = {name: decode(name, part, features, progress) for name, part in found.parts.items()}
    made = {name: _split(part, name, features, chosen, request.seed) for name, part in decoded.items()}
    splits = Splits(made["train"], made["select"], made["test"], (*found.notes, *_remarked(decoded)))
    return Workload(
        name=f"{loaded.name} on {found.name}",
        module=loaded.module,
        example=splits.test.take([0]).inputs,
        task=ImageClassification(
            outputs, label_smoothing=chosen.label_smoothing, name="speech", examples="clips", settings=SETTINGS
        ),
        splits=splits,
        classes=classes,
        handling={"features": features.to_json(), "output": {"kind": "logits"}},
        labelled=found.labelled and loaded.pretrained,
        keep=request.keep,
        notes=(*loaded.notes, *more, *_said(loaded, chosen, features), *splits.notes),
    )


def _asked_classes(found: Found[Clip], request: Request) -> int | None:
    """The number of outputs to build; weights tell it by themselves."""
    if not request.random_weights:
        return None
    if found.classes:
        return len(found.classes)
    labels = [part.labels for part in found.parts.values() if part.labels is not None]
    return int(max(part.max() for part in labels)) + 1 if labels else None


def _features(chosen: SpeechOptions, found: Found[Clip]) -> Features:
    """As the user says; what is not said as a known data set has it, else as is usual."""
    names = ("rate", "seconds", "bands", "window_ms", "hop_ms", "mean")
    said = {name: getattr(chosen, name) for name in names if getattr(chosen, name) is not None}
    known = {**(found.preprocessing or {}), **said}
    return Features(**{"rate": min(MOST_HERTZ, _usual_rate(found)), "std": chosen.std, **known})


def _usual_rate(found: Found[Clip]) -> int:
    """The most frequent rate of some training clips; unreadable ones are left for later."""
    part = found.parts["train"]
    rates: Counter[int] = Counter()
    for row in part.rows[:: max(1, len(part) // _LOOKED_AT)][:_LOOKED_AT]:
        try:
            rates[part.items.read(int(row)).rate()] += 1
        except (LissomError, OSError):
            continue
    return rates.most_common(1)[0][0] if rates else MOST_HERTZ


def _outputs(loaded: LoadedModel, example: torch.Tensor) -> int:
    """Run the model once: does it take this input, and how many classes does it answer?"""
    loaded.module.eval()
    shape = tuple(example.shape)
    try:
        with torch.no_grad():
            answer = loaded.module(example)
    except Exception as error:  # the user's own forward may raise anything
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise LissomError(
            f"{loaded.name} cannot be run on features of {shape}: {reason[:200]}",
            hint=f"it has to take (batch, 1, bands, frames); {SETTINGS} say how many",
        ) from error
    if not isinstance(answer, torch.Tensor) or answer.ndim != 2 or len(answer) != 1 or answer.shape[1] < 2:
        told = tuple(answer.shape) if isinstance(answer, torch.Tensor) else type(answer).__name__
        raise LissomError(
            f"{loaded.name} answers one clip with {told}, not (1, classes)",
            hint="keyword spotting needs one score for each of at least two classes",
        )
    return int(answer.shape[1])


def _split(part: Decoded, name: str, features: Features, chosen: SpeechOptions, seed: int) -> ClipSplit:
    labels = None if part.listing.labels is None else torch.from_numpy(part.listing.labels)
    augmentation = chosen.augmentation if name == "train" else None
    made = ClipSplit(part.windows, part.listing.names(), labels, features, augmentation, seed)
    return made.with_kept(KEPT_BYTES)


def _said(loaded: LoadedModel, chosen: SpeechOptions, features: Features) -> Iterator[str]:
    if not loaded.pretrained:
        yield "random weights, as asked: agreement with the original stands in for the score"
    yield f"the model hears {features.seconds:g} s at {features.rate} Hz: the loudest part of a longer clip"
    if chosen.augmentation is not None:
        yield f"training sees {chosen.augmentation}"


def _remarked(decoded: dict[str, Decoded]) -> Iterator[str]:
    """Notes for all splits: clips that could not be read, and clips without sound."""
    for told, what in (("unreadable", "could not be read and were left out"), ("silent", "are silent")):
        names = [name for part in decoded.values() for name in getattr(part, told)]
        if names:
            yield f"{len(names)} clips {what}: {'; '.join(names[:SHOWN])}" + ("; ..." if len(names) > SHOWN else "")
