from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import lissom
from lissom import api
from lissom.core.errors import LissomError
from lissom.core.progress import Progress
from lissom.engine.compress import Job
from lissom.tasks.codec.loading import JUDGED
from lissom.tasks.codec.motion import predict
from lissom.tasks.codec.pictures import pack, unpack
from lissom.tasks.codec.split import CodecSplit
from lissom.tasks.codec.windows import LENGTH
from lissom.testing.tiny_codec import tiny_codec, tiny_film
from lissom.workload.workload import Chained, Visible, Workload
from lissom.zoo.codec import PACKED, QUALITIES

Answer = Callable[[Sequence[torch.Tensor]], np.ndarray]


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("films")
    for part in ("train", "val", "test"):
        (folder / part).mkdir()
        tiny_film(folder / part / "film.mp4", size=(128, 160), times=tuple(range(JUDGED + 2)))
    return folder


@pytest.fixture(scope="module")
def workload(films: Path) -> Workload:
    return lissom.load(tiny_codec(), data=films, task="codec", windows=8)


@pytest.fixture(scope="module")
def original(workload: Workload) -> Answer:
    def answer(inputs: Sequence[torch.Tensor]) -> np.ndarray:
        with torch.inference_mode():
            return workload.module(*inputs).numpy()

    return answer


def test_each_window_is_learnt_from_once_and_judged_at_every_quality(workload: Workload) -> None:
    assert len(workload.splits.train) == 8 * LENGTH
    assert len(workload.splits.select) == len(workload.splits.test) == 4 * JUDGED * len(QUALITIES)
    assert workload.int8_layers and workload.views == 1
    assert {"hyperprior.*", "log_gain*", "log_inverse_gain*"} <= set(workload.keep)


@pytest.mark.parametrize(
    ("budget", "told"), [("drop<=1%", "drop<=1pt"), ("size<=2%", "size<=2%, drop<=1pt"), ("drop<=5pt", "drop<=5pt")]
)
def test_a_front_without_a_budget_has_one_in_the_codecs_unit(
    workload: Workload, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, budget: str, told: str
) -> None:
    """The original scores 0, so that the usual 1 % of its score would be nothing: it is 1 % more bits."""
    jobs: list[Job] = []
    monkeypatch.setattr(api, "_carry_out", lambda job: jobs.append(job) or True)
    lissom.compress(workload, budget=budget, output=tmp_path / "run", options=lissom.Options(front=True))
    assert str(jobs[0].budget) == jobs[0].settings.budget == told
    settings = replace(jobs[0].settings, budget=budget)  # as the command line has it
    lissom.compress(
        workload, budget=budget, output=tmp_path / "run", options=lissom.Options(front=True), settings=settings
    )
    assert jobs[1].settings == jobs[0].settings


def test_frames_are_predicted_from_what_the_original_decoded_before(workload: Workload) -> None:
    split = workload.splits.test
    assert isinstance(split, CodecSplit)
    key, inter = split.take([JUDGED]), split.take([JUDGED + 1])
    assert not key.inputs[1].any()
    assert int(key.inputs[2].argmax()) == 1 and int(inter.inputs[2].argmax()) == 1 + len(QUALITIES)
    with torch.inference_mode():
        rounded = (*key.inputs[:3], torch.zeros_like(key.inputs[3]))
        decoded = unpack(workload.module(*rounded)[0, :PACKED].numpy())
    expected = pack(predict(decoded, split.windows.vectors[int(split.rows[1]), 0]))
    np.testing.assert_array_equal(inter.inputs[1][0].numpy(), expected)


