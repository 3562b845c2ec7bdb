"""The two ways of ``lissom.load``: a model with its data, and a saved smaller model; what fits neither is refused."""

import errno
import os
import pickle
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

import lissom
from lissom.core.errors import LissomError
from lissom.graph import capture, couple, prune, save
from lissom.layers.replacement import Replacement, put
from lissom.testing.tiny import tiny_workload
from lissom.workload.storage import save_model


def net(width: int = 8) -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, width, 3), nn.BatchNorm2d(width), nn.ReLU(), nn.Flatten(), nn.Linear(width, 2))


@pytest.fixture
def saved(tmp_path: Path) -> tuple[Path, nn.Module]:
    captured = capture(net(), (torch.randn(1, 3, 3, 3),))
    cut = couple(captured).cut({0: [1, 4, 5]})
    pruned = prune(captured.model, cut, capture=captured).module
    save(tmp_path / "small.safetensors", cut, pruned)
    return tmp_path / "small.safetensors", pruned


def test_a_saved_cut_comes_back_from_a_path_and_from_its_name(saved: tuple[Path, nn.Module]) -> None:
    path, pruned = saved
    x = torch.randn(2, 3, 3, 3)
    for place in (path, str(path)):
        model = lissom.load(place, build=net)
        assert type(model) is nn.Sequential and model[0].out_channels == 5
        assert torch.equal(model.eval()(x), pruned.eval()(x))


def test_replaced_layers_come_back_replaced(tmp_path: Path) -> None:
    change = Replacement("2", "passed", {})
    model = net()
    put(model, change.module, change.build())
    save_model(tmp_path / "m.safetensors", model, (change,))
    again = lissom.load(tmp_path / "m.safetensors", build=net)
    assert type(again[2]) is type(model[2]) and not isinstance(again[2], nn.ReLU)


def test_another_architecture_is_refused(saved: tuple[Path, nn.Module]) -> None:
    with pytest.raises(lissom.LissomError, match=r"another architecture than this Sequential: 0.weight is \(4,"):
        lissom.load(saved[0], build=lambda: net(4))


@pytest.mark.parametrize("content", [b"", b"nothing", pickle.dumps({"w": 1})])
def test_what_is_no_saved_model_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "bad.safetensors").write_bytes(content)
    with pytest.raises(lissom.LissomError, match="cannot read"):
        lissom.load(tmp_path / "bad.safetensors", build=net)
    with pytest.raises(lissom.LissomError, match="cannot read"):
        lissom.load(tmp_path / "missing.safetensors", build=net)


def test_no_pickle_is_executed(tmp_path: Path) -> None:
    class Runs:
        def __reduce__(self) -> tuple[object, ...]:
            return os.mkdir, (str(tmp_path / "executed"),)

    torch.save({"w": Runs()}, tmp_path / "evil.pt")
    with pytest.raises(lissom.LissomError, match="cannot read"):
        lissom.load(tmp_path / "evil.pt", build=net)
    assert not (tmp_path / "executed").exists()


def test_values_that_fit_nowhere_are_refused(tmp_path: Path) -> None:
    save_file({"0.weight": torch.zeros(2, 2)}, tmp_path / "w.safetensors")
    with pytest.raises(lissom.LissomError, match=r"missing: 0\.bias.*other shape: 0\.weight \(2, 2\) in the file"):
        lissom.load(tmp_path / "w.safetensors", build=net)


def test_a_plan_is_no_word(tmp_path: Path) -> None:
    with pytest.raises(lissom.LissomError, match="a plan is asked for, and 'int8' is none"):
        lissom.compress(
            tiny_workload(),
            budget="size<=50%, drop<=1pt",
            output=tmp_path / "run",
            plan="int8",  # pyright: ignore[reportArgumentType]
        )


def test_it_is_one_or_the_other(saved: tuple[Path, nn.Module]) -> None:
    with pytest.raises(lissom.LissomError, match="data of a workload, or a build") as caught:
        lissom.load("zoo:sample")  # pyright: ignore[reportCallIssue]
    assert len(caught.value.hints) == 2
    with pytest.raises(lissom.LissomError, match="build= alone, not with data="):
        lissom.load(saved[0], build=net, data="photos/")  # pyright: ignore[reportCallIssue]
    with pytest.raises(lissom.LissomError, match="not with a Sequential"):
        lissom.load(net(), build=net)  # pyright: ignore[reportArgumentType,reportCallIssue]


@pytest.fixture
def run(tmp_path: Path) -> lissom.Run:
    """A run with a bundle."""
    (tmp_path / "run" / "bundle").mkdir(parents=True)
    for name in ("manifest.json", "model.onnx"):
        (tmp_path / "run" / "bundle" / name).write_text(name)
    return lissom.Run(tmp_path / "run", met=True)


def test_a_bundle_that_could_not_be_copied_is_not_there_and_can_be_copied_again(
    run: lissom.Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def half(source: Path, place: Path, **options: object) -> None:
        place.mkdir(exist_ok=True)
        (place / "manifest.json").write_text("half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(shutil, "copytree", half)
    with pytest.raises(LissomError, match="the disk is full"):
        run.save(tmp_path / "saved")
    assert {item.name for item in tmp_path.iterdir()} == {"run"}
    monkeypatch.undo()
    (tmp_path / ".saved.part").mkdir()
    (tmp_path / ".saved.part" / "of a kill").touch()
    (tmp_path / "saved").mkdir()
    assert run.save(str(tmp_path / "saved")) == tmp_path / "saved"
    assert {item.name for item in (tmp_path / "saved").iterdir()} == {"manifest.json", "model.onnx"}
    assert {item.name for item in tmp_path.iterdir()} == {"run", "saved"}


def test_a_bundle_is_copied_to_where_one_stands(
    run: lissom.Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    run.save(".")
    assert (tmp_path / "here" / "model.onnx").read_text() == "model.onnx"
