"""What a user can mend is said in one to four lines with a hint, exit code 2, nothing written, no traceback."""

import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

Done = Any
Lissom = Callable[..., Any]
Words = Callable[..., list[str]]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["compres"], "No such command 'compres'"),
        (["compress"], "Missing argument"),
        (["compress", "m", "--budget", "size<=2%"], "Missing option"),
        (["compress", "m", "--data", "d", "--budget", "size<=2%", "--threads", "two"], "Invalid value"),
        (["compress", "m", "--data", "d", "--budget", "size<=2%", "--nope"], "No such option"),
        (["zoo", "--nope"], "No such option"),
    ],
)
def test_usage(lissom: Lissom, arguments: list[str], said: str) -> None:
    done = lissom(*arguments)
    done.is_refusal(said)
    assert "hint: lissom" in done.err and "--help" in done.err


def test_without_a_budget_there_is_nothing_to_meet(lissom: Lissom) -> None:
    done = lissom("compress", "m", "--data", "d")
    done.is_refusal("there is no budget")
    assert "--front" in done.err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--plan", "int8", "--epochs", "3"], "--plan int8 learns nothing"),
        (["--plan", "int8", "--front"], "with --plan nothing is searched"),
        (["--print-plan"], "--print-plan speaks of a plan"),
        (["--texts", "more.txt", "--budget", "size<=2%"], "--texts speaks of a plan"),
        (["--plan", "int8", "--data", "no/such/folder"], "no/such/folder"),  # a plan needs no budget
    ],
)
def test_what_means_nothing_together_is_refused_at_once(lissom: Lissom, options: list[str], said: str) -> None:
    lissom("compress", "zoo:sample", "--random-weights", "--data", "d", *options).is_refusal(said)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"budget": "sise<=2%"}, "unknown measure 'sise'"),
        ({"budget": "small"}, "is not a limit"),
        ({"budget": "size<=2%, size<=1MB"}, "limits size twice"),
        ({"budget": "drop<=1%"}, "limits only the drop"),
        ({"budget": "size<=0MB"}, "can never be met"),
        ({"target": "onnxruntme"}, "unknown target 'onnxruntme'"),
        ({"task": "imges"}, "unknown task 'imges'"),
        ({"data": "fashion-mnst"}, "fashion-mnst"),
        ({"data": "no/such/folder"}, "no/such/folder"),
        ({"weights": "no-such.safetensors"}, "no-such.safetensors"),
        ({"mean": "grey"}, "--mean 'grey' is not numbers"),
        ({"mean": "0.5,0.5"}, "mean has 2 numbers"),
        ({"std": "58,57,57"}, "not on the scale 0..1"),
        ({"time-limit": "soon"}, "not a duration"),
        ({"time-limit": "3s"}, "shorter than one trial"),
        ({"target": "auto,onnxruntime"}, "auto means several targets"),
        ({"methods": "prun"}, "unknown method 'prun'"),
        ({"select": "nan"}, "a select split of nan"),
        ({"select": "-1"}, "a select split of -1"),
        ({"threads": "0"}, "threads is 0"),
        ({"threads": "1000000"}, "this machine has"),
        ({"time-limit": f"{'9' * 400}h"}, "too long a duration"),
        ({"batch": "-1"}, "batch is -1"),
        ({"epochs": "0"}, "epochs is 0"),
        ({"seed": "-1"}, "seed is -1"),
        ({"seed": "99999999999999999999"}, "seed is 99999999999999999999"),
        ({"keep": "classifer.*"}, "names no layer"),
        ({"size": "0"}, "not possible"),
    ],
    ids=lambda value: next(iter(value.items()))[1] if isinstance(value, dict) else "",
)
def test_bad_values(lissom: Lissom, compressing: Words, tmp_path: Path, changed: dict[str, str], said: str) -> None:
    done = lissom(*compressing(tmp_path / "run", **changed))
    done.is_refusal(said)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "model",
    ["zoo:sampel", "torchvision:resnet81", "timm:nothing_like_it", "sampel", "zoo:", "nowhere.py:net", "hf:bert"],
)
def test_unknown_models(lissom: Lissom, compressing: Words, tmp_path: Path, model: str) -> None:
    arguments = compressing(tmp_path / "run")
    arguments[1] = model
    done = lissom(*arguments)
    file, _, name = model.partition(":")
    done.is_refusal(file if file.endswith(".py") else name or file)
    assert "hint" in done.err and not (tmp_path / "run").exists()


def test_a_function_that_is_not_there(lissom: Lissom, compressing: Words, user: Path, tmp_path: Path) -> None:
    arguments = compressing(tmp_path / "run")
    arguments[1] = f"{user / 'model.py'}:nett"
    lissom(*arguments).is_refusal("nett")


def test_a_pickle_that_wants_to_run_code_does_not(lissom: Lissom, compressing: Words, tmp_path: Path) -> None:
    marker = tmp_path / "pwned"
    for name, write in (("plain.pt", pickle_to), ("torch.pt", torch_save_to)):
        write(tmp_path / name, marker)
        done = lissom(*compressing(tmp_path / "run", weights=str(tmp_path / name)))
        done.is_refusal(name)
        assert not marker.exists() and not (tmp_path / "run").exists()


class Runs:
    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self):
        return os.system, (f"touch '{self.marker}'",)


def pickle_to(path: Path, marker: Path) -> None:
    path.write_bytes(pickle.dumps({"w": Runs(marker)}))


