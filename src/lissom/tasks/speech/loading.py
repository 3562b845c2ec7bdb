"""Put a model and clips together into a workload, with everything checked before the slow part."""

from collections import Counter
from collections.abc import Iterator

import numpy as np
import torch
from torch import nn

from lissom.core.errors import LissomError, MissingExtraError
from lissom.core.progress import Progress
from lissom.tasks.class_order import named_like_the_model
from lissom.tasks.classification import Classification
from lissom.tasks.damage import UNREADABLE
from lissom.tasks.dividing import divide
from lissom.tasks.listing import Found
from lissom.tasks.models import Wording, classes_answered, model_for
from lissom.tasks.remarks import named, untrained
from lissom.workload.models import LoadedModel
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
_LOOKED_AT = 25
SETTINGS = "--rate, --seconds, --bands"
WORDING = Wording(task="keyword spotting", one="clip", given="features")


def load_speech_workload(
    model: str | nn.Module, request: Request, chosen: SpeechOptions, progress: Progress
) -> Workload:
    """A workload of keyword spotting.

    Raises:
        LissomError: anything about the model, the weights or the data that the user can mend.
    """
    found = find(request.data, speaker=chosen.speaker, download=request.download, progress=progress)
    found = divide(found, select=request.select, seed=request.seed, limit=request.limit)
    loaded = model_for(model, request, progress, data=found.name, classes_of=found)
    features = _features(chosen, found)
    example = torch.from_numpy(features(np.zeros(features.length, dtype=np.float32)))[None]
    hint = f"it has to take (batch, 1, bands, frames); {SETTINGS} say how many"
    outputs = classes_answered(loaded, example, WORDING, hint=hint)
    found, classes, more = named_like_the_model(found, tuple(chosen.classes) or loaded.classes, outputs)
    decoded = {name: decode(name, part, features, progress) for name, part in found.parts.items()}
    made = {name: _split(part, name, features, chosen, request.seed) for name, part in decoded.items()}
    splits = Splits(made["train"], made["select"], made["test"], (*found.notes, *_remarked(decoded)))
    return Workload(
        name=f"{loaded.name} on {found.name}",
        module=loaded.module,
        example=splits.test.take([0]).inputs,
        task=Classification(
            outputs, label_smoothing=chosen.label_smoothing, name="speech", examples="clips", settings=SETTINGS
        ),
        splits=splits,
        classes=classes,
        handling={"features": features.to_json(), "output": {"kind": "logits"}},
        labelled=found.labelled and loaded.pretrained,
        keep=request.keep,
        notes=(*loaded.notes, *more, *_said(loaded, chosen, features), *splits.notes),
    )


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
        except (LissomError, *UNREADABLE):
            continue
    return rates.most_common(1)[0][0] if rates else MOST_HERTZ


def _split(part: Decoded, name: str, features: Features, chosen: SpeechOptions, seed: int) -> ClipSplit:
    labels = None if part.listing.labels is None else torch.from_numpy(part.listing.labels)
    augmentation = chosen.augmentation if name == "train" else None
    made = ClipSplit(part.windows, part.listing.names(), labels, features, augmentation, seed)
    return made.with_kept(KEPT_BYTES)


def _said(loaded: LoadedModel, chosen: SpeechOptions, features: Features) -> Iterator[str]:
    yield from untrained(loaded)
    yield f"the model hears {features.seconds:g} s at {features.rate} Hz: the loudest part of a longer clip"
    if chosen.augmentation is not None:
        yield f"training sees {chosen.augmentation}"


def _remarked(decoded: dict[str, Decoded]) -> Iterator[str]:
    """Notes for all splits: clips that could not be read, and clips without sound."""
    for told, what in (("unreadable", "could not be read and were left out"), ("silent", "are silent")):
        names = [name for part in decoded.values() for name in getattr(part, told)]
        if names:
            yield f"{len(names)} clips {what}: {named(names)}"
