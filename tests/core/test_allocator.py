import sys

import pytest
import torch

from lissom.core import allocator
from lissom.core.allocator import freed_memory_kept

_VALUES = 12_000_000  # 48 MB: more than glibc ever keeps by itself


def faults(times: int) -> int:
    """Pages that the system gives out while a block is asked for, filled and freed so many times."""
    resource = pytest.importorskip("resource", reason="counts pages on Unix alone")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(times):
        torch.ones(_VALUES)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


@pytest.mark.skipif(allocator._glibc() is None, reason="malloc is not glibc's here")
def test_freed_memory_is_used_again() -> None:
    pages = _VALUES * 4 // 4096
    assert faults(5) > 4 * pages, "else there is nothing to gain"
    with freed_memory_kept():
        faults(20)  # until a free block has room for a new one and its alignment
        assert faults(5) < pages / 10


def test_an_error_passes_and_the_block_ends() -> None:
    with pytest.raises(KeyError), freed_memory_kept():
        raise KeyError


def test_without_glibc_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert allocator._glibc() is None
    with freed_memory_kept():
        assert torch.ones(3).sum() == 3
