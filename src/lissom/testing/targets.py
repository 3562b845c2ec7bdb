"""What every target has to keep to. Inherit, and say which target is meant::

class TestMine(TargetContract):
    name = "mine"
"""

from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from lissom.core.errors import LissomError
from lissom.steps.pruning.prune import without
from lissom.targets import TARGETS
from lissom.targets.parity import check_parity
from lissom.targets.target import FP16, FP32, INT8, Artefact, Source, Target
from lissom.testing.table import REMOVED
from lissom.testing.tiny import tiny_workload
from lissom.workload.workload import Workload

_DIFFERENCE = 1e-4
_AGREEMENT = 0.9
_MANY = 64


class TargetContract:
    """A target exports, answers as PyTorch does, quantizes where it can, and explains what it cannot.

    Artefacts are made once for the class, since some converters are slow; a test that changes one takes a copy.
    """

    name: ClassVar[str]

    @pytest.fixture(autouse=True)
    def one_thread(self) -> None:
        """Sums in one order, and little of the machine."""
        torch.set_num_threads(1)

    @pytest.fixture(scope="class")
    @classmethod
    def target(cls) -> Target:
        """The target, where it can be used."""
        target: Target = TARGETS.get(cls.name)()
        missing = target.missing()
        if missing:
            pytest.skip(missing)
        return target

    @pytest.fixture(scope="class")
    @classmethod
    def workload(cls) -> Workload:
        """A tiny trained model with data."""
        return tiny_workload()

    @pytest.fixture(scope="class")
    @classmethod
    def artefact(cls, target: Target, workload: Workload, tmp_path_factory: pytest.TempPathFactory) -> Artefact:
        """The model as an FP32 artefact."""
        folder = tmp_path_factory.mktemp("mes modèles 模型")
        return target.export(workload.module, workload.example, target.place(folder, "réseau 网络"))

    @pytest.fixture(scope="class")
    @classmethod
    def quantized(cls, target: Target, workload: Workload, artefact: Artefact, source: Source) -> Artefact:
        """The model as an INT8 artefact."""
        if INT8 not in target.precisions:
            pytest.skip(f"{target.title} has no INT8")
        calibration = [arrays(workload, _MANY)]
        path = target.place(artefact.path.parent, "réseau-int8 网络")
        return target.quantize(source, calibration, path)

    @pytest.fixture(scope="class")
    @classmethod
    def source(cls, workload: Workload, artefact: Artefact) -> Source:
        """What an INT8 artefact is made of."""
        return Source(workload.module, workload.example, artefact)

    def test_the_first_number_format_is_that_of_the_model(self, target: Target) -> None:
        """What must not be quantized is made in that one alone."""
        assert target.precisions[0] == FP32

    def test_its_name_is_the_one_in_the_table(self, target: Target) -> None:
        assert target.name == self.name
        assert target.versions() and all(target.versions().values())

    def test_an_artefact_is_fp32_without_remarks(self, artefact: Artefact, target: Target) -> None:
        assert artefact.precision == FP32 and artefact.notes == ()
        assert all(file.stat().st_size for file in artefact.files)
        assert tuple(file.suffix for file in artefact.files) == target.suffixes
        assert artefact.size_bytes == sum(file.stat().st_size for file in artefact.files)
        beside = {file.name for file in artefact.path.parent.iterdir() if "int8" not in file.name}
        assert beside == {file.name for file in artefact.files}, "nothing is left beside the artefact"

    @pytest.mark.parametrize("batch", [1, 2, 7])
    def test_any_batch_is_answered_as_by_torch(
        self, target: Target, workload: Workload, artefact: Artefact, batch: int
    ) -> None:
        assert difference(target, workload, artefact, batch) < _DIFFERENCE

    def test_one_runner_takes_batches_of_every_size(
        self, target: Target, workload: Workload, artefact: Artefact
    ) -> None:
        runner = target.load(artefact.path, threads=1)
        whole = runner.run(arrays(workload, 5))[0]
        for count in (1, 3, 5, 2):
            assert np.allclose(runner.run(arrays(workload, count))[0], whole[:count], atol=1e-4)

    def test_a_cut_model_is_answered_as_by_torch(self, target: Target, tmp_path: Path) -> None:
        cut = without(tiny_workload(), REMOVED)
        artefact = target.export(cut.module, cut.example, target.place(tmp_path, "cut"))
        assert difference(target, cut, artefact, 5) < _DIFFERENCE

    def test_the_model_stays_as_it_is(self, target: Target, workload: Workload, tmp_path: Path) -> None:
        given = tiny_workload().module.train()
        before = {name: tensor.clone() for name, tensor in given.state_dict().items()}
        target.export(given, workload.example, target.place(tmp_path, "model"))
        assert all(torch.equal(before[name], tensor) for name, tensor in given.state_dict().items())
        assert all(module.training for module in given.modules())

    def test_more_threads_answer_alike(self, target: Target, workload: Workload, artefact: Artefact) -> None:
        inputs = arrays(workload, 16)
        one, two = (target.load(artefact.path, threads=count).run(inputs)[0] for count in (1, 2))
        assert np.allclose(one, two, atol=1e-5)
        assert torch.get_num_threads() == 1, "what else the process does keeps its threads"

    def test_answers_are_not_overwritten_by_the_next(
        self, target: Target, workload: Workload, artefact: Artefact
    ) -> None:
        runner = target.load(artefact.path, threads=1)
        first = runner.run(arrays(workload, 1))[0]
        kept = first.copy()
        runner.run([array[3:4] for array in arrays(workload, 4)])
        assert np.array_equal(first, kept)

    def test_of_a_model_that_names_layers_these_alone_are_in_int8(
        self, target: Target, workload: Workload, artefact: Artefact, source: Source, tmp_path: Path
    ) -> None:
        part = replace(workload, int8_layers=("classifier.*",))
        if not target.quantizes_some_layers:
            assert target.formats(part) == (FP32,)
            return
        assert target.formats(part) == (FP32, INT8)
        inputs, calibration = arrays(workload, 16), [arrays(workload, _MANY)]
        plain = target.load(artefact.path, threads=1).run(inputs)[0]
        found: list[tuple[float, int]] = []
        for number, layers in enumerate((part.int8_layers, ())):
            named = replace(source, int8_layers=layers)
            made = target.quantize(named, calibration, target.place(tmp_path, f"part-{number}"), target.recipes[0])
            apart = float(np.abs(target.load(made.path, threads=1).run(inputs)[0] - plain).max())
            found.append((apart, made.size_bytes))
        assert 0 < found[0][0] < found[1][0], "what is not named is as in FP32"
        assert artefact.size_bytes > found[0][1]

    def test_parity_is_confirmed(self, target: Target, workload: Workload, artefact: Artefact) -> None:
        found = check_parity(workload.module, target, artefact, arrays(workload, 8))
        assert found.distance < _DIFFERENCE and found.agreement == 1

    def test_an_artefact_of_another_model_is_refused(
        self, target: Target, workload: Workload, artefact: Artefact
    ) -> None:
        with torch.no_grad():
            other = tiny_workload().module
            other.get_parameter("features.3.weight")[4].mul_(-3)
        with pytest.raises(LissomError, match="differs from PyTorch") as refused:
            check_parity(other, target, artefact, arrays(workload, 8))
        if target.values(artefact.path, arrays(workload, 1)):
            assert "the first layer that differs is features.3" in str(refused.value)

    def test_half_precision_is_half_the_size(
        self, target: Target, workload: Workload, artefact: Artefact, tmp_path: Path
    ) -> None:
        path = target.place(tmp_path, "half")
        if FP16 not in target.precisions:
            with pytest.raises(LissomError, match="has no fp16"):
                target.export(workload.module, workload.example, path, FP16)
            assert not path.exists()
            return
        half = target.export(workload.module, workload.example, path, FP16)
        weights = 2 * sum(parameter.numel() for parameter in workload.module.parameters())
        assert half.precision == FP16 and half.size_bytes < artefact.size_bytes - 0.8 * weights
        check_parity(workload.module, target, half, arrays(workload, 8))

    def test_quantized_it_is_smaller_and_agrees(
        self, target: Target, workload: Workload, artefact: Artefact, quantized: Artefact
    ) -> None:
        inputs = arrays(workload, 100)
        plain, small = (target.load(item.path, threads=1).run(inputs)[0] for item in (artefact, quantized))
        assert quantized.precision == INT8
        # of a network this small the description of an IR weighs more than the weights: those are the last file
        assert quantized.files[-1].stat().st_size < artefact.files[-1].stat().st_size
        assert small.dtype == plain.dtype and (plain.argmax(1) == small.argmax(1)).mean() >= _AGREEMENT
        assert difference(target, workload, artefact, 3) < _DIFFERENCE, "the FP32 artefact stays as it is"
        assert "INT8" in quantized.notes[-1]

    def test_without_int8_it_says_so(
        self, target: Target, workload: Workload, artefact: Artefact, source: Source
    ) -> None:
        if INT8 in target.precisions:
            pytest.skip(f"{target.title} has INT8")
        path = target.place(artefact.path.parent, "no-int8")
        with pytest.raises(LissomError, match="has no INT8"):
            target.quantize(source, [arrays(workload, 8)], path)
        assert not path.exists()

    def test_one_input_is_enough_to_calibrate(
        self, target: Target, workload: Workload, source: Source, quantized: Artefact, tmp_path: Path
    ) -> None:
        made = target.quantize(source, [arrays(workload, 1)], target.place(tmp_path, "one"))
        assert np.isfinite(target.load(made.path, threads=1).run(arrays(workload, 4))[0]).all()

    @pytest.mark.parametrize("bad", ["nothing", "nan", "infinity"])
    def test_calibration_that_tells_nothing_is_refused(
        self, target: Target, workload: Workload, source: Source, quantized: Artefact, bad: str, tmp_path: Path
    ) -> None:
        calibration = [arrays(workload, 4), arrays(workload, 4)]
        calibration[1][0][2, 0, 0, 0] = np.nan if bad == "nan" else np.inf
        path = target.place(tmp_path, "model-int8")
        said = "no inputs" if bad == "nothing" else "batch 1 holds NaN or infinity"
        with pytest.raises(LissomError, match=said):
            target.quantize(source, [] if bad == "nothing" else calibration, path)
        assert list(tmp_path.iterdir()) == []

    def test_a_model_of_one_batch_alone_is_answered_one_at_a_time(self, target: Target, tmp_path: Path) -> None:
        workload = tiny_workload(OneByOne().eval())
        artefact = target.export(workload.module, workload.example, target.place(tmp_path, "one"))
        check_parity(workload.module, target, artefact, arrays(workload, 1))
        runner, inputs = target.load(artefact.path, threads=1), arrays(workload, 3)
        single = [runner.run([array[place : place + 1] for array in inputs])[0] for place in range(3)]
        assert np.array_equal(runner.run(inputs)[0], np.concatenate(single))
        assert target.free_batch == bool(artefact.notes), "what a user would not expect is said"

    @pytest.mark.parametrize("kind", ["operator", "values decide"])
    def test_what_it_cannot_convert_is_explained(self, target: Target, kind: str, tmp_path: Path) -> None:
        workload = tiny_workload((Rare() if kind == "operator" else Deciding()).eval())
        path = target.place(tmp_path, "model")
        try:
            artefact = target.export(workload.module, workload.example, path)
        except LissomError as refused:
            said = str(refused)
            assert refused.hints and len(said) < 500 and "\x1b" not in said and "Traceback" not in said
            assert kind == "values decide" or any(word in said for word in ("svd", "operator"))
            assert list(tmp_path.iterdir()) == [], "nothing half-written"
        else:
            assert kind == "operator", "a decision frozen by tracing would be wrong for other inputs"
            check_parity(workload.module, target, artefact, arrays(workload, 4))

    def test_fallbacks_are_counted_by_operator(self, target: Target, artefact: Artefact) -> None:
        found = target.fallbacks(artefact)
        assert all(isinstance(name, str) and count > 0 for name, count in found.items())

    def test_peak_memory_is_more_than_nothing(self, target: Target, workload: Workload, artefact: Artefact) -> None:
        peak = target.peak_memory_bytes(artefact.path, arrays(workload, 1), threads=1)
        assert 10_000 < peak < 2_000_000_000

    @pytest.mark.parametrize("damage", ["cut off", "noise", "empty", "missing"])
    def test_a_damaged_artefact_is_explained(
        self, target: Target, workload: Workload, artefact: Artefact, damage: str, tmp_path: Path
    ) -> None:
        path = target.place(tmp_path, "model")
        for file in artefact.files:
            path.with_suffix(file.suffix).write_bytes(file.read_bytes())
        content = path.read_bytes()
        path.unlink()
        if damage != "missing":
            contents = {"cut off": content[: len(content) // 2], "noise": b"\x93" * 500, "empty": b""}
            path.write_bytes(contents[damage])
        with pytest.raises(LissomError, match=path.name):
            target.load(path, threads=1).run(arrays(workload, 1))
        if damage == "missing":  # once: it takes a process
            with pytest.raises(LissomError, match=path.name):
                target.peak_memory_bytes(path, arrays(workload, 1), threads=1)

    def test_a_folder_that_cannot_be_written_is_explained(
        self, target: Target, workload: Workload, tmp_path: Path
    ) -> None:
        (tmp_path / "file").write_text("not a folder")
        with pytest.raises(LissomError, match="cannot be written"):
            target.export(workload.module, workload.example, target.place(tmp_path / "file", "model"))


class OneByOne(nn.Module):
    """A model that refuses every batch but one of one."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Conv2d(3, 4, 3)

    def forward(self, pictures: Tensor) -> Tensor:
        """Scores ``(1, 4)`` of one picture ``(1, 3, height, width)``."""
        if pictures.shape[0] != 1:
            raise ValueError("one picture at a time")
        return self.layer(pictures).mean((2, 3))


class Rare(OneByOne):
    """A model with an operator that hardly any runtime has."""

    def forward(self, pictures: Tensor) -> Tensor:
        """Scores ``(batch, 4)`` of pictures ``(batch, 3, height, width)``."""
        return self.layer(pictures).mean((2, 3)) + torch.linalg.svdvals(pictures[:, 0])[:, :4]


class Deciding(OneByOne):
    """A model that does one thing or another, by what it sees."""

    def forward(self, pictures: Tensor) -> Tensor:
        """Scores ``(batch, 4)`` of pictures ``(batch, 3, height, width)``."""
        found = self.layer(pictures).mean((2, 3))
        return found if float(found.detach().sum()) > 0 else -found


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
