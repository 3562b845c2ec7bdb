"""Examples that the report plays, with what the original and the result say of each."""

import base64
from collections.abc import Iterator

import numpy as np

from lissom.core.records import Sample, Sight
from lissom.engine.baseline import Baseline
from lissom.engine.folder import RunFolder
from lissom.engine.measuring import Answers, kept_answers
from lissom.targets.target import Artefact
from lissom.workload.workload import Playable, Split, Visible, Workload

SHOWN = 6
_AGREED = 2  # of them are examples that both answer alike


def keep_samples(original: Workload, artefact: Artefact, baseline: Baseline, folder: RunFolder) -> None:
    """Write a few examples of the test split to the ledger: first those that the result answers otherwise.

    Nothing is kept where the split can neither be played nor seen, or classes of what is played have no names.
    """
    split = original.splits.test
    if isinstance(split, Visible) and not folder.ledger.all(Sight):
        before, after = (found.outputs for found in _answers(artefact, baseline, folder, split).values())
        for curve in split.curves(before, after):
            folder.ledger.put(curve, curve.name)
        for sight in split.sights(before, after):
            folder.ledger.put(sight, sight.name)
    if not isinstance(split, Playable) or not original.classes or folder.ledger.all(Sample):
        return
    answered = _answers(artefact, baseline, folder, split)
    before, after = (answered[name].outputs.argmax(1) for name in ("original", "result"))
    targets = answered["original"].targets
    for row in _chosen(before != after, before):
        folder.ledger.put(
            Sample(
                name=split.names[row],
                media="audio/flac",
                content=base64.b64encode(split.sound(row)).decode("ascii"),
                truth="" if targets is None else original.classes[int(targets[row])],
                original=original.classes[int(before[row])],
                result=original.classes[int(after[row])],
            ),
            split.names[row],
        )


def _answers(artefact: Artefact, baseline: Baseline, folder: RunFolder, split: Split) -> dict[str, Answers]:
    """Of the original and of the result."""
    bench = baseline.bench
    result = bench.target.load(artefact.path, threads=1)
    return {
        name: kept_answers(folder.work / f"{name}-test.npz", runner, split, bench.progress, "answers on test")
        for name, runner in (("original", baseline.fast.runner), ("result", result))
    }


def _chosen(differ: np.ndarray, before: np.ndarray) -> Iterator[int]:
    """Rows spread over the examples that differ, and then over the others, of as many classes as there is room for."""
    others = np.flatnonzero(~differ)
    _, firsts = np.unique(before[others], return_index=True)
    changed = np.flatnonzero(differ)[: SHOWN - _AGREED]
    yield from changed.tolist()
    yield from others[np.sort(firsts)][: SHOWN - len(changed)].tolist()
