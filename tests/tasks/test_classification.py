"""Loss, distance, grades and scores of classification."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from lissom.tasks.classification import Classification
from lissom.workload.workload import Task

TASK = Classification(4)
OUTPUTS = np.array([[3.0, 0, 0, 0], [0, 3, 0, 0], [0, 0, 3, 0], [0, 0, 3, 0]], dtype=np.float32)
TARGETS = np.array([0, 1, 2, 1])


def test_it_is_a_task() -> None:
    task: Task = TASK
    assert task.name == "image"


def test_grades_and_scores() -> None:
    grades = TASK.grade(OUTPUTS, TARGETS)
    assert grades.tolist() == [1, 1, 1, 0]
    assert TASK.score(grades) == 75
    assert TASK.chance(TARGETS) == 50
    assert TASK.classes(grades, TARGETS)[:3] == (100, 50, 100)
    assert TASK.classes(grades, TARGETS)[3] is None
    assert TASK.agreement(OUTPUTS, OUTPUTS[[0, 1, 2, 0]]).tolist() == [1, 1, 1, 0]


def test_loss_is_cross_entropy_of_the_first_output() -> None:
    outputs, targets = torch.from_numpy(OUTPUTS), torch.from_numpy(TARGETS)
    wanted = F.cross_entropy(outputs, targets, label_smoothing=0.1)
    task = Classification(4, label_smoothing=0.1)
    for form in (outputs, (outputs, None), {"logits": outputs}):
        assert torch.equal(task.loss(form, targets), wanted)


def test_own_loss_and_metric() -> None:
    task = Classification(
        4,
        own_loss=lambda outputs, targets: outputs.sum() * 0 + 7,
        own_metric=lambda outputs, targets: np.full(len(targets), 0.25),
    )
    assert task.loss(torch.zeros(2, 4), torch.zeros(2)).item() == 7
    assert task.score(task.grade(OUTPUTS, TARGETS)) == 25


def test_distance_is_zero_at_the_teacher_only() -> None:
    outputs = torch.randn(5, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    assert TASK.distance(outputs, outputs).item() == pytest.approx(0, abs=1e-12)
    assert TASK.distance(outputs + 5, outputs).item() == pytest.approx(0, abs=1e-12)
    assert TASK.distance(-outputs, outputs).item() > 0.1


def test_probe_has_the_curvature_of_the_distance() -> None:
    outputs = torch.randn(1, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    wanted = torch.autograd.functional.hessian(lambda ours: TASK.distance(ours, outputs), outputs)[0, :, 0]
    generator = torch.Generator().manual_seed(1)
    many = outputs.repeat(200_000, 1).requires_grad_()
    (slopes,) = torch.autograd.grad(TASK.probe(many, generator), many)
    assert torch.allclose(slopes.T @ slopes / len(slopes), wanted, atol=2e-3)
