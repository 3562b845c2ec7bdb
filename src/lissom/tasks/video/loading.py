"""Put a model and videos together into a workload, with everything checked before the slow part."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import nn

from lissom.core.errors import MissingExtraError
from lissom.core.progress import Progress
from lissom.tasks.class_order import named_like_the_model
from lissom.tasks.classification import Classification
from lissom.tasks.dividing import divide
from lissom.tasks.listing import Listing
from lissom.tasks.models import Wording, classes_answered, model_for
from lissom.tasks.remarks import named, untrained
from lissom.workload.models import LoadedModel
from lissom.workload.request import Request
from lissom.workload.workload import Splits, Workload
from lissom.zoo.tsm import VideoClassifier

try:
    from lissom.tasks.video.decoding import Decoded, decode
    from lissom.tasks.video.handling import IMAGENET_MEAN, IMAGENET_STD, Viewing
    from lissom.tasks.video.options import VideoOptions
    from lissom.tasks.video.sources import find
    from lissom.tasks.video.split import MIDDLE, PLACES, Drawing, Drawn, VideoSplit, look_places
    from lissom.tasks.video.workers import Workers
except ModuleNotFoundError as error:
    if (error.name or "").startswith("lissom"):
        raise
    raise MissingExtraError(error.name or "av", "video", "the task video") from error

SIZE = 224
DRAWN = 8  # other clips for each of training, where the set draws them: the original answers every one
SETTINGS = "--frames, --size, --mean and --std"
WORDING = Wording(task="video classification", one="clip", given="a clip")


def load_video_workload(model: str | nn.Module, request: Request, chosen: VideoOptions, progress: Progress) -> Workload:
    """A workload of video classification.

    Raises:
        LissomError: anything about the model, the weights or the data that the user can mend.
    """
    found = find(request.data, group=chosen.group, download=request.download, progress=progress)
    found = divide(found, select=request.select, seed=request.seed, limit=request.limit)
    loaded = model_for(model, request, progress, data=found.name, classes_of=found)
    viewing = _viewing(chosen, loaded.handling or found.preprocessing or {})
    example = torch.zeros(1, 3, viewing.frames, *viewing.crop)
    hint = f"it has to take (batch, 3, frames, height, width); {SETTINGS} say how many"
    outputs = classes_answered(loaded, example, WORDING, hint=hint)
    found, classes, more = named_like_the_model(found, tuple(chosen.classes) or loaded.classes, outputs)
    draws = isinstance(found.parts["train"].items, Drawing)
    workers = Workers()
    seen = tuple(dict.fromkeys((MIDDLE, *look_places(chosen.clips))))
    decoded = {
        name: decode(name, part, viewing, workers, progress, PLACES if name == "train" and not draws else seen)
        for name, part in found.parts.items()
    }
    workers.rest()
    made = {name: _split(part, name, viewing, chosen, request.seed, workers) for name, part in decoded.items()}
    splits = Splits(made["train"], made["select"], made["test"], (*found.notes, *_unreadable(decoded)))
    return Workload(
        name=f"{loaded.name} on {found.name}",
        module=loaded.module,
        example=splits.test.take([0]).inputs,
        task=Classification(
            outputs, label_smoothing=chosen.label_smoothing, name="video", examples="videos", settings=SETTINGS
        ),
        splits=splits,
        classes=classes,
        handling={"viewing": viewing.to_json(), "clips": chosen.clips, "output": {"kind": "logits"}},
        labelled=found.labelled and loaded.pretrained,
        keep=request.keep,
        views=DRAWN if draws else None,
        notes=(*loaded.notes, *more, *_said(loaded, chosen, viewing, draws), *splits.notes),
    )


def _viewing(chosen: VideoOptions, usual: dict[str, Any]) -> Viewing:
    """What the user says, or else what the model's library does, or what the data set is usually given."""
    size = chosen.size or usual.get("crop", (SIZE, SIZE))[0]
    eighth = round(size * 1.125)
    return Viewing(
        frames=chosen.frames,
        crop=(size, size),
        resize=chosen.resize or (eighth if chosen.size else usual.get("resize") or eighth),
        mean=tuple(chosen.mean or usual.get("mean", IMAGENET_MEAN)),
        std=tuple(chosen.std or usual.get("std", IMAGENET_STD)),
    )


def _split(part: Decoded, name: str, viewing: Viewing, chosen: VideoOptions, seed: int, workers: Workers) -> VideoSplit:
    listing = part.listing
    labels = None if listing.labels is None else torch.from_numpy(listing.labels)
    paths = [listing.items.read(int(row)) for row in listing.rows]
    train = name == "train"
    return VideoSplit(
        paths,
        listing.names(),
        labels,
        viewing,
        augmented=train,
        flip=train and chosen.flip,
        seed=seed,
        workers=workers,
        kept=part.kept,
        places=part.places,
        clips=1 if train else chosen.clips,
        draw=_draw(listing, viewing) if train else None,
    )


def _draw(listing: Listing[Path], viewing: Viewing) -> Drawn | None:
    """What draws clips like those of a listing, by position, where its set can."""
    items, rows = listing.items, listing.rows
    if not isinstance(items, Drawing):
        return None
    return lambda position, generator: items.draw(int(rows[position]), viewing, generator)


def _said(loaded: LoadedModel, chosen: VideoOptions, viewing: Viewing, draws: bool) -> Iterator[str]:
    yield from untrained(loaded)
    yield (
        f"the model sees {viewing.frames} frames of a video, from the middle of parts of equal duration, and of each "
        f"the middle {viewing.crop[0]}x{viewing.crop[1]} pixels"
    )
    if chosen.clips > 1:
        yield f"a video's answer is the mean of those to {chosen.clips} clips of it; the latency is that of one clip"
    if isinstance(loaded.module, VideoClassifier):
        yield (
            "the bundle's stream.onnx looks at one frame after the other, in FP32: it answers as the model that the "
            "artefact was made from does; an INT8 artefact rounds, and its size and latency are those of the clip form"
        )
    mirrored = ", half of them mirrored" if chosen.flip else ", none mirrored"
    others = "clips that are drawn anew over the same pictures" if draws else "other frames of each part"
    yield f"training sees {others} and other crops{mirrored}"


def _unreadable(decoded: dict[str, Decoded]) -> Iterator[str]:
    names = [name for part in decoded.values() for name in part.unreadable]
    if names:
        yield f"{len(names)} videos could not be read and were left out: {named(names)}"
