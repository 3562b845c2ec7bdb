"""Which preprocessing: what the user says, what the library says, what is usual for the data, or a guess."""

from typing import Any

from lissom.core.errors import LissomError
from lissom.tasks.damage import NO_PICTURE
from lissom.tasks.image.handling import IMAGENET_MEAN, IMAGENET_STD, Preprocessing
from lissom.tasks.image.options import ImageOptions
from lissom.tasks.listing import Found
from lissom.workload.models import LoadedModel

ENLARGED = 2.0  # times that pictures are made larger before it is remarked on
SMALL = 96  # pixels: up to here pictures are left at their size


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
    if max(width, height) <= SMALL:
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
            with part.items.read(int(row)) as picture:
                sizes.append(picture.size)
        except NO_PICTURE:
            continue
    return sorted(sizes)[len(sizes) // 2] if sizes else (224, 224)
