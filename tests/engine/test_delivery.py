"""What a finished run hands over beside the bundle: the smaller model, as data."""

from pathlib import Path

import numpy as np
import pytest
import torch

import lissom
from lissom.core.ledger import Ledger
from lissom.targets.onnx_runtime import OnnxRuntime
from lissom.testing import fresh_net, tiny_workload

OPTIONS = lissom.Options(epochs=1, calibration=32, measure_s=0.02, tries=1, compared=0)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> lissom.Run:
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(OnnxRuntime, "peak_memory_bytes", lambda *given, **settings: 1_000_000)  # a process each
        folder = tmp_path_factory.mktemp("finished") / "run"
        return lissom.compress(tiny_workload(), budget="parameters<=60%, drop<=50pt", output=folder, options=OPTIONS)


def test_the_smaller_model_loads_into_its_own_class(finished: lissom.Run) -> None:
    fresh = fresh_net()
    model = lissom.load(finished.model, build=fresh_net)
    assert type(model) is type(fresh) and model.training == fresh.training
    verdict = Ledger(finished.folder).find("verdict")
    assert sum(p.numel() for p in model.parameters()) == verdict["final"]["parameters"]
    assert verdict["final"]["parameters"] < sum(p.numel() for p in fresh.parameters())


def test_it_computes_what_the_bundle_was_made_from(finished: lissom.Run) -> None:
    vectors = np.load(finished.bundle / "vectors.npz")
    model = lissom.load(finished.model, build=fresh_net).eval()
    with torch.no_grad():
        answers = model(torch.from_numpy(vectors["input_0"])).numpy()
    assert np.allclose(answers, vectors["original"], atol=1e-4)


def test_another_architecture_is_refused(finished: lissom.Run) -> None:
    def wider() -> torch.nn.Module:
        return torch.nn.Sequential(fresh_net(), torch.nn.Linear(2, 2))

    with pytest.raises(lissom.LissomError, match="another architecture"):
        lissom.load(finished.model, build=wider)


def test_no_half_written_model_is_left(finished: lissom.Run) -> None:
    assert not list(Path(finished.folder).rglob("*.part"))
