"""Weights are read as data and fitted with messages that say what differs."""

import os
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file
from torch import nn

from lissom.core.errors import LissomError
from lissom.workload.weights import fit, infer_num_classes, read_weights


def build(num_classes: int = 5) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(16, num_classes))


class Bomb:
    """Writes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("zipped", [True, False])
def test_a_pickle_that_runs_code_is_refused_and_not_run(tmp_path: Path, zipped: bool) -> None:
    trap, file = tmp_path / "ran", tmp_path / "weights.pt"
    if zipped:
        torch.save({"state_dict": Bomb(trap)}, file)
    else:
        file.write_bytes(pickle.dumps({"state_dict": Bomb(trap)}, protocol=2))
    with pytest.raises(LissomError, match="wants to run code") as caught:
        read_weights(file)
    assert not trap.exists()
    assert "state_dict" in caught.value.hints[0]
    assert str(caught.value).count("\n") < 4


def test_a_whole_pickled_model_is_refused_by_name(tmp_path: Path) -> None:
    file = tmp_path / "model.pth"
    torch.save(build(), file)
    with pytest.raises(LissomError, match=r"torch\.nn\.modules"):
        read_weights(file)


@pytest.mark.parametrize("content", [b"", b"not weights at all", b"PK\x03\x04 cut off", b"\x80\x02 cut off"])
@pytest.mark.parametrize("ending", [".pt", ".safetensors"])
def test_damaged_files_are_said_to_be(tmp_path: Path, content: bytes, ending: str) -> None:
    file = tmp_path / f"weights{ending}"
    file.write_bytes(content)
    with pytest.raises(LissomError, match=r"damaged|wants to run"):
        read_weights(file)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200), st.sampled_from([b"", b"PK\x03\x04", b"\x80\x02", b"\x80\x04\x95"]))
@pytest.mark.parametrize("ending", [".pt", ".safetensors"])
def test_any_bytes_end_in_one_short_error(tmp_path: Path, ending: str, content: bytes, start: bytes) -> None:
    file = tmp_path / f"weights{ending}"
    file.write_bytes(start + content)
    with pytest.raises(LissomError) as caught:
        read_weights(file)
    assert str(caught.value).count("\n") < 4


def test_a_cut_off_file_is_damaged(tmp_path: Path) -> None:
    for ending, save in ((".pt", torch.save), (".safetensors", save_file)):
        file = tmp_path / f"weights{ending}"
        save(build().state_dict(), file)
        file.write_bytes(file.read_bytes()[:-500])
        with pytest.raises(LissomError, match="damaged"):
            read_weights(file)


def test_missing_file_and_unknown_ending(tmp_path: Path) -> None:
    with pytest.raises(LissomError, match="no weight file"):
        read_weights(tmp_path / "absent.pt")
    (tmp_path / "weights.h5").write_bytes(b"x")
    with pytest.raises(LissomError, match="not a known kind"):
        read_weights(tmp_path / "weights.h5")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_values_that_are_not_finite_name_the_parameter(tmp_path: Path, value: float) -> None:
    state = build().state_dict()
    state["3.weight"][2, 1] = value
    torch.save(state, tmp_path / "w.pt")
    with pytest.raises(LissomError, match=r"'3\.weight' has 1 values"):
        read_weights(tmp_path / "w.pt")


@pytest.mark.parametrize("wrapper", ["state_dict", "model", None])
@pytest.mark.parametrize("prefix", ["", "module.", "module._orig_mod."])
def test_wrappers_prefixes_and_half_precision(tmp_path: Path, wrapper: str | None, prefix: str) -> None:
    source = build()
    state: Any = {
        prefix + key: value.half() if value.is_floating_point() else value for key, value in source.state_dict().items()
    }
    torch.save({wrapper: state, "epoch": 3} if wrapper else state, tmp_path / "w.pt")
    target = build()
    fit(target, read_weights(tmp_path / "w.pt"), "w.pt")
    assert target[3].weight.dtype == torch.float32
    assert torch.equal(target[3].weight, source[3].weight.half().float())


def test_a_file_without_tensors(tmp_path: Path) -> None:
    torch.save({"epoch": 3}, tmp_path / "w.pt")
    with pytest.raises(LissomError, match="holds no weights"):
        read_weights(tmp_path / "w.pt")


def test_misfits_are_listed() -> None:
    state = build(7).state_dict()
    state["extra"] = torch.zeros(1)
    del state["0.bias"]
    with pytest.raises(LissomError) as caught:
        fit(build(5), state, "file")
    message = caught.value.message
    assert "missing: 0.bias" in message
    assert "unexpected: extra" in message
    assert "3.weight (7, 16) in the file, (5, 16) in the model" in message


def test_weights_for_another_number_of_classes_say_so() -> None:
    with pytest.raises(LissomError) as caught:
        fit(build(5), build(7).state_dict(), "file")
    assert caught.value.hints == ("the file is for 7 classes, the model was built with 5",)


def test_the_number_of_classes_is_read_off_the_last_layer() -> None:
    assert infer_num_classes(build(7).state_dict(), build) == 7
    assert infer_num_classes(build(5).state_dict(), build) is None
    other = build(7).state_dict()
    other["0.weight"] = torch.zeros(8, 3, 3, 3)
    assert infer_num_classes(other, build) is None