def test_a_codec_is_judged_by_what_it_makes_of_its_own_frames(workload: Workload, original: Answer) -> None:
    """One that spoils each frame a little spoils the next ones too; the original's own answers are what it lost by."""
    split = workload.splits.test
    assert isinstance(split, Chained)

    def darker(inputs: Sequence[torch.Tensor]) -> np.ndarray:
        outputs = original(inputs).copy()
        outputs[:, :PACKED] -= 0.02
        return outputs

    whole, targets = split.answered(original, Progress(False), "coding")
    assert abs(workload.task.score(workload.task.grade(whole, targets))) < 0.01
    spoilt, _ = split.answered(darker, Progress(False), "coding")
    runs = [outputs.reshape(-1, JUDGED, *outputs.shape[1:])[:, :, :PACKED] for outputs in (whole, spoilt)]
    apart = np.abs(runs[0] - runs[1]).mean((0, 2, 3, 4))
    assert apart[0] == pytest.approx(0.02, rel=0.01)  # the key frame is predicted from nothing
    assert apart[-1] > 1.2 * apart[0]
    asked = split.take([1]).inputs[1]
    split.answered(darker, Progress(False), "coding")
    assert torch.equal(split.take([1]).inputs[1], asked), "what others are asked stays the original's"


def test_some_windows_are_answered_as_they_are_among_all(workload: Workload, original: Answer) -> None:
    split = workload.splits.test
    assert isinstance(split, CodecSplit)

    part, places = split.some(JUDGED * len(QUALITIES))
    assert places.tolist() == list(range(JUDGED * len(QUALITIES))) and not split.together[places].any()
    outputs, targets = part.answered(original, Progress(False), "coding")
    whole, all_targets = split.answered(original, Progress(False), "coding")
    assert np.abs(outputs - whole[places]).mean() < 1e-4  # sums in another order may round a level otherwise
    np.testing.assert_array_equal(targets, all_targets[places])
    later, places = replace(split, rows=split.rows[::-1]).some(1)
    assert set(split.rows[::-1][np.unique(places // JUDGED)]) == {0} and len(later.rows) == len(QUALITIES)


def test_learning_rounds_and_comparing_runtimes_does_not(workload: Workload) -> None:
    assert not workload.splits.train.take([3]).inputs[3].any()
    noise = workload.splits.test.take([3]).inputs[3]
    assert noise.abs().max() <= 0.5 and noise.abs().mean() > 0.2


def test_examples_are_the_same_whenever_they_are_taken(workload: Workload) -> None:
    first, second = (workload.splits.train.take([3, 9], view=view) for view in (None, 2))
    for a, b in zip(first.inputs, second.inputs, strict=True):
        assert torch.equal(a, b)


def test_there_is_something_to_look_at(workload: Workload) -> None:
    split = workload.splits.test
    assert isinstance(split, Visible)
    with torch.inference_mode():
        outputs = workload.module(*split.take(range(len(split))).inputs).numpy()
    sights, curves = split.sights(outputs, outputs), split.curves(outputs, outputs)
    assert [len(sight.pictures) for sight in sights] == [4] * len(sights) and sights
    assert [curve.name for curve in curves] == ["original", "result"]
    assert len(curves[0].rates) == len(QUALITIES) and curves[0].rates == curves[1].rates


def test_what_cannot_be_learnt_from_is_said(films: Path, tmp_path: Path) -> None:
    with pytest.raises(LissomError, match="holds no video"):
        lissom.load(tiny_codec(), data=tmp_path, task="codec")
    with pytest.raises(LissomError, match="is no codec"):
        lissom.load(nn.Conv2d(3, 3, 1), data=films, task="codec")
    with pytest.raises(LissomError, match="random weights"):
        lissom.load("zoo:codec_small", data=films, task="codec", random_weights=True)
    with pytest.raises(LissomError, match="too few"):
        lissom.load(tiny_codec(), data=films, task="codec", windows=2)
    for part in ("train", "val", "test"):
        (tmp_path / part).mkdir()
        tiny_film(tmp_path / part / "film.mp4", size=(128, 128), times=(0, 1))
    with pytest.raises(LissomError, match="2 frames of 128x128"):
        lissom.load(tiny_codec(), data=tmp_path, task="codec", windows=8)
    (tmp_path / "train" / "photo.jpg").write_bytes(b"no picture")
    with pytest.raises(LissomError, match=r"photo\.jpg is damaged"):
        lissom.load(tiny_codec(), data=tmp_path, task="codec", windows=8)
