"""Are the classes of the data those of the model, in its order? By name where both have names, by agreement."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from lissom.core.errors import LissomError
from lissom.tasks.listing import Found, Item

GAIN_POINTS = 2.0  # another order has to explain so much more of the answers to be blamed
SHARE = 0.75  # and so much of what could be explained if several labels might be one class
HALF = 0.5  # and so much of what is answered right for other labels, for those that it is blamed for
SIGMAS = 3.0
_NONE = -1


def named_like_the_model(
    found: Found[Item], names: tuple[str, ...], outputs: int
) -> tuple[Found[Item], tuple[str, ...], tuple[str, ...]]:
    """Bring the labels of the data to the numbers of the model's outputs.

    Args:
        found: the data, divided.
        names: the names of the outputs, where they are known.
        outputs: how many there are.

    Returns:
        The data with its labels renumbered, the names of the outputs, and notes.

    Raises:
        LissomError: there are more classes than outputs, or fewer without names that tell which they are.
    """
    if names and len(names) != outputs:
        raise LissomError(f"{len(names)} class names for a model with {outputs} outputs")
    if not found.labelled:
        return found, names, ("there are no labels: agreement with the original stands in for the score",)
    if found.numbered:
        _check_range(found, outputs)
        if len(found.classes) > outputs:
            raise LissomError(f"the data names {len(found.classes)} classes, the model answers {outputs}")
        rest = tuple(str(number) for number in range(len(found.classes), outputs))
        return found, names or (*found.classes, *rest), ()
    if names and set(found.classes) <= set(names):
        if found.classes == names:
            return found, names, ()
        double = next((name for name in found.classes if names.count(name) > 1), None)
        if double is not None:
            raise LissomError(
                f"several outputs of the model are called {double!r}",
                hint="give a CSV with the number of the model's output for each file",
            )
        order = np.asarray([names.index(name) for name in found.classes], dtype=np.int64)
        return _renumbered(found, order), names, ("classes were matched to the model's outputs by name",)
    if len(found.classes) != outputs:
        raise LissomError(
            f"the data has {len(found.classes)} classes, the model answers {outputs}",
            hint=(
                "give a model for these classes, or weights trained on them",
                "or a CSV with the number of the model's output for each file",
            ),
        )
    return found, found.classes, _renamed(found.classes, names)


def _renamed(ours: tuple[str, ...], names: tuple[str, ...]) -> tuple[str, ...]:
    """A note where classes of other names stand for the model's, in their order: the score shows whether that holds."""
    if not names:
        return ()
    some = ", ".join(f"{own} for {name}" for own, name in zip(ours[:3], names[:3], strict=True))
    more = ", ..." if len(ours) > 3 else ""
    return (f"the data has other names for the model's classes; in this order, {some}{more}",)


def _check_range(found: Found[Item], outputs: int) -> None:
    for part, listing in found.parts.items():
        assert listing.labels is not None
        bad = np.flatnonzero((listing.labels < 0) | (listing.labels >= outputs))
        if len(bad):
            name = listing.items.name(int(listing.rows[bad[0]]))
            raise LissomError(
                f"the label {listing.labels[bad[0]]} of {name!r} ({part}) is out of range: the model has the "
                f"outputs 0 to {outputs - 1}",
                hint="labels count from 0; give a model with enough outputs",
            )


def _renumbered(found: Found[Item], order: npt.NDArray[np.int64]) -> Found[Item]:
    parts = {
        name: replace(part, labels=None if part.labels is None else order[part.labels])
        for name, part in found.parts.items()
    }
    return replace(found, parts=parts)


@dataclass(frozen=True)
class OrderCheck:
    """What the original's answers say: its score, chance, and the score under the best other order.

    All in percent. ``answered_as`` maps a label to the class that is answered in its place, where that differs.
    ``likely`` tells whether the other order is one, and not the errors of a mediocre model.
    """

    score: float
    chance: float
    reordered: float
    answered_as: dict[int, int]
    likely: bool


