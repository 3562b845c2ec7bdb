"""A wrong order of classes, and a score of guessing, are noticed from the original's answers."""

import numpy as np
import pytest

from lissom.core.errors import LissomError
from lissom.tasks.class_order import check_order, check_original, named_like_the_model
from lissom.tasks.image.pictures import ArrayPictures
from lissom.tasks.listing import Found, Listing

CLASSES = tuple("abcdefghij")


def answers(labels: np.ndarray, right: float, seed: int = 0) -> np.ndarray:
    """Outputs whose likeliest class is the label in a share of the cases, else any."""
    draw = np.random.default_rng(seed)
    given = np.where(draw.random(len(labels)) < right, labels, draw.integers(0, 10, len(labels)))
    return np.eye(10)[given] + draw.random((len(labels), 10)) / 10


LABELS = np.random.default_rng(1).integers(0, 10, 600)


@pytest.mark.parametrize("right", [0.2, 0.5, 0.95])
def test_a_model_that_knows_something_passes(right: float) -> None:
    check_original(answers(LABELS, right), LABELS, CLASSES)


def test_another_order_is_named() -> None:
    order = np.array([1, 2, 0, 3, 4, 5, 6, 7, 8, 9])
    with pytest.raises(LissomError, match="'a' is its 'b', 'b' is its 'c', 'c' is its 'a'") as caught:
        check_original(answers(order[LABELS], 0.9), LABELS, CLASSES)
    assert str(caught.value).count("\n") == 1
    found = check_order(answers(order[LABELS], 0.9), LABELS)
    assert found.answered_as == {0: 1, 1: 2, 2: 0}
    assert found.reordered > 85 > found.score


def test_labels_that_count_from_one() -> None:
    with pytest.raises(LissomError, match="another order"):
        check_original(answers((LABELS + 1) % 10, 0.8), LABELS)


def test_guessing_is_refused() -> None:
    for outputs in (answers(LABELS, 0.0), np.zeros((600, 10)), np.tile(np.arange(10.0), (600, 1))):
        with pytest.raises(LissomError, match="where guessing scores") as caught:
            check_original(outputs, LABELS, CLASSES)
        assert "--mean" in caught.value.hints[0]


def test_few_examples_of_many_classes_do_not_look_like_an_order() -> None:
    labels = np.arange(500)
    outputs = np.eye(1000)[np.where(np.arange(500) < 300, labels, 999 - labels)]
    check_original(outputs, labels)


def judged(given: np.ndarray, labels: np.ndarray, classes: int, draw: np.random.Generator) -> None:
    mixed = draw.permutation(len(labels))
    check_original(np.eye(classes)[given[mixed]], labels[mixed])


