"""Fashion-MNIST (Xiao, Rasul and Vollgraf, 2017): found on disk, or fetched when that is allowed.

70,000 grey pictures of 28x28 pixels in ten classes. Files are checked by the SHA-256 of what they unpack to,
since sources compress them differently.
"""

import gzip
import hashlib
import shutil
import subprocess
import tempfile
import urllib.request
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from lissom.core.cache import cache_folder
from lissom.core.debian import said, unpack_packages
from lissom.core.errors import LissomError
from lissom.core.files import whole_file
from lissom.core.progress import Progress
from lissom.tasks.image.pictures import ArrayPictures
from lissom.tasks.listing import Found, Listing

CLASSES = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
    "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)  # fmt: skip
PREPROCESSING = {"crop": (32, 32), "mean": (0.286,) * 3, "std": (0.353,) * 3}
SELECT = 5000
PACKAGE = "dataset-fashion-mnist"
INSTALLED = Path("/usr/share/datasets/fashion-mnist")  # where Debian's package puts it
TIMEOUT_SECONDS = 10
FILES = {
    "train-images-idx3-ubyte.gz": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    "train-labels-idx1-ubyte.gz": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    "t10k-images-idx3-ubyte.gz": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    "t10k-labels-idx1-ubyte.gz": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
}


def find_fashion_mnist(*, download: bool = False, progress: Progress | None = None) -> Found:
    """The data set: 55,000 pictures to learn from, 5,000 to choose by, 10,000 for the verdict.

    Args:
        download: fetch it where it is not on disk.
        progress: shows what is waited for.

    Raises:
        LissomError: it is not on disk and may not be, or could not be, fetched.
    """
    folder = _on_disk(download, progress or Progress(enabled=False))
    images, labels, test_images, test_labels = (_read(folder / name) for name in FILES)
    order = torch.randperm(60000, generator=torch.Generator().manual_seed(0)).numpy()
    train = ArrayPictures(images, "fashion-mnist train")
    test = ArrayPictures(test_images, "fashion-mnist test")
    parts = {
        "train": Listing(train, order[SELECT:], labels[order[SELECT:]].astype(np.int64)),
        "select": Listing(train, order[:SELECT], labels[order[:SELECT]].astype(np.int64)),
        "test": Listing(test, np.arange(10000), test_labels.astype(np.int64)),
    }
    return Found("fashion-mnist", parts, CLASSES, preprocessing=PREPROCESSING)


def _on_disk(download: bool, progress: Progress) -> Path:
    cache = cache_folder() / "fashion-mnist"
    for folder in (cache, INSTALLED):
        if all((folder / name).is_file() for name in FILES):
            return folder
    if not download:
        raise LissomError(
            f"Fashion-MNIST is not in {cache}",
            hint=("--download fetches it (31 MB)", f"or copy {', '.join(FILES)} there"),
        )
    failures: list[str] = []
    sources: dict[str, Callable[[Path], None]] = {"its mirror": _from_mirror, "Debian's package": _from_debian}
    for name, fetch in sources.items():
        with (
            progress.waiting(f"fetching Fashion-MNIST (31 MB) from {name}"),
            tempfile.TemporaryDirectory() as temp,
        ):
            try:
                fetch(Path(temp))
                _keep(Path(temp), cache)
            except (OSError, subprocess.SubprocessError, LissomError) as error:
                failures.append(f"{name}: {said(error)}")
            else:
                return cache
    raise LissomError(
        f"Fashion-MNIST could not be fetched ({'; '.join(failures)})",
        hint=(f"copy {', '.join(FILES)} to {cache}", "LISSOM_CACHE names another folder than ~/.cache/lissom"),
    )


def _from_mirror(folder: Path) -> None:
    """From where torchvision downloads it."""
    from torchvision.datasets import FashionMNIST

    for name in FILES:
        url = FashionMNIST.mirrors[0] + name
        with urllib.request.urlopen(url, timeout=TIMEOUT_SECONDS) as answer, (folder / name).open("wb") as file:
            shutil.copyfileobj(answer, file)


def _from_debian(folder: Path) -> None:
    """From Debian's package."""
    root = unpack_packages([PACKAGE], folder)
    for name in FILES:
        shutil.move(root / INSTALLED.relative_to("/") / name, folder / name)


def _keep(folder: Path, cache: Path) -> None:
    """Check fetched files and copy them to the cache, each whole or not at all."""
    for name in FILES:
        _read(folder / name)
    for name in FILES:
        with whole_file(cache / name) as temporary:
            shutil.copyfile(folder / name, temporary)


def _read(path: Path) -> npt.NDArray[np.uint8]:
    """One file: images ``(n, 28, 28)`` or labels ``(n,)``."""
    try:
        data = gzip.decompress(path.read_bytes())
    except (OSError, EOFError) as error:
        raise LissomError(f"{path} is damaged: {error}", hint="remove it and run again with --download") from error
    if hashlib.sha256(data).hexdigest() != FILES[path.name]:
        raise LissomError(f"{path} is not the file of Fashion-MNIST", hint="remove it and run again with --download")
    if "images" in path.name:
        return np.frombuffer(data, np.uint8, offset=16).reshape(-1, 28, 28)
    return np.frombuffer(data, np.uint8, offset=8)
