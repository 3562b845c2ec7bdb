"""What every target has to keep to. Inherit, and say which target is meant::

class TestMine(TargetContract):
    name = "mine"
"""

from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import torch

from lissom.core.errors import LissomError
from lissom.steps.pruning.prune import without
from lissom.targets import TARGETS
from lissom.targets.target import Artefact, Target
from lissom.testing.table import REMOVED
from lissom.testing.tiny import tiny_workload
from lissom.workload.workload import Workload

_DIFFERENCE = 1e-4
_AGREEMENT = 0.9


class TargetContract:
    """A target exports with a free batch size, answers as PyTorch does, quantizes, and explains what it cannot."""

    name: ClassVar[str]

    @pytest.fixture(autouse=True)
    def one_thread(self) -> None:
        """Sums in one order, and little of the machine."""
        torch.set_num_threads(1)

    @pytest.fixture
    def target(self) -> Target:
        """The target, where it can be used."""
        target: Target = TARGETS.get(self.name)()
        missing = target.missing()
        if missing:
            pytest.skip(missing)
        return target

    @pytest.fixture
    def workload(self) -> Workload:
        """A tiny trained model with data."""
        return tiny_workload()

    @pytest.fixture
    def artefact(self, target: Target, workload: Workload, tmp_path: Path) -> Artefact:
        """The model as an FP32 artefact."""
        return target.export(workload.module, workload.example, tmp_path / "model.onnx")

    def test_its_name_is_the_one_in_the_table(self, target: Target) -> None:
        assert target.name == self.name

    def test_an_artefact_is_fp32_without_remarks(self, artefact: Artefact) -> None:
        assert artefact.precision == "fp32" and artefact.notes == () and artefact.size_bytes > 0

    @pytest.mark.parametrize("batch", [1, 2, 7])
    def test_any_batch_is_answered_as_by_torch(
        self, target: Target, workload: Workload, artefact: Artefact, batch: int
    ) -> None:
        assert difference(target, workload, artefact, batch) < _DIFFERENCE

    def test_a_cut_model_is_answered_as_by_torch(self, target: Target, tmp_path: Path) -> None:
        cut = without(tiny_workload(), REMOVED)
        artefact = target.export(cut.module, cut.example, tmp_path / "cut.onnx")
        assert difference(target, cut, artefact, 5) < _DIFFERENCE

    def test_the_model_stays_as_it_is(self, target: Target, workload: Workload, tmp_path: Path) -> None:
        workload.module.train()
        before = {name: tensor.clone() for name, tensor in workload.module.state_dict().items()}
        target.export(workload.module, workload.example, tmp_path / "model.onnx")
        assert all(torch.equal(before[name], tensor) for name, tensor in workload.module.state_dict().items())
        assert all(module.training for module in workload.module.modules())

    def test_more_threads_answer_alike(self, target: Target, workload: Workload, artefact: Artefact) -> None:
        inputs = arrays(workload, 16)
        one, two = (target.load(artefact.path, threads=count).run(inputs)[0] for count in (1, 2))
        assert np.allclose(one, two, atol=1e-5)

    def test_quantized_it_is_smaller_and_agrees(
        self, target: Target, workload: Workload, artefact: Artefact, tmp_path: Path
    ) -> None:
        given = artefact.path.read_bytes()
        calibration = [arrays(workload, 32) for _ in range(2)]
        made = target.quantize(artefact, calibration, tmp_path / "model-int8.onnx")
        inputs = arrays(workload, 100)
        plain, small = (target.load(item.path, threads=1).run(inputs)[0] for item in (artefact, made))
        assert made.precision == "int8" and made.size_bytes < artefact.size_bytes
        assert (plain.argmax(1) == small.argmax(1)).mean() >= _AGREEMENT
        assert artefact.path.read_bytes() == given

    def test_quantizing_without_inputs_is_refused(self, target: Target, artefact: Artefact, tmp_path: Path) -> None:
        with pytest.raises(LissomError, match="no inputs"):
            target.quantize(artefact, [], tmp_path / "model-int8.onnx")

    def test_calibration_with_nan_is_refused(
        self, target: Target, workload: Workload, artefact: Artefact, tmp_path: Path
    ) -> None:
        bad = arrays(workload, 4)
        bad[0][2, 0, 0, 0] = np.nan
        with pytest.raises(LissomError, match="batch 1 holds NaN"):
            target.quantize(artefact, [arrays(workload, 4), bad], tmp_path / "model-int8.onnx")
        assert not (tmp_path / "model-int8.onnx").exists()

    def test_peak_memory_is_more_than_nothing(self, target: Target, workload: Workload, artefact: Artefact) -> None:
        peak = target.peak_memory_bytes(artefact.path, arrays(workload, 1), threads=1)
        assert 10_000 < peak < 2_000_000_000

    def test_any_path_will_do(self, target: Target, workload: Workload, tmp_path: Path) -> None:
        folder = tmp_path / "mes modèles 模型" / "a b"
        folder.mkdir(parents=True)
        artefact = target.export(workload.module, workload.example, folder / "réseau 网络.onnx")
        made = target.quantize(artefact, [arrays(workload, 8)], folder / "réseau-int8 网络.onnx")
        assert difference(target, workload, artefact, 3) < _DIFFERENCE
        target.load(made.path, threads=1).run(arrays(workload, 2))
        assert target.peak_memory_bytes(artefact.path, arrays(workload, 1), threads=1) > 0

    @pytest.mark.parametrize("damage", ["cut off", "noise", "empty", "missing"])
    def test_a_damaged_artefact_is_explained(
        self, target: Target, workload: Workload, artefact: Artefact, damage: str
    ) -> None:
        content = artefact.path.read_bytes()
        artefact.path.unlink()
        if damage != "missing":
            contents = {"cut off": content[: len(content) // 2], "noise": b"\x93" * 500, "empty": b""}
            artefact.path.write_bytes(contents[damage])
        with pytest.raises(LissomError, match=r"model\.onnx"):
            target.load(artefact.path, threads=1).run(arrays(workload, 1))
        with pytest.raises(LissomError, match=r"model\.onnx"):
            target.peak_memory_bytes(artefact.path, arrays(workload, 1), threads=1)


def arrays(workload: Workload, count: int) -> list[np.ndarray]:
    """The first inputs of the test split."""
    return [tensor.numpy().copy() for tensor in workload.splits.test.take(range(count)).inputs]


@torch.no_grad()
def difference(target: Target, workload: Workload, artefact: Artefact, count: int) -> float:
    """The largest difference from PyTorch, relative to the largest output."""
    inputs = workload.splits.test.take(range(count)).inputs
    expected = workload.module.eval()(*inputs).numpy()
    found = target.load(artefact.path, threads=1).run([tensor.numpy() for tensor in inputs])[0]
    assert found.shape == expected.shape
    return float(np.abs(found - expected).max() / np.abs(expected).max())
