"""Examples that the report plays or shows, with what the original and the result say of each."""

import base64
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from lissom.core.records import Sample, Sight
from lissom.engine.asking import asked
from lissom.engine.baseline import Baseline
from lissom.engine.folder import RunFolder
from lissom.engine.measuring import Answers, grades, kept_answers
from lissom.targets.target import Artefact
from lissom.tasks.text_out import TextOut
from lissom.workload.codes import as_texts
from lissom.workload.workload import Playable, Split, Visible, Watchable, Worded, Workload

SHOWN = 6
Rows = npt.NDArray[np.int64]
RESULT = "result"  # begins the file of its answers
_AGREED = 2  # of them are examples that both answer alike
_LOST = 3  # of the others, before those that the result gains by


def keep_samples(original: Workload, artefact: Artefact, baseline: Baseline, folder: RunFolder) -> None:
    """Write a few examples of the test split to the ledger: first those that the result answers otherwise, where it
    loses most and then where it gains.

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
    differ = np.asarray(before) != np.asarray(after)
    for row in _chosen(_telling(original, answered, np.flatnonzero(differ)), differ, np.asarray(before)):
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


def _telling(workload: Workload, answered: dict[str, Answers], rows: Rows) -> list[int]:
    """Rows that are answered otherwise, those that tell most first: what the result loses most by, where the original
    was surest; after a few of them what it gains most by, where it is surest itself; last what costs neither."""
    if not len(rows):
        return []
    original, result = (_part(found, rows) for found in answered.values())
    lost = _scores(workload, original, original) - _scores(workload, result, original)
    sure = np.where(lost < 0, _sureness(workload, result), _sureness(workload, original))
    order = np.lexsort((-sure, -np.abs(lost)))  # equal ones stay in the order of the split
    rows, lost = rows[order], lost[order]
    worse, better, even = (rows[chosen].tolist() for chosen in (lost > 0, lost < 0, lost == 0))
    return [*worse[:_LOST], *better, *worse[_LOST:], *even]


def _part(found: Answers, rows: Rows) -> Answers:
    return Answers(found.outputs[rows], None if found.targets is None else found.targets[rows])


def _scores(workload: Workload, found: Answers, original: Answers) -> npt.NDArray[np.float64]:
    """The score of each example by itself."""
    graded = grades(workload, found, original)
    return np.array([workload.task.score(graded[place : place + 1]) for place in range(len(graded))])


def _sureness(workload: Workload, found: Answers) -> npt.NDArray[np.float64]:
    """The share that the likeliest class has by the softmax; 0 for a text, which has none."""
    if isinstance(workload.task, TextOut):
        return np.zeros(len(found.outputs))
    scores = found.outputs.astype(np.float64)
    return 1 / np.exp(scores - scores.max(1, keepdims=True)).sum(1)


def _chosen(telling: Sequence[int], differ: npt.NDArray[np.bool_], before: npt.NDArray[np.str_]) -> list[int]:
    """The rows that tell most, and others that both answer alike, of as many classes as there is room for."""
    changed = list(telling[: SHOWN - _AGREED])
    others = np.flatnonzero(~differ)
    _, firsts = np.unique(before[others], return_index=True)
    return [*changed, *others[np.sort(firsts)][: SHOWN - len(changed)].tolist()]