@pytest.mark.parametrize("known", [0.4, 0.55, 0.7, 0.9])
@pytest.mark.parametrize(("classes", "each", "alike"), [(68, 9, 3), (68, 9, 1), (35, 20, 20), (100, 5, 1)])
def test_systematic_errors_are_no_order(classes: int, each: int, alike: int, known: float) -> None:
    """Whole classes are heard as others, one for each ``alike`` examples of a voice that says them in one way."""
    for seed in range(40):
        draw = np.random.default_rng(seed)
        places = draw.random((classes, 2))
        near = np.square(places[:, None] - places).sum(2).argsort(1)  # what sounds alike, in either direction
        heard = np.repeat(
            near[np.arange(classes)[:, None], draw.geometric(0.5, (classes, each // alike)) % classes], alike, 1
        )
        right = (draw.random(classes) < known)[:, None] ^ (draw.random((classes, each)) < 0.05)
        labels = np.arange(classes)[:, None] + np.zeros((1, each), dtype=np.int64)
        judged(np.where(right, labels, heard).ravel(), labels.ravel(), classes, draw)


@pytest.mark.parametrize(
    ("classes", "each", "exchanged", "right"),
    [
        *((68, 9, 68, 0.6), (68, 9, 30, 0.6), (68, 9, 2, 0.97), (10, 60, 2, 0.6), (10, 10, 3, 0.9), (12, 50, 2, 0.6)),
        *((35, 20, 2, 0.6), (200, 5, 200, 0.6), (500, 2, 500, 0.7), (3, 40, 3, 0.6), (2, 100, 2, 0.7)),
    ],
)
def test_exchanged_classes_are_refused(classes: int, each: int, exchanged: int, right: float) -> None:
    for seed in range(20):
        draw = np.random.default_rng(seed)
        order, some = np.arange(classes), draw.permutation(classes)[:exchanged]
        order[some] = np.roll(some, 1)
        labels = np.repeat(np.arange(classes), each)
        known = draw.random(len(labels)) < right
        with pytest.raises(LissomError, match="another order"):
            judged(order[np.where(known, labels, draw.integers(0, classes, len(labels)))], labels, classes, draw)


def test_a_class_that_another_is_heard_as_stays_its_own() -> None:
    labels = np.repeat(np.arange(10), 20)
    given = np.where(labels < 5, labels + 5, labels)  # five classes are heard as the other five
    check_original(np.eye(10)[given], labels)
    found = check_order(np.eye(10)[given], labels)
    assert (found.score, found.reordered, found.answered_as) == (50, 50, {})


def test_one_example() -> None:
    assert not check_order(np.eye(3)[[1]], np.array([2])).likely


def test_answers_that_are_not_finite() -> None:
    outputs = answers(LABELS, 0.9)
    outputs[3, 2] = np.nan
    with pytest.raises(LissomError, match="1 of 600"):
        check_original(outputs, LABELS)


def listing(*labels: int) -> Listing:
    pictures = ArrayPictures(np.zeros((len(labels), 2, 2), np.uint8), "some")
    return Listing(pictures, np.arange(len(labels)), np.asarray(labels))


def test_classes_are_matched_by_name() -> None:
    found = Found("x", {"test": listing(0, 1, 1)}, ("cat", "dog"))
    ours, names, notes = named_like_the_model(found, ("bird", "dog", "cat"), 3)
    assert ours.parts["test"].labels.tolist() == [2, 1, 1]
    assert names == ("bird", "dog", "cat")
    assert "by name" in notes[0]


def test_other_names_in_the_same_order_are_told() -> None:
    found = Found("x", {"test": listing(0, 1)}, ("neg", "pos"))
    assert named_like_the_model(found, (), 2)[1:] == (("neg", "pos"), ())
    _, names, notes = named_like_the_model(found, ("negative", "positive"), 2)
    assert names == ("neg", "pos") and "neg for negative, pos for positive" in notes[0]


def test_a_name_of_two_outputs_is_ambiguous() -> None:
    found = Found("x", {"test": listing(0, 1)}, ("ant", "crane"))
    with pytest.raises(LissomError, match="several outputs of the model are called 'crane'"):
        named_like_the_model(found, ("crane", "ant", "crane"), 3)


def test_fewer_classes_without_names_are_refused() -> None:
    found = Found("x", {"test": listing(0, 1, 1)}, ("cat", "dog"))
    with pytest.raises(LissomError, match="2 classes, the model answers 5"):
        named_like_the_model(found, (), 5)


def test_labels_out_of_range_name_the_picture() -> None:
    found = Found("x", {"test": listing(0, 7, 1)}, numbered=True)
    with pytest.raises(LissomError, match=r"label 7 of 'some 1'.*outputs 0 to 4"):
        named_like_the_model(found, (), 5)
    with pytest.raises(LissomError, match="label -1"):
        named_like_the_model(Found("x", {"test": listing(-1)}, numbered=True), (), 5)


def test_numbered_classes_are_named_as_far_as_known() -> None:
    found = Found("x", {"test": listing(0, 1)}, ("ant", "bee"), numbered=True)
    assert named_like_the_model(found, (), 4)[1] == ("ant", "bee", "2", "3")
    with pytest.raises(LissomError, match="names 2 classes, the model answers 1"):
        named_like_the_model(Found("x", {"test": listing(0)}, ("ant", "bee"), numbered=True), (), 1)


def test_names_that_are_too_few() -> None:
    with pytest.raises(LissomError, match="2 class names for a model with 3 outputs"):
        named_like_the_model(Found("x", {"test": listing(0)}), ("a", "b"), 3)
