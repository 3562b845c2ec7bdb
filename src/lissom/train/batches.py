"""The order in which a split is seen, and batches prepared one ahead of the model."""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import torch

from lissom.workload.workload import Batch, Split


def shuffled(count: int, batch: int, *, seed: int, epoch: int) -> list[list[int]]:
    """The batches of one epoch: a permutation that depends on nothing but seed and epoch.

    A last batch that is smaller than half a batch is left out: BatchNorm would read too much into it.
    """
    generator = torch.Generator().manual_seed(seed * 100_003 + epoch)
    order = torch.randperm(count, generator=generator).tolist()
    groups = [order[start : start + batch] for start in range(0, count, batch)]
    return groups[:-1] if len(groups) > 1 and len(groups[-1]) < max(2, batch // 2) else groups


def in_order(count: int, batch: int) -> list[list[int]]:
    """All examples, as they come."""
    return [list(range(start, min(start + batch, count))) for start in range(0, count, batch)]


def prepared(split: Split, groups: Iterable[Sequence[int]], view: int | None = None) -> Iterator[Batch]:
    """Take batches one ahead in a second thread, so that the model does not wait for pictures."""
    with ThreadPoolExecutor(max_workers=1) as reader:
        waiting = None
        for group in groups:
            coming = reader.submit(split.take, group, view=view)
            if waiting is not None:
                yield waiting.result()
            waiting = coming
        if waiting is not None:
            yield waiting.result()
