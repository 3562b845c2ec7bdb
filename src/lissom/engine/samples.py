"""Examples that the report plays or shows, with what the original and the result say of each."""

import base64
from collections.abc import Iterator

import numpy as np

from lissom.core.records import Sample, Sight
from lissom.engine.asking import asked
from lissom.engine.baseline import Baseline
from lissom.engine.folder import RunFolder
from lissom.engine.measuring import Answers, kept_answers
from lissom.targets.target import Artefact
from lissom.tasks.text_out import TextOut
from lissom.workload.codes import as_texts
from lissom.workload.workload import Playable, Split, Visible, Watchable, Worded, Workload

SHOWN = 6
RESULT = "result"  # begins the file of its answers
_AGREED = 2  # of them are examples that both answer alike


def keep_samples(original: Workload, artefact: Artefact, baseline: Baseline, folder: RunFolder) -> None:
    """Write a few examples of the test split to the ledger: first those that the result answers otherwise.

    Nothing is kept where examples can be neither played, watched, seen nor read, or answers have no words.
    """
    split = original.splits.test
    if isinstance(split, Visible) and not folder.ledger.all(Sight):
        _keep_sights(split, _answers(original, artefact, baseline, folder), folder)
    if not isinstance(split, Playable | Watchable | Worded) or folder.ledger.all(Sample):
        return
    if not original.classes and not isinstance(split, Worded):
        return
    answered = _answers(original, artefact, baseline, folder)
    before, after = (_words(original, found.outputs) for found in answered.values())
    truths = _truths(original, answered["original"])
    for row in _chosen(np.asarray(before) != np.asarray(after), np.asarray(before)):
        media, content = _content(split, row)
        sample = Sample(
            name=split.names[row],
            media=media,
            content=base64.b64encode(content).decode("ascii"),
            truth=truths[row],
            original=before[row],
            result=after[row],
        )
        folder.ledger.put(sample, f"{row} {split.names[row]}")


def _keep_sights(split: Visible, answered: dict[str, Answers], folder: RunFolder) -> None:
    before, after = (found.outputs for found in answered.values())
    for record in (*split.curves(before, after), *split.sights(before, after)):
        folder.ledger.put(record, record.name)


def _words(workload: Workload, outputs: np.ndarray) -> list[str]:
    """What outputs say: a text each, or the name of a class."""
    if isinstance(workload.task, TextOut):
        return workload.task.texts(outputs)
    return [workload.classes[int(place)] for place in outputs.argmax(1)]


def _truths(workload: Workload, original: Answers) -> list[str]:
    """What should have been said; nothing where that is not known."""
    if original.targets is None:
        return [""] * len(original.outputs)
    if isinstance(workload.task, TextOut):
        return as_texts(original.targets)
    return [workload.classes[int(place)] for place in original.targets]


def _content(split: Split, row: int) -> tuple[str, bytes]:
    """The kind of media that an example is for people, and its file; nothing for one that is read."""
    if isinstance(split, Playable):
        return "audio/flac", split.sound(row)
    return ("video/mp4", split.film(row)) if isinstance(split, Watchable) else ("", b"")


def _answers(original: Workload, artefact: Artefact, baseline: Baseline, folder: RunFolder) -> dict[str, Answers]:
    """What the original and the result answer to the test split."""
    bench, split = baseline.bench, original.splits.test
    result = asked(bench.target.load(artefact.path, threads=1), original)
    return {
        name: kept_answers(folder.work / f"{name}-test.npz", runner, split, bench.progress, "answers on test")
        for name, runner in (("original", baseline.fast.runner), (RESULT, result))
    }


def _chosen(differ: np.ndarray, before: np.ndarray) -> Iterator[int]:
    """Rows spread over the examples that differ, and then over the others, of as many classes as there is room for."""
    others = np.flatnonzero(~differ)
    _, firsts = np.unique(before[others], return_index=True)
    changed = np.flatnonzero(differ)[: SHOWN - _AGREED]
    yield from changed.tolist()
    yield from others[np.sort(firsts)][: SHOWN - len(changed)].tolist()