def check_order(outputs: npt.NDArray[Any], labels: npt.NDArray[Any]) -> OrderCheck:
    """Compare the original's answers with the labels, as they are and in another order.

    An order is learnt from every second example and judged on the rest, and the other way round, so that a few
    examples of many classes do not look like one. It gives each class to one label only. A model that errs mishears
    several labels as one class, mostly as one that it knows, so no order explains most of its errors: were a label
    free to take any class, much more would be gained, and labels that it errs about stay worse answered than others.

    Args:
        outputs: ``(examples, classes)``.
        labels: ``(examples,)``.
    """
    answers, classes = outputs.argmax(1), outputs.shape[1]
    won = lost = free = 0
    right, seen = np.zeros(2), np.zeros(2)  # of labels that are mostly answered as themselves, and of the others
    for parity in (0, 1):
        fit = np.arange(len(labels)) % 2 == parity
        order = _answered_for(answers[fit], labels[fit], classes, exclusive=True)
        favourite = _answered_for(answers[fit], labels[fit], classes, exclusive=False)
        given, label = answers[~fit], labels[~fit]
        moved = order[label] != label
        won += int((given == order[label])[moved].sum())
        lost += int((given == label)[moved].sum())
        free += int((given == favourite[label]).sum() - (given == label).sum())
        erring = (favourite[label] != label).astype(np.int64)
        right += np.bincount(erring, given == order[label], minlength=2)
        seen += np.bincount(erring, minlength=2)
    known, erred = right / np.maximum(seen, 1)
    whole = _answered_for(answers, labels, classes, exclusive=True)
    score, gained = 100.0 * float((answers == labels).mean()), won - lost
    return OrderCheck(
        score=score,
        chance=100.0 * float(np.bincount(labels).max()) / len(labels),
        reordered=score + 100.0 * gained / len(labels),
        answered_as={int(k): int(whole[k]) for k in np.unique(labels) if whole[k] not in (k, _NONE)},
        likely=gained > SIGMAS * float(np.sqrt(won + lost)) and gained >= SHARE * free and erred >= HALF * known,
    )


def _answered_for(
    answers: npt.NDArray[np.int64], labels: npt.NDArray[Any], classes: int, *, exclusive: bool
) -> npt.NDArray[np.int64]:
    """For each label the class most often answered for it, itself when in doubt, ``(classes,)``.

    With ``exclusive`` a class goes to one label, most frequent pairs first; a label left without one gets ``_NONE``.
    """
    pairs, counts = np.unique(np.stack((labels, answers)), axis=1, return_counts=True)
    order = np.full(classes, _NONE, dtype=np.int64)
    taken: set[int] = set()
    for label, answer in pairs.T[np.lexsort((pairs[0] != pairs[1], -counts))].tolist():
        if order[label] == _NONE and not (exclusive and answer in taken):
            order[label] = answer
            taken.add(answer)
    own = [label for label in np.flatnonzero(order == _NONE).tolist() if not (exclusive and label in taken)]
    order[own] = own
    return order


def check_original(
    outputs: npt.NDArray[Any],
    labels: npt.NDArray[Any],
    classes: tuple[str, ...] = (),
    *,
    what: str = "pictures",
    settings: str = "--size, --mean and --std",
) -> None:
    """Refuse to work from an original that does not know its classes.

    Args:
        outputs: of the original on the select split, ``(examples, classes)``.
        labels: ``(examples,)``.
        classes: names of the outputs.
        what: what the examples are called.
        settings: what besides the weights may be wrong.

    Raises:
        LissomError: outputs are not finite, the classes are in another order than the model's, or the score is
            that of guessing.
    """
    if not np.isfinite(outputs).all():
        bad = int((~np.isfinite(outputs).all(axis=1)).sum())
        raise LissomError(
            f"the original answers {bad} of {len(outputs)} {what} with NaN or infinite numbers",
            hint=f"check its weights, and {settings}",
        )
    check = check_order(outputs, labels)
    answered = len(np.unique(outputs.argmax(1)))
    knows = 2 * answered > len(np.unique(labels))  # whoever answers one class for all does not know another order
    if knows and check.likely and check.reordered - check.score > GAIN_POINTS and check.reordered > check.chance:
        raise LissomError(
            f"the classes seem to be in another order than the model's: it scores {check.score:.1f} %, but "
            f"{check.reordered:.1f} % if {_told(check.answered_as, classes)}",
            hint="rename or renumber the classes of the data, or name the model's outputs in order with --classes",
        )
    spread = SIGMAS * float(np.sqrt(check.chance * (100 - check.chance) / len(labels)))
    if check.score <= check.chance + spread:
        raise LissomError(
            f"the original scores {check.score:.1f} % on {len(labels)} {what}, where guessing scores "
            f"{check.chance:.1f} %",
            hint=f"check --weights, and {settings}: they have to be those of its training",
        )


def _told(answered_as: dict[int, int], classes: tuple[str, ...]) -> str:
    def name(number: int) -> str:
        return repr(classes[number]) if number < len(classes) else str(number)

    told = [f"{name(label)} is its {name(answer)}" for label, answer in list(answered_as.items())[:4]]
    return ", ".join(told) + (f" and {len(answered_as) - 4} more" if len(answered_as) > 4 else "")
