"""Put a codec and films together into a workload, with everything checked before the slow part."""

from pathlib import Path

import numpy as np
from torch import nn

from lissom.core.errors import LissomError, MissingExtraError
from lissom.core.progress import Progress
from lissom.tasks.dividing import divide
from lissom.tasks.listing import Found
from lissom.tasks.models import model_for
from lissom.workload.request import Request
from lissom.workload.workload import Splits, Workload
from lissom.zoo.codec import Codec

try:
    from lissom.tasks.codec.options import CodecOptions
    from lissom.tasks.codec.sources import find
    from lissom.tasks.codec.split import CodecSplit, coded_split
    from lissom.tasks.codec.task import VideoCompression
    from lissom.tasks.codec.windows import LENGTH, SIDE, make_windows
except ModuleNotFoundError as error:
    if (error.name or "").startswith("lissom"):
        raise
    raise MissingExtraError(error.name or "av", "codec", "the task codec") from error

KEPT = ("hyperprior.*", "log_gain*", "log_inverse_gain*")
# Layers of the encoder's blocks: the way around them leads to the latents, and one of 256 levels is too coarse there.
INT8_LAYERS = tuple(f"*analysis.*.{layer}*" for layer in ("depthwise", "expand", "project"))
SHARES = {"train": 1.0, "select": 0.05, "test": 0.05}  # windows judged by are coded at every quality
JUDGED = 12  # frames of a window that is judged by, in which errors add up
_LEAST = 4
_QUICK = 64  # examples of the quick mode that a window stands for


def load_codec_workload(model: str | nn.Module, request: Request, chosen: CodecOptions, progress: Progress) -> Workload:
    """A workload of video compression.

    Raises:
        LissomError: anything about the model, the weights or the data that the user can mend.
    """
    found = divide(
        find(request.data, download=request.download, progress=progress), select=request.select, seed=request.seed
    )
    loaded = model_for(model, request, progress, data="clips")
    module = loaded.module.eval()
    if not isinstance(module, Codec):
        raise LissomError(f"{loaded.name} is no codec", hint="zoo:codec and zoo:codec_small are")
    if not loaded.pretrained:
        raise LissomError(f"{loaded.name} has random weights: what it decodes is noise", hint="--weights FILE")
    latents = module.log_gain.out_features
    made = {name: _coded(module, found, name, latents, request, chosen, progress) for name in SHARES}
    splits = Splits(made["train"], made["select"], made["test"], found.notes)
    return Workload(
        name=f"{loaded.name} on {found.name}",
        module=module,
        example=splits.test.take([1]).inputs,
        task=VideoCompression(),
        splits=splits,
        handling={"latents": latents},
        keep=(*KEPT, *request.keep),
        notes=(*loaded.notes, *_said(made), *splits.notes),
        views=1,
        int8_layers=INT8_LAYERS,
    )


def _coded(
    module: Codec,
    found: Found[Path],
    name: str,
    latents: int,
    request: Request,
    chosen: CodecOptions,
    progress: Progress,
) -> CodecSplit:
    part = found.parts[name]
    paths = [part.items.read(int(row)) for row in part.rows]
    count = max(_LEAST, round(chosen.windows * SHARES[name]))
    if request.limit is not None:
        count = min(count, max(_LEAST, request.limit // _QUICK))
    seed = request.seed + list(SHARES).index(name)
    length = LENGTH if name == "train" else JUDGED
    windows = make_windows(paths, count, length=length, seed=seed, progress=progress)
    what = f"coding {name} windows with the original"
    return coded_split(module, windows, latents=latents, every=name != "train", seed=seed, progress=progress, what=what)


def _said(made: dict[str, CodecSplit]) -> list[str]:
    sizes = ", ".join(f"{name} {len(np.unique(split.rows))}" for name, split in made.items())
    return [
        f"windows of {SIDE}x{SIDE} pixels ({sizes}): a key frame and those predicted from what was decoded before",
        f"a window has {LENGTH} frames, one that is judged by {JUDGED}, where each codec predicts from its own frames",
        "the score is minus the BD-rate against the original in percent (PSNR of luma and chroma weighed 6:1:1)",
        "latents are rounded as in a stream; bits are what the entropy model says, not counted in a file",
        "INT8, where it is kept, is in the encoder's blocks alone: the rest is deployed in whole numbers and in FP32",
        "the entropy model and the gains keep their widths, and learn along: a model reads its own streams",
    ]
