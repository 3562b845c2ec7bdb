import os
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
def test_freed_memory_is_used_again(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("MALLOC_")]:
        monkeypatch.delenv(name)
    before = faults(5)
    if before < 100:
        pytest.skip("the system gives memory out in large pages here: there is nothing to gain")
    with freed_memory_kept():
        faults(20)  # until a free block has room for a new one and its alignment
        assert faults(5) < before / 10


def test_an_error_passes_and_the_block_ends() -> None:
    with pytest.raises(KeyError), freed_memory_kept():
        raise KeyError


def test_without_glibc_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert allocator._glibc() is None
    with freed_memory_kept():
        assert torch.ones(3).sum() == 3
