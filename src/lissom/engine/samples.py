"""Examples that the report plays or shows, with what the original and the result say of each."""

import base64
from collections.abc import Iterator

import numpy as np

from lissom.core.records import Sample
from lissom.engine.baseline import Baseline
from lissom.engine.folder import RunFolder
from lissom.engine.measuring import kept_answers
from lissom.targets.target import Artefact
from lissom.workload.workload import Playable, Watchable, Workload

SHOWN = 6
_AGREED = 2  # of them are examples that both answer alike


def keep_samples(original: Workload, artefact: Artefact, baseline: Baseline, folder: RunFolder) -> None:
    """Write a few examples of the test split to the ledger: first those that the result answers otherwise.

    Nothing is kept where the split can neither be played nor watched, or classes have no names.
    """
    split = original.splits.test
    if not isinstance(split, Playable | Watchable) or not original.classes or folder.ledger.all(Sample):
        return
    bench = baseline.bench
    result = bench.target.load(artefact.path, threads=1)
    answered = {
        name: kept_answers(folder.work / f"{name}-test.npz", runner, split, bench.progress, "answers on test")
        for name, runner in (("original", baseline.fast.runner), ("result", result))
    }
    before, after = (answered[name].outputs.argmax(1) for name in ("original", "result"))
    targets = answered["original"].targets
    for row in _chosen(before != after, before):
        folder.ledger.put(
            Sample(
                name=split.names[row],
                media="audio/flac" if isinstance(split, Playable) else "video/mp4",
                content=base64.b64encode(_content(split, row)).decode("ascii"),
                truth="" if targets is None else original.classes[int(targets[row])],
                original=original.classes[int(before[row])],
                result=original.classes[int(after[row])],
            ),
            split.names[row],
        )


def _content(split: Playable | Watchable, row: int) -> bytes:
    return split.sound(row) if isinstance(split, Playable) else split.film(row)


def _chosen(differ: np.ndarray, before: np.ndarray) -> Iterator[int]:
    """Rows spread over the examples that differ, and then over the others, of as many classes as there is room for."""
    others = np.flatnonzero(~differ)
    _, firsts = np.unique(before[others], return_index=True)
    changed = np.flatnonzero(differ)[: SHOWN - _AGREED]
    yield from changed.tolist()
    yield from others[np.sort(firsts)][: SHOWN - len(changed)].tolist()
