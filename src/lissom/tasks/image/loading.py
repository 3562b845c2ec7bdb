"""Put a model and pictures together into a workload, with everything checked before the slow part."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any

import torch
from torch import nn

from lissom.core.errors import LissomError
from lissom.core.progress import Progress
from lissom.tasks.image.augmentation import Augment, ShiftFlip, usual
from lissom.tasks.image.class_order import named_like_the_model
from lissom.tasks.image.decoding import Decoded, decode
from lissom.tasks.image.dividing import divide
from lissom.tasks.image.handling import IMAGENET_MEAN, IMAGENET_STD, Preprocessing
from lissom.tasks.image.pictures import Found
from lissom.tasks.image.sources import find
from lissom.tasks.image.split import PictureSplit
from lissom.tasks.image.task import ImageClassification, Loss, Metric, logits
from lissom.workload.models import LoadedModel, load_model
from lissom.workload.request import Request
from lissom.workload.workload import Splits, Workload

SHOWN = 20  # names listed in a note
ENLARGED = 2.0  # times that pictures are made larger before it is remarked on


@dataclass(frozen=True)
class ImageOptions:
    """What a user may say about pictures beside the model and the data.

    Args:
        size: side of the square input in pixels, or height and width.
        resize: length of the shorter side before the crop; by default as the library or the size asks.
        mean: subtracted from each channel, on the scale 0..1.
        std: what each channel is divided by.
        interpolation: of the resizing.
        channels: ``"L"`` for a model that takes one channel; by default ``"RGB"``.
        classes: names of the model's outputs in order, where the folders' alphabetical order is not it.
        augment: makes views for training; by default shifts or crops, half of them mirrored, which suits
            things but not letters and digits: see :mod:`lissom.tasks.image.augmentation`.
        loss: replaces cross entropy.
        metric: replaces accuracy.
        label_smoothing: of the cross entropy.
    """

    size: int | tuple[int, int] | None = None
    resize: int | None = None
    mean: Sequence[float] | None = None
    std: Sequence[float] | None = None
    interpolation: str | None = None
    channels: str | None = None
    classes: Sequence[str] = ()
    augment: Augment | None = None
    loss: Loss | None = None
    metric: Metric | None = None
    label_smoothing: float = 0.0


def load_image_workload(
    model: str | nn.Module, request: Request, options: dict[str, Any], progress: Progress
) -> Workload:
    """A workload of image classification.

    Raises:
        LissomError: anything about the model, the weights or the data that the user can mend.
    """
    chosen = _chosen(options)
    found = find(request.data, download=request.download, progress=progress)
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
    preprocessing, notes = choose_preprocessing(chosen, loaded, found)
    example = torch.zeros(1, preprocessing.depth, *preprocessing.crop)
    outputs = _outputs(loaded, example)
    _check_names(found, tuple(chosen.classes))
    found, classes, more = named_like_the_model(found, tuple(chosen.classes) or loaded.classes, outputs)
    decoded = decode(found.parts, preprocessing, progress)
    augment = chosen.augment or _usual_augment(found, preprocessing)
    splits = _splits(found, decoded, preprocessing, augment, request.seed)
    more = (*more, *_said(loaded, chosen, augment))
    return Workload(
        name=f"{loaded.name} on {found.name}",
        module=loaded.module,
        example=splits.test.take([0]).inputs,
        task=ImageClassification(
            outputs, label_smoothing=chosen.label_smoothing, own_loss=chosen.loss, own_metric=chosen.metric
        ),
        splits=splits,
        classes=classes,
        handling={"preprocessing": preprocessing.to_json(), "output": {"kind": "logits"}},
        labelled=found.labelled and loaded.pretrained,
        keep=request.keep,
        notes=(*loaded.notes, *notes, *more, *splits.notes),
    )


def _chosen(options: dict[str, Any]) -> ImageOptions:
    known = [field.name for field in fields(ImageOptions)]
    for name in options:
        if name not in known:
            raise LissomError(f"the task image has no option {name!r}", hint=f"it has {', '.join(known)}")
    return ImageOptions(**options)


def _asked_classes(found: Found, request: Request) -> int | None:
    """The number of outputs to build; weights tell it by themselves."""
    if not request.random_weights:
        return None
    if found.classes:
        return len(found.classes)
    labels = [part.labels for part in found.parts.values() if part.labels is not None]
    return int(max(part.max() for part in labels)) + 1 if labels else None


def choose_preprocessing(
    options: ImageOptions, loaded: LoadedModel, found: Found
) -> tuple[Preprocessing, tuple[str, ...]]:
    """What is done to a picture: as the user says, else as the library of the model says, else as is usual for
    the data set, else without a change of size where pictures are small, and 224 pixels where they are not.
    """
    if loaded.handling is not None:
        usual_one, source = dict(loaded.handling), f"the metadata of {loaded.name}"
    elif found.preprocessing is not None:
        usual_one, source = dict(found.preprocessing), f"what is usual for {found.name}"
    else:
        usual_one, source = _guess(found), "a guess (ImageNet's mean and deviation)"
    own = {
        "resize": options.resize,
        "mean": None if options.mean is None else tuple(options.mean),
        "std": None if options.std is None else tuple(options.std),
        "interpolation": options.interpolation,
        "channels": options.channels,
    }
    if options.channels == "L":
        usual_one |= {key: (sum(usual_one[key]) / len(usual_one[key]),) for key in ("mean", "std")}
    if options.size is not None:
        usual_one |= _of_size(options.size, usual_one, found)
    usual_one |= {key: value for key, value in own.items() if value is not None}
    made = Preprocessing(**usual_one)
    given = [name for name, value in (("size", options.size), *own.items()) if value is not None]
    said = f"{', '.join(given)} as given, the rest from {source}" if given else source
    return made, (f"preprocessing: {said}", *_enlarging(made, found, options))


def _enlarging(made: Preprocessing, found: Found, options: ImageOptions) -> tuple[str, ...]:
    width, height = _usual_size(found)
    if options.size is not None or made.resize is None or made.resize < ENLARGED * min(width, height):
        return ()
    what = f"pictures of {width}x{height} pixels are enlarged to a shorter side of {made.resize}"
    return (f"{what}: give the size, if the model was trained on another one",)


def _guess(found: Found) -> dict[str, Any]:
    width, height = _usual_size(found)
    usual = {"mean": IMAGENET_MEAN, "std": IMAGENET_STD}
    if max(width, height) <= 96:
        return {"crop": (height, width), **usual}
    return {"crop": (224, 224), "resize": 256, **usual}


def _of_size(size: int | tuple[int, int], usual_one: dict[str, Any], found: Found) -> dict[str, Any]:
    """Crop and resize for another input size, with the same margin as before."""
    crop = (size, size) if isinstance(size, int) else (size[0], size[1])
    if min(crop) < 1:
        raise LissomError(f"an input of {crop[0]}x{crop[1]} pixels is not possible", hint="give e.g. 224")
    if max(_usual_size(found)) <= max(crop) <= max(_usual_size(found)) + 8:
        return {"crop": crop, "resize": None}  # small pictures fit as they are, or with a narrow rim
    if usual_one.get("resize") is None:
        return {"crop": crop, "resize": min(crop)}
    return {"crop": crop, "resize": round(min(crop) * usual_one["resize"] / min(usual_one["crop"]))}


def _usual_size(found: Found) -> tuple[int, int]:
    """Width and height of the middle one of a few pictures; unreadable ones are left for later."""
    part = found.parts["train"]
    sizes: list[tuple[int, int]] = []
    for row in part.rows[:: max(1, len(part) // 9)][:9]:
        try:
            with part.pictures.read(int(row)) as picture:
                sizes.append(picture.size)
        except (OSError, ValueError, SyntaxError):
            continue
    return sorted(sizes)[len(sizes) // 2] if sizes else (224, 224)


def _outputs(loaded: LoadedModel, example: torch.Tensor) -> int:
    """Run the model once: does it take this input, and how many classes does it answer?"""
    loaded.module.eval()
    try:
        with torch.no_grad():
            answer = logits(loaded.module(example))
    except (RuntimeError, ValueError, TypeError, AssertionError, KeyError, IndexError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise LissomError(
            f"{loaded.name} cannot be run on an input of {tuple(example.shape)}: {reason[:200]}",
            hint=("give the size the model was trained at with --size", "--channels L for one channel"),
        ) from error
    if answer.ndim != 2 or answer.shape[0] != 1 or answer.shape[1] < 2:
        raise LissomError(
            f"{loaded.name} answers one picture with {tuple(answer.shape)}, not (1, classes)",
            hint="image classification needs one score for each of at least two classes",
        )
    return int(answer.shape[1])


def _splits(
    found: Found,
    decoded: dict[str, Decoded],
    preprocessing: Preprocessing,
    augment: Augment,
    seed: int,
) -> Splits:
    made = {name: _split(part, preprocessing, augment, seed) for name, part in decoded.items()}
    return Splits(made["train"], made["select"], made["test"], (*found.notes, *_unreadable(decoded)))


def _usual_augment(found: Found, preprocessing: Preprocessing) -> Augment:
    return (
        ShiftFlip(2)
        if found.name == "fashion-mnist" and max(preprocessing.crop) <= 40
        else usual(preprocessing.crop)
    )


def _split(part: Decoded, preprocessing: Preprocessing, augment: Augment, seed: int) -> PictureSplit:
    labels = None if part.listing.labels is None else torch.from_numpy(part.listing.labels)
    return PictureSplit(part.store, labels, preprocessing, augment, seed, len(part.listing))


def _check_names(found: Found, classes: tuple[str, ...]) -> None:
    missing = [name for name in found.classes if name not in classes]
    if classes and missing and not found.numbered:
        raise LissomError(
            f"the data has a class {missing[0]!r} that is not among the {len(classes)} names given",
            hint="name all outputs of the model in order, as the class folders are called",
        )


def _said(loaded: LoadedModel, options: ImageOptions, augment: Augment) -> Iterator[str]:
    if not loaded.pretrained:
        yield "random weights, as asked: agreement with the original stands in for the score"
    if options.augment is None:
        yield f"training sees {augment}"


def _unreadable(decoded: dict[str, Decoded]) -> tuple[str, ...]:
    notes: list[str] = []
    for name, part in decoded.items():
        if part.unreadable:
            shown = ", ".join(part.unreadable[:SHOWN]) + (", ..." if len(part.unreadable) > SHOWN else "")
            notes.append(f"{len(part.unreadable)} {name} pictures could not be read and were left out: {shown}")
    return tuple(notes)
