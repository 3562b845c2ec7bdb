"""``load`` from end to end on drawn pictures, and what it refuses."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from lissom.core.errors import LissomError
from lissom.tasks.class_order import check_original
from lissom.tasks.image.augmentation import AsItIs
from lissom.tasks.image.handling import Preprocessing
from lissom.tasks.loading import load
from lissom.workload.workload import Split, Workload


def outputs_and_labels(workload: Workload, split: Split) -> tuple[Any, Any]:
    batch = split.take(range(len(split)))
    assert batch.targets is not None
    with torch.no_grad():
        return workload.module(*batch.inputs).numpy(), batch.targets.numpy()


def test_from_files_to_a_score(model_file: Path, class_folders: Path) -> None:
    workload = load(f"{model_file}:colours", data=class_folders)
    assert workload.name == "colours on mes données 数据"
    assert workload.classes == ("blue", "green", "red")
    assert workload.example[0].shape == (1, 3, 16, 20)
    assert workload.labelled
    assert workload.handling["output"] == {"kind": "logits"}
    outputs, labels = outputs_and_labels(workload, workload.splits.test)
    assert workload.task.score(workload.task.grade(outputs, labels)) == 100
    check_original(outputs, labels, workload.classes)


def test_the_handling_reproduces_the_inputs(model_file: Path, class_folders: Path) -> None:
    from PIL import Image

    workload = load(f"{model_file}:colours", data=class_folders, size=12, mean=(0.1, 0.2, 0.3), std=(0.5, 0.6, 0.7))
    preprocessing = Preprocessing.from_json(workload.handling["preprocessing"])
    assert (preprocessing.crop, preprocessing.resize, preprocessing.mean) == ((12, 12), 12, (0.1, 0.2, 0.3))
    listed = {preprocessing(Image.open(path)).tobytes() for path in class_folders.rglob("*.png")}
    taken = workload.splits.train.take(range(42)).inputs[0].numpy()
    assert all(picture.tobytes() in listed for picture in taken)


def test_classes_in_another_order_are_noticed(model_file: Path, class_folders: Path) -> None:
    workload = load(f"{model_file}:muddled", data=class_folders)
    with pytest.raises(LissomError, match="another order"):
        check_original(*outputs_and_labels(workload, workload.splits.train), workload.classes)
    mended = load(f"{model_file}:muddled", data=class_folders, classes=("green", "blue", "red"))
    assert mended.classes == ("green", "blue", "red")
    check_original(*outputs_and_labels(mended, mended.splits.train))


def test_without_labels_agreement_is_the_guard(model_file: Path, class_folders: Path, drawing: Any) -> None:
    folder = class_folders.parent / "unsorted"
    folder.mkdir()
    for number in range(30):
        drawing("red", number).save(folder / f"{number}.png")
    workload = load(f"{model_file}:colours", data=folder)
    assert not workload.labelled
    assert workload.splits.test.take([0]).targets is None
    assert any("agreement" in note for note in workload.notes)


def test_random_weights_turn_the_guard_into_agreement(class_folders: Path) -> None:
    workload = load("zoo:sample", data=class_folders, random_weights=True)
    assert not workload.labelled
    assert any("random weights, as asked" in note for note in workload.notes)
    assert workload.module(*workload.example).shape == (1, 3)


def test_more_outputs_than_classes(model_file: Path, class_folders: Path) -> None:
    with pytest.raises(LissomError, match="3 classes, the model answers 5"):
        load(f"{model_file}:wide", data=class_folders)
    workload = load(f"{model_file}:wide", data=class_folders, classes=("blue", "green", "red", "x", "y"))
    assert len(workload.classes) == 5


def test_unreadable_pictures_are_noted(model_file: Path, class_folders: Path, drawing: Any) -> None:
    for number in range(20, 100):
        for colour in ("red", "green", "blue"):
            drawing(colour, number).save(class_folders / colour / f"{number}.png")
    (class_folders / "red" / "broken.png").write_bytes(b"not a picture")
    workload = load(f"{model_file}:colours", data=class_folders)
    assert any("pictures could not be read and were left out (1 of " in n for n in workload.notes)


def test_a_model_that_does_not_take_the_input(class_folders: Path) -> None:
    fixed = nn.Sequential(nn.Flatten(), nn.Linear(3 * 8 * 8, 3))
    with pytest.raises(LissomError, match=r"cannot be run on an input of \(1, 3, 16, 20\)") as caught:
        load(fixed, data=class_folders)
    assert "--size" in caught.value.hints[0]
    assert load(fixed, data=class_folders, size=8).example[0].shape == (1, 3, 8, 8)


def test_a_model_with_one_channel(class_folders: Path) -> None:
    grey = nn.Sequential(nn.Conv2d(1, 3, 16), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    with pytest.raises(LissomError, match="expected input"):
        load(grey, data=class_folders)
    workload = load(grey, data=class_folders, channels="L")
    assert workload.example[0].shape == (1, 1, 16, 20)
    assert workload.splits.train.take([0, 1], view=1).inputs[0].shape == (2, 1, 16, 20)


def test_small_pictures_made_large_are_remarked_on(class_folders: Path) -> None:
    workload = load("torchvision:squeezenet1_1", data=class_folders, random_weights=True, limit=6)
    assert any("20x16 pixels are enlarged" in note for note in workload.notes)
    sized = load("torchvision:squeezenet1_1", data=class_folders, random_weights=True, limit=6, size=32)
    assert not any("enlarged" in note for note in sized.notes)


def test_a_model_that_does_not_classify(class_folders: Path) -> None:
    with pytest.raises(LissomError, match=r"answers one picture with \(1, 4, 16, 20\)"):
        load(nn.Conv2d(3, 4, 1), data=class_folders)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"task": "imgae"}, "unknown task 'imgae'"),
        ({"limit": 0}, "limit of 0"),
        ({"size": 0}, "0x0 pixels"),
        ({"std": (58, 57, 57)}, "not on the scale 0..1"),
        ({"mean": (0.5,)}, "mean has 1 numbers"),
        ({"keep": ("clasifier.*",)}, "names no layer"),
        ({"colour": "red"}, "no option 'colour'"),
        ({"weights": "absent.pt"}, "no weight file"),
        ({"select": 5000}, "cannot be taken"),
        ({"classes": ("blue", "green", "rde")}, "class 'red' that is not among the 3 names given"),
    ],
)
def test_wrong_options(model_file: Path, class_folders: Path, options: dict[str, Any], told: str) -> None:
    with pytest.raises(LissomError, match=told) as caught:
        load(f"{model_file}:colours", data=class_folders, **options)
    assert 1 <= str(caught.value).count("\n") + 1 <= 4


def test_what_training_sees_is_said(model_file: Path, class_folders: Path) -> None:
    spec = f"{model_file}:colours"
    notes = load(spec, data=class_folders).notes
    assert "training sees shifts by up to 2 pixels, half of them mirrored" in notes
    own = load(spec, data=class_folders, augment=AsItIs())
    assert not any("training sees" in note for note in own.notes)
    plain, view = (own.splits.train.take([3], view=view).inputs[0] for view in (None, 2))
    assert torch.equal(plain, view)


def test_keep_is_handed_on(model_file: Path, class_folders: Path) -> None:
    assert load(f"{model_file}:colours", data=class_folders, keep=["sc*"]).keep == ("sc*",)


def test_data_from_python(model_file: Path, drawing: Any) -> None:
    items = [(drawing(colour, n), k) for n in range(10) for k, colour in enumerate(("blue", "green", "red"))]
    workload = load(f"{model_file}:colours", data={"train": items, "select": items[:9], "test": items[:6]})
    outputs, labels = outputs_and_labels(workload, workload.splits.select)
    assert (outputs.argmax(1) == labels).all()
    assert np.bincount(labels).tolist() == [3, 3, 3]


def test_labels_out_of_range(model_file: Path, drawing: Any) -> None:
    items = [(drawing("red", n), n) for n in range(6)]
    with pytest.raises(LissomError, match=r"label \d of .* is out of range"):
        load(f"{model_file}:colours", data=(items, items))
