"""Answers of an artefact on a split: every example once, or the mean where an example is looked at several times."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch

from lissom.core.progress import Progress
from lissom.engine.measuring import answers, kept_answers
from lissom.workload.workload import Batch, Chained, Several, Split


@dataclass(frozen=True)
class Numbers:
    """Its examples are their own numbers, plus what each look adds."""

    adds: tuple[float, ...] = (0.0,)

    def __len__(self) -> int:
        return 5

    def looks(self) -> "Sequence[Split]":
        return (self,) if len(self.adds) == 1 else tuple(Numbers((one,)) for one in self.adds)

    def take(self, indices: Sequence[int], *, view: int | None = None) -> Batch:
        rows = torch.tensor(list(indices))
        return Batch((rows[:, None] + torch.tensor([[self.adds[0], 1.0]]),), rows % 2, rows)


class Squared:
    def run(self, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
        return [inputs[0] ** 2]


def test_the_mean_of_all_looks() -> None:
    split = Numbers((0.0, 1.0, 5.0))
    assert isinstance(split, Several)
    found = answers(Squared(), split, Progress(False), "answers")
    numbers = np.arange(5.0)
    expected = np.mean([numbers**2, (numbers + 1) ** 2, (numbers + 5) ** 2], axis=0)
    np.testing.assert_allclose(found.outputs[:, 0], expected)
    assert found.targets is not None and found.targets.tolist() == [0, 1, 0, 1, 0]


class Following(Numbers):
    """Each example is asked with the answer to the one before it, two by two."""

    @property
    def together(self) -> npt.NDArray[np.int64]:
        return np.arange(len(self)) // 2

    def some(self, examples: int) -> tuple["Following", npt.NDArray[np.int64]]:
        return self, np.arange(len(self))

    def answered(
        self, answer: Callable[[Sequence[torch.Tensor]], npt.NDArray[Any]], progress: Progress, what: str
    ) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        outputs = [np.full((1, 2), 3.0)]
        for _ in range(len(self)):
            outputs.append(answer([torch.from_numpy(outputs[-1])]))
        return np.concatenate(outputs[1:]), np.zeros(len(self), np.int64)


def test_where_answers_build_on_answers_the_artefact_is_asked_with_its_own(tmp_path: Path) -> None:
    split = Following()
    assert isinstance(split, Chained)
    for _ in range(2):  # made, and read
        found = kept_answers(tmp_path / "kept.npz", Squared(), split, Progress(False), "answers")
        assert found.outputs[:3, 0].tolist() == [9.0, 81.0, 6561.0]
        assert found.together is not None and found.together.tolist() == [0, 0, 1, 1, 2]


def test_one_look_is_the_answer_itself() -> None:
    found = answers(Squared(), Numbers(), Progress(False), "answers")
    assert found.outputs[:, 0].tolist() == [0.0, 1.0, 4.0, 9.0, 16.0]


@pytest.mark.parametrize(
    "damage", [lambda whole: b"", lambda whole: whole[: len(whole) // 2], lambda whole: b"not a zip"]
)
def test_answers_that_cannot_be_read_are_asked_for_again(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    path = tmp_path / "kept.npz"
    kept_answers(path, Squared(), Numbers(), Progress(False), "answers")
    path.write_bytes(damage(path.read_bytes()))
    again = kept_answers(path, Squared(), Numbers((1.0,)), Progress(False), "answers")
    assert again.outputs[:, 0].tolist() == [1.0, 4.0, 9.0, 16.0, 25.0]
    kept = kept_answers(path, Squared(), Numbers(), Progress(False), "answers")
    assert np.array_equal(kept.outputs, again.outputs)
