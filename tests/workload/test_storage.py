"""A changed model is written as data and comes back, in the user's own class, with what was done to it."""

import json
from pathlib import Path

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
    path.write_bytes(b"nothing of the kind")
    with pytest.raises(LissomError, match="cannot read"):
        load_model(path, fresh_net)


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
