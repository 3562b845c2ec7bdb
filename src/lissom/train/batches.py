"""The order in which a split is seen, and batches prepared one ahead of the model."""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import torch

from lissom.workload.workload import Batch, Lengthy, Split

_WINDOW = 32  # batches within which examples are put beside others of their length


def shuffled(count: int, batch: int, *, seed: int, epoch: int, lengths: Sequence[int] | None = None) -> list[list[int]]:
    """The batches of one epoch: a permutation that depends on nothing but seed and epoch.

    A last batch that is smaller than half a batch is left out: BatchNorm would read too much into it. Where
    examples have lengths, those of a batch are of about the same, so that little of it is padding.
    """
    generator = torch.Generator().manual_seed(seed * 100_003 + epoch)
    order = torch.randperm(count, generator=generator).tolist()
    if lengths is not None:
        order = _by_length(order, lengths, batch * _WINDOW)
    groups = [order[start : start + batch] for start in range(0, count, batch)]
    groups = groups[:-1] if len(groups) > 1 and len(groups[-1]) < max(2, batch // 2) else groups
    if lengths is None:
        return groups
    return [groups[number] for number in torch.randperm(len(groups), generator=generator).tolist()]


def _by_length(order: list[int], lengths: Sequence[int], window: int) -> list[int]:
    """The same order with the examples of each window sorted by length."""
    windows = [order[start : start + window] for start in range(0, len(order), window)]
    return [example for part in windows for example in sorted(part, key=lengths.__getitem__)]


def lengths_of(split: Split) -> Sequence[int] | None:
    """The lengths of a split's examples, where they differ."""
    return split.lengths if isinstance(split, Lengthy) else None


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
