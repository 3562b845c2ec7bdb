"""A changed model is written as data and comes back, in the user's own class, with what was done to it."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from lissom.core.errors import LissomError
from lissom.graph import save
from lissom.layers.replacement import Replacement, put
from lissom.steps.pruning.prune import without
from lissom.testing import TinyNet, fresh_net, tiny_workload, trained_net
from lissom.workload.changes import Zeros
from lissom.workload.storage import load_model, save_model

LEFT_OUT = Replacement("features.4", "passed")


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def test_everything_that_was_done_is_done_again(tmp_path: Path) -> None:
    workload = without(tiny_workload(), {0: (1, 4), 2: (0,)})
    put(workload.module, LEFT_OUT.module, LEFT_OUT.build())
    zeros = Zeros(("classifier.weight",))
    changes = (*workload.changes, LEFT_OUT, zeros)
    save_model(tmp_path / "m.safetensors", workload.module, changes)
    again, known = load_model(tmp_path / "m.safetensors", fresh_net)
    assert known == changes and type(again) is TinyNet
    inputs = workload.example[0]
    assert torch.equal(again.eval()(inputs), workload.module.eval()(inputs))
    assert sum(p.numel() for p in again.parameters()) == sum(p.numel() for p in workload.module.parameters())


def test_what_is_written_is_json_and_tensors(tmp_path: Path) -> None:
    save_model(tmp_path / "m.safetensors", trained_net(), (Zeros(("classifier.weight",)),))
    with safe_open(str(tmp_path / "m.safetensors"), framework="pt") as file:
        described = json.loads(file.metadata()["lissom"])
    assert described["changes"] == [{"change": "zeros", "names": ["classifier.weight"]}]


def test_files_of_earlier_versions_are_read(tmp_path: Path) -> None:
    workload = without(tiny_workload(), {0: (1, 4)})
    assert workload.cut is not None
    save(tmp_path / "cut.safetensors", workload.cut, workload.module)
    again, changes = load_model(tmp_path / "cut.safetensors", fresh_net)
    assert changes == (workload.cut,)
    inputs = workload.example[0]
    assert torch.equal(again.eval()(inputs), workload.module.eval()(inputs))
    save_file(trained_net().state_dict(), tmp_path / "plain.safetensors")
    plain, none = load_model(tmp_path / "plain.safetensors", fresh_net)
    assert none == () and torch.equal(plain.eval()(inputs), trained_net()(inputs))


def test_a_file_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    save_model(path, trained_net(), (Replacement("features.9", "passed"),))
    with pytest.raises(LissomError, match=r"no layer called 'features\.9'"):
        load_model(path, fresh_net)
    few = trained_net()
    few.classifier = torch.nn.Identity()
    save_model(path, few)
    with pytest.raises(LissomError, match=r"no values for classifier\.weight"):
        load_model(path, fresh_net)
    wide = trained_net()
    wide.classifier = torch.nn.Linear(32, 7)
    wide.more = torch.nn.Linear(1, 1)
    save_model(path, wide)
    with pytest.raises(
        LissomError,
        match=r"classifier\.bias is \(7,\) in the file and \(4,\) in this model \(and 3 more that",
    ):
        load_model(path, fresh_net)
    path.write_bytes(b"nothing of the kind")
    with pytest.raises(LissomError, match="cannot read"):
        load_model(path, fresh_net)


def test_statistics_that_a_file_lacks_are_missed(tmp_path: Path) -> None:
    """A network with BatchNorm's statistics of a fresh instance runs, and answers nonsense."""
    few = {name: tensor for name, tensor in trained_net().state_dict().items() if "running_var" not in name}
    for header in ({}, {"lissom": json.dumps({"schema": 2, "changes": []})}):
        save_file(few, tmp_path / "m.safetensors", header)
        with pytest.raises(LissomError, match=r"(no values for|missing:) features\.1\.running_var"):
            load_model(tmp_path / "m.safetensors", fresh_net)


def test_a_damaged_header_is_said(tmp_path: Path) -> None:
    for header in ("{", "3"):
        save_file(trained_net().state_dict(), tmp_path / "m.safetensors", {"lissom": header})
        with pytest.raises(LissomError, match="its header is damaged"):
            load_model(tmp_path / "m.safetensors", fresh_net)


def test_weights_alone_have_to_be_those_of_the_fresh_instance(tmp_path: Path) -> None:
    path, state = tmp_path / "w.safetensors", trained_net().state_dict()
    for prefix in ("", "module."):
        save_file({prefix + name: tensor for name, tensor in state.items()}, path)
        again, changes = load_model(path, fresh_net)
        assert changes == () and all(map(torch.equal, again.state_dict().values(), state.values()))
    smaller = without(tiny_workload(), {0: (1, 4)}).module
    for wrong, said in (
        (smaller.state_dict(), r"other shape: features\.0\.weight \(14, 3, 3, 3\) in the file"),
        (
            {f"net_{name}": tensor for name, tensor in state.items()},
            r"missing: features\.0\.weight.*; unexpected: net_",
        ),
        ({**state, "head.bias": torch.zeros(3)}, r"unexpected: head\.bias"),
    ):
        save_file(wrong, path)
        with pytest.raises(LissomError, match=said) as caught:
            load_model(path, fresh_net)
        assert "the file holds weights alone" in caught.value.message and "run.model" in caught.value.hints[-1]
    save_file({**state, "classifier.bias": torch.tensor([0, torch.nan, 0, 0])}, path)
    with pytest.raises(LissomError, match="NaN"):
        load_model(path, fresh_net)


def test_tied_weights_alone_may_stand_under_one_name(tmp_path: Path) -> None:
    def tied() -> torch.nn.Module:
        model = torch.nn.Sequential(torch.nn.Embedding(5, 3), torch.nn.Linear(3, 5, bias=False))
        model[1].weight = model[0].weight
        return model

    save_file({"1.weight": torch.arange(15.0).reshape(5, 3)}, tmp_path / "w.safetensors")
    again, _ = load_model(tmp_path / "w.safetensors", tied)
    assert again[0].weight is again[1].weight and again[0].weight[4, 2] == 14


@pytest.mark.parametrize("build", [TinyNet(), lambda: 3])
def test_what_builds_no_model_is_refused(tmp_path: Path, build: Any) -> None:
    save_model(tmp_path / "m.safetensors", trained_net())
    with pytest.raises(LissomError, match=r"build (is a model, a TinyNet|returned a int)"):
        load_model(tmp_path / "m.safetensors", build)


def test_a_file_of_a_later_version_is_refused(tmp_path: Path) -> None:
    save_file(trained_net().state_dict(), tmp_path / "m.safetensors", {"lissom": json.dumps({"schema": 99})})
    with pytest.raises(LissomError, match="schema 99"):
        load_model(tmp_path / "m.safetensors", fresh_net)


def test_a_layer_is_put_in_place_without_touching_the_random_state() -> None:
    before = torch.random.get_rng_state()
    model = trained_net()
    put(model, "features.4", LEFT_OUT.build())
    assert torch.equal(torch.random.get_rng_state(), before)
    with pytest.raises(LissomError, match="no layer called"):
        put(model, "", LEFT_OUT.build())
