"""Memory that is freed stays with the process while a network learns: to ask the system for it anew takes time.

glibc gives large blocks back as soon as they are freed, and the kernel zeroes each page when it gives one out again. A
training frees blocks of the same sizes at every step and asks for them again.
"""

import ctypes
import os
import sys
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

_TRIM, _TOP_PAD, _MMAP = -1, -2, -3  # M_TRIM_THRESHOLD and so on of malloc.h
_LARGE, _LARGEST = 1 << 30, 1 << 25  # bytes; older versions refuse more than the second
_KEPT = ((_TRIM, (1 << 31) - 1), (_TOP_PAD, 1 << 26))
_USUAL = ((_MMAP, _LARGEST), (_TRIM, 1 << 26), (_TOP_PAD, 1 << 17))  # where glibc arrives once large blocks were freed


@contextmanager
def freed_memory_kept() -> Generator[None]:
    """Keep freed memory within; what is free is given back at the end, also that of one around it.

    Does nothing where malloc is not glibc's, or where the user has set it by ``MALLOC_...``.
    """
    library = _glibc()
    if library is None or any(name.startswith("MALLOC_") for name in os.environ):
        yield
        return
    if not library.mallopt(_MMAP, _LARGE) and not library.mallopt(_MMAP, _LARGEST):
        yield
        return
    for option, value in _KEPT:
        library.mallopt(option, value)
    try:
        yield
    finally:
        for option, value in _USUAL:
            library.mallopt(option, value)
        library.malloc_trim(0)


def _glibc() -> Any:
    """The C library of this process where it is glibc."""
    if not sys.platform.startswith("linux"):
        return None
    library = ctypes.CDLL(None)
    return library if hasattr(library, "gnu_get_libc_version") else None
