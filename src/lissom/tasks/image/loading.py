"""Put a model and pictures together into a workload, with everything checked before the slow part."""

from collections.abc import Iterator

import torch
from torch import nn

from lissom.core.errors import LissomError
from lissom.core.progress import Progress
from lissom.tasks.class_order import named_like_the_model
from lissom.tasks.classification import Classification
from lissom.tasks.dividing import divide
from lissom.tasks.image.augmentation import Augment, ShiftFlip, usual
from lissom.tasks.image.choosing import choose_preprocessing
from lissom.tasks.image.decoding import Decoded, decode
from lissom.tasks.image.handling import Preprocessing
from lissom.tasks.image.options import ImageOptions
from lissom.tasks.image.sources import find
from lissom.tasks.image.split import PictureSplit
from lissom.tasks.listing import Found
from lissom.tasks.models import Wording, classes_answered, model_for
from lissom.tasks.remarks import named, untrained
from lissom.workload.models import FOLDER, LoadedModel, folder_of
from lissom.workload.request import Request
from lissom.workload.transformers_models import read_config, reads_texts
from lissom.workload.workload import Splits, Workload

WORDING = Wording(task="image classification", one="picture", given="an input")


def load_image_workload(model: str | nn.Module, request: Request, chosen: ImageOptions, progress: Progress) -> Workload:
    """A workload of image classification.

    Raises:
        LissomError: anything about the model, the weights or the data that the user can mend.
    """
    _check_task(model)
    found = find(request.data, download=request.download, progress=progress)
    found = divide(found, select=request.select, seed=request.seed, limit=request.limit)
    loaded = model_for(model, request, progress, data=found.name, classes_of=found)
    preprocessing, notes = choose_preprocessing(chosen, loaded, found)
    example = torch.zeros(1, preprocessing.depth, *preprocessing.crop)
    outputs = classes_answered(loaded, example, WORDING, hint=_hint(loaded))
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
        task=Classification(
            outputs, label_smoothing=chosen.label_smoothing, own_loss=chosen.loss, own_metric=chosen.metric
        ),
        splits=splits,
        classes=classes,
        handling={"preprocessing": preprocessing.to_json(), "output": {"kind": "logits"}},
        labelled=found.labelled and loaded.pretrained,
        keep=request.keep,
        notes=(*loaded.notes, *notes, *more, *splits.notes),
    )


def _check_task(model: str | nn.Module) -> None:
    """Refuse a model of texts before its data are taken for pictures."""
    if isinstance(model, str) and model.startswith(FOLDER) and reads_texts(read_config(folder_of(model))):
        raise LissomError(f"{model} is a model of texts, and the task is image", hint="--task text")


def _hint(loaded: LoadedModel) -> str | tuple[str, ...]:
    """What to do where the model does not take pictures of this size."""
    if any(isinstance(layer, nn.Embedding) for layer in loaded.module.modules()):
        return "--task text, if it is a model of texts"
    return "give the size the model was trained at with --size", "--channels L for one channel"


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
        ShiftFlip(2) if found.name == "fashion-mnist" and max(preprocessing.crop) <= 40 else usual(preprocessing.crop)
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
    yield from untrained(loaded)
    if options.augment is None:
        yield f"training sees {augment}"


def _unreadable(decoded: dict[str, Decoded]) -> tuple[str, ...]:
    """One note for all splits: how many pictures of each could not be read, and the first of them by name."""
    counts = {name: len(part.unreadable) for name, part in decoded.items() if part.unreadable}
    if not counts:
        return ()
    names = [name for part in decoded.values() for name in part.unreadable]
    parts = ", ".join(f"{count} of {name}" for name, count in counts.items())
    return (f"{len(names)} pictures could not be read and were left out ({parts}): {named(names)}",)