def torch_save_to(path: Path, marker: Path) -> None:
    torch.save({"w": Runs(marker)}, path)


def test_weights_that_do_not_fit(lissom: Lissom, compressing: Words, user: Path, tmp_path: Path) -> None:
    state = load_file(user / "net.safetensors")
    state["features.3.weight"] = torch.zeros(31, 16, 3, 3)
    save_file(state, tmp_path / "other.safetensors")
    done = lissom(*compressing(tmp_path / "run", weights=str(tmp_path / "other.safetensors")))
    done.is_refusal("features.3.weight")


def test_weights_with_nan(lissom: Lissom, compressing: Words, user: Path, tmp_path: Path) -> None:
    state = load_file(user / "net.safetensors")
    state["features.3.weight"][0, 0] = float("nan")
    save_file(state, tmp_path / "nan.safetensors")
    done = lissom(*compressing(tmp_path / "run", weights=str(tmp_path / "nan.safetensors")))
    done.is_refusal("features.3.weight")


def test_weights_that_are_cut_off(lissom: Lissom, compressing: Words, user: Path, tmp_path: Path) -> None:
    content = (user / "net.safetensors").read_bytes()
    (tmp_path / "half.safetensors").write_bytes(content[: len(content) // 2])
    done = lissom(*compressing(tmp_path / "run", weights=str(tmp_path / "half.safetensors")))
    done.is_refusal("half.safetensors")


def test_a_foreign_folder(lissom: Lissom, compressing: Words, tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("precious")
    lissom(*compressing(tmp_path)).is_refusal("is not empty and holds no run")
    assert [item.name for item in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_folder_that_cannot_be_written(lissom: Lissom, compressing: Words, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    lissom(*compressing(tmp_path / "file")).is_refusal("is a file")
    lissom(*compressing(tmp_path / "file" / "run")).is_refusal("cannot be written")
    lissom(*compressing(Path("/proc/run"))).is_refusal("cannot be written")


def test_a_number_format_that_the_target_lacks(lissom: Lissom, compressing: Words, tmp_path: Path) -> None:
    lissom(*compressing(tmp_path / "run", plan="int8", target="pytorch")).is_refusal("has no int8")
    assert not (tmp_path / "run").exists()


def test_a_model_that_guesses(lissom: Lissom, compressing: Words, user: Path, tmp_path: Path) -> None:
    state = {name: torch.zeros_like(t) if "classifier" in name else t
             for name, t in load_file(user / "net.safetensors").items()}  # fmt: skip
    save_file(state, tmp_path / "zeros.safetensors")
    done = lissom(*compressing(tmp_path / "run", weights=str(tmp_path / "zeros.safetensors")))
    done.is_refusal("guess")


def test_a_class_folder_with_one_picture(lissom: Lissom, compressing: Words, tmp_path: Path) -> None:
    for name, count in (("a", 12), ("b", 1)):
        (tmp_path / "data" / name).mkdir(parents=True)
        for number in range(count):
            pixels = np.random.default_rng(number).integers(0, 256, (8, 8, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "data" / name / f"{number}.png")
    lissom(*compressing(tmp_path / "run", data=str(tmp_path / "data"))).is_refusal("b")


def test_an_empty_folder(lissom: Lissom, compressing: Words, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    lissom(*compressing(tmp_path / "run", data=str(tmp_path / "data"))).is_refusal("data")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["report", "nowhere"], "nowhere does not exist"),
        (["predict", "nowhere", "x.png"], "nowhere is not a bundle"),
        (["bench", "nowhere"], "nowhere is not a bundle"),
        (["bench", "nowhere", "--threads", "two"], "--threads 'two' is not numbers"),
        (["bench", "nowhere", "--threads", "0"], "threads"),
        (["bench", "nowhere", "--threads", "1000000"], "this machine has"),
        (["bench", "nowhere", "--seconds", "nan"], "--seconds nan"),
        (["bench", "nowhere", "--seconds", "inf"], "--seconds inf"),
        (["apply", "nowhere", "--weights", "w.pt", "-o", "out"], "nowhere holds no finished run"),
        (["profile", "zoo:sampel"], "sampel"),
        (["profile", "zoo:sample", "--input", "3by3"], "is not a shape"),
        (["profile", "zoo:sample", "--input", "1x7x8x8"], "failed on an input"),
        (["profile", "zoo:sample", "--num-classes", "0"], "0 classes"),
        (["groups", "zoo:sample", "--num-classes", "-2"], "-2 classes"),
        (["groups", "ct2:nowhere"], "nowhere has no model.bin"),
        (["targets", "onnxruntime", "onnxruntme"], "unknown target 'onnxruntme'"),
        (["zoo", "sampel"], "sampel"),
        (["zoo", "sample", "--threads", "0"], "--threads 0"),
        (["zoo", "--fits", "size<=2%"], "is a percentage"),
        (["zoo", "--fits", "latency<=2ms"], "needs a measurement"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_other_commands(
    lissom: Lissom, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    lissom(*arguments).is_refusal(said)
    assert list(tmp_path.iterdir()) == []


def test_a_budget_that_was_refused_can_be_corrected_in_the_same_folder(
    lissom: Lissom, compressing: Words, tmp_path: Path
) -> None:
    lissom(*compressing(tmp_path / "run", budget="size<=2MB")).is_refusal("the original meets the budget already")
    lissom(*compressing(tmp_path / "run", budget="size<=1B")).is_refusal("no model meets size<=1B")
