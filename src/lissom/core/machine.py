"""What machine this is: processor, instructions that decide what pays, versions of what was measured with."""

import os
import platform
from functools import cache
from importlib import metadata
from pathlib import Path

from lissom.core.errors import LissomError
from lissom.core.records import Machine

_TELLING = (
    "avx2",
    "fma",
    "f16c",
    "avx512f",
    "avx512_vnni",
    "avx_vnni",
    "amx_int8",
    "asimd",
    "asimddp",
    "i8mm",
)
_PACKAGES = ("lissom", "torch", "torchvision", "onnx", "onnxruntime", "numpy")


@cache
def instructions() -> frozenset[str]:
    """The vector instructions of this processor that matter for a choice of number format.

    Empty where the system does not tell.
    """
    path = Path("/proc/cpuinfo")
    if not path.exists():
        return frozenset()
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        name, _, value = line.partition(":")
        if name.strip() in ("flags", "Features"):
            return frozenset(value.split()) & frozenset(_TELLING)
    return frozenset()


def has_int8_dot_product() -> bool:
    """Whether 8-bit products are summed without saturating (VNNI on x86, dot product on ARM)."""
    return bool(instructions() & {"avx512_vnni", "avx_vnni", "amx_int8", "asimddp", "i8mm"})


def check_threads(count: int, named: str = "--threads") -> None:
    """Refuse to measure with no thread, or with more than there are cores: they would wait for each other.

    Args:
        count: of threads.
        named: the option that says it.

    Raises:
        LissomError: this machine has not so many cores.
    """
    cores = os.cpu_count() or 1
    if not 1 <= count <= cores:
        raise LissomError(
            f"{named} {count}: this machine has {cores} core{'' if cores == 1 else 's'}",
            hint=f"write {named} 1" + (f", or up to {cores}" if cores > 1 else ""),
        )


def describe() -> Machine:
    """This machine as a record."""
    versions = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return Machine(
        processor=_processor(),
        cores=os.cpu_count() or 1,
        instructions=tuple(sorted(instructions())),
        system=f"{platform.system()} {platform.machine()}",
        versions=versions,
    )


def _processor() -> str:
    path = Path("/proc/cpuinfo")
    if path.exists():
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
