"""INT8 alone as a plan: tried on top of the original as it is, and carried out again on a newer checkpoint."""

import json
from functools import partial
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from lissom import api
from lissom.core.ledger import Ledger
from lissom.core.records import Trial
from lissom.engine import delivery
from lissom.engine.options import Options
from lissom.testing.commands import Done


def test_int8_alone_and_again_on_a_newer_checkpoint(
    compressing, lissom, user: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "neighbours", lambda *given: ([], []))
    monkeypatch.setattr(api, "Options", partial(Options, measure_s=0.05))
    done: Done = lissom(*compressing(tmp_path / "run", budget="size<=70%, drop<=30pt", plan="int8"))
    assert done.code == 0, done.err
    assert "as it is" in done.out and "the limit on size needs it" in done.out
    tried = Ledger(tmp_path / "run").all(Trial)
    assert [[step["step"] for step in trial.steps] for trial in tried] == [["nothing"], ["int8"]]
    assert tried[0].figures is not None and tried[1].figures is not None
    assert tried[0].figures.parameters == tried[1].figures.parameters, "nothing is cut"
    newer = {name: tensor * 1.01 if tensor.is_floating_point() else tensor
             for name, tensor in load_file(user / "net.safetensors").items()}  # fmt: skip
    save_file(newer, tmp_path / "newer.safetensors")
    done = lissom("apply", tmp_path / "run", "--weights", tmp_path / "newer.safetensors", "-o", tmp_path / "again")
    assert done.code == 0, done.err
    files = [tmp_path / name / "bundle" for name in ("run", "again")]
    manifests = [json.loads((bundle / "manifest.json").read_text(encoding="utf-8")) for bundle in files]
    assert [manifest["precision"] for manifest in manifests] == ["int8", "int8"]
    assert (files[0] / "model.onnx").read_bytes() != (files[1] / "model.onnx").read_bytes()
    assert lissom("bench", files[1], "--verify", "--seconds", "0.1").code == 0
