"""What every step has to keep to. Inherit, and say which step is meant::

class TestMine(StepContract):
    case = StepCase(Mine(), tiny_workload)
"""

import copy
import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from torch import nn

from lissom.steps.step import STEPS, ArtefactStep, ModelStep, step_from_json
from lissom.targets.target import Artefact
from lissom.testing.table import StepCase
from lissom.testing.tiny import tiny_context
from lissom.workload.workload import Workload

_WORDS = 60


def fingerprint(module: nn.Module) -> dict[str, Any]:
    """All that a step may not change of a model that it is given."""
    return {
        "state": {name: tensor.clone() for name, tensor in module.state_dict().items()},
        "modes": {name: part.training for name, part in module.named_modules()},
        "gradients": {name: (p.requires_grad, p.grad is None) for name, p in module.named_parameters()},
        "attributes": {name: sorted(vars(part)) for name, part in module.named_modules()},
        "hooks": sum(len(part._forward_hooks) + len(part._forward_pre_hooks) for part in module.modules()),
    }


def same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether two fingerprints are equal, to the bit."""
    states = one["state"], other["state"]
    rest = [key for key in one if key != "state"]
    return (
        states[0].keys() == states[1].keys()
        and all(torch.equal(states[0][name], states[1][name]) for name in states[0])
        and all(one[key] == other[key] for key in rest)
    )


class StepContract:
    """A step is a frozen value; applying it changes nothing that it was given and depends on the seed alone."""

    case: ClassVar[StepCase]

    @pytest.fixture(autouse=True)
    def one_thread(self) -> None:
        """Sums in one order, and little of the machine."""
        torch.set_num_threads(1)

    def test_it_has_a_name_in_the_table(self) -> None:
        assert STEPS.get(self.case.step.name) is type(self.case.step)

    def test_it_is_a_frozen_value(self) -> None:
        step = self.case.step
        assert copy.deepcopy(step) == step and hash(step) == hash(copy.deepcopy(step))
        for field in dataclasses.fields(step):
            with pytest.raises(dataclasses.FrozenInstanceError):
                setattr(step, field.name, None)

    def test_it_comes_back_from_json(self) -> None:
        step = self.case.step
        assert step_from_json(json.loads(json.dumps(step.to_json()))) == step

    def test_it_says_what_it_does_in_a_few_words(self) -> None:
        words = self.case.step.describe()
        assert 0 < len(words) < _WORDS and "\n" not in words

    def test_what_it_is_given_stays_as_it_is(self, tmp_path: Path) -> None:
        workload, original = self.case.workload(), self.case.original()
        before = fingerprint(workload.module), fingerprint(original.module)
        fields = dict(vars(workload))
        artefact = self.exported(workload, tmp_path)
        digest = _digest(artefact.path)
        self.apply(workload, artefact, tmp_path / "run", original)
        assert same(fingerprint(workload.module), before[0])
        assert same(fingerprint(original.module), before[1]), "the original is shared by all steps"
        assert vars(workload) == fields
        assert _digest(artefact.path) == digest

    def test_a_model_in_training_mode_is_left_in_it(self, tmp_path: Path) -> None:
        workload, original = self.case.workload(), self.case.original()
        artefact = self.exported(workload, tmp_path)
        workload.module.train()
        original.module.train()
        before = fingerprint(workload.module), fingerprint(original.module)
        self.apply(workload, artefact, tmp_path / "run", original)
        assert same(fingerprint(workload.module), before[0])
        assert same(fingerprint(original.module), before[1])

    def test_the_seed_decides_and_nothing_else(self, tmp_path: Path) -> None:
        answers = []
        for number in range(2):
            torch.manual_seed(number)  # the global state is nobody's seed
            random = torch.random.get_rng_state()
            workload = self.case.workload()
            artefact = self.exported(workload, tmp_path / str(number))
            answers.append(self.answers(workload, artefact, tmp_path / str(number) / "run"))
            assert torch.equal(torch.random.get_rng_state(), random), "the global random state was moved"
        assert np.array_equal(*answers)

    def test_what_comes_out_answers_as_many_classes(self, tmp_path: Path) -> None:
        workload = self.case.workload()
        found = self.answers(workload, self.exported(workload, tmp_path), tmp_path / "run")
        outputs = workload.module(*workload.example).shape[-1]
        assert found.shape[0] == 16 and found.shape[-1] == outputs and np.isfinite(found).all()

    def test_what_comes_out_is_in_eval_mode_on_the_processor(self, tmp_path: Path) -> None:
        workload = self.case.workload()
        result = self.apply(workload, self.exported(workload, tmp_path), tmp_path / "run", self.case.original())
        if isinstance(result, Workload):
            assert not result.module.training
            assert {p.device.type for p in result.module.parameters()} == {"cpu"}
            assert (result.name, result.splits, result.task) == (workload.name, workload.splits, workload.task)
        else:
            assert result.path.is_relative_to(tmp_path / "run" / "own"), "an artefact belongs into context.folder"
            assert result.size_bytes > 0

    def exported(self, workload: Workload, folder: Path) -> Artefact:
        """The FP32 artefact of a workload, where the step is for artefacts; else a file that nobody reads."""
        folder.mkdir(parents=True, exist_ok=True)
        context = tiny_context(folder, workload, target=self.case.target)
        path = context.target.place(folder, "given")
        if isinstance(self.case.step, ArtefactStep):
            return context.target.export(workload.module, workload.example, path)
        path.touch()
        return Artefact(path)

    def apply(self, workload: Workload, artefact: Artefact, folder: Path, original: Workload) -> Workload | Artefact:
        """Apply the step to whichever it is for."""
        context, step = tiny_context(folder, original, target=self.case.target), self.case.step
        if isinstance(step, ArtefactStep):
            return step.apply(artefact, workload, context)
        assert isinstance(step, ModelStep)
        return step.apply(workload, context)

    def answers(self, workload: Workload, artefact: Artefact, folder: Path) -> np.ndarray:
        """What the result answers on sixteen examples."""
        result = self.apply(workload, artefact, folder, self.case.original())
        inputs = workload.splits.test.take(range(16)).inputs
        if isinstance(result, Workload):
            with torch.no_grad():
                return result.module(*inputs).numpy()
        runner = tiny_context(folder, workload, target=self.case.target).target.load(result.path, threads=1)
        return runner.run([tensor.numpy() for tensor in inputs])[0]


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
