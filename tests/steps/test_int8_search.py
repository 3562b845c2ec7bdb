"""Of the ways to quantize the one is kept whose answers are nearest, and a time limit shortens the search."""

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from lissom.core.progress import Deadline
from lissom.steps.quantization import searching
from lissom.steps.quantization.int8 import QuantizeInt8
from lissom.steps.quantization.searching import RecipeSearch
from lissom.steps.step import Context
from lissom.targets.onnx_runtime import OnnxRuntime
from lissom.targets.target import Artefact, Inputs, Recipe, Source
from lissom.testing import tiny_context, tiny_workload
from lissom.workload.workload import Workload


class Marked(OnnxRuntime):
    """Writes down what it is asked for; each artefact is the FP32 one with the recipe's name behind it."""

    def __init__(self, recipes: tuple[Recipe, ...]) -> None:
        self.recipes = recipes  # pyright: ignore[reportAttributeAccessIssue]
        self.asked: list[Recipe] = []

    def quantize(self, source: Source, calibration: Inputs, path: Path, recipe: Recipe | None = None) -> Artefact:
        assert recipe is not None
        self.asked.append(recipe)
        path.write_bytes(source.artefact.path.read_bytes())
        path.with_suffix(".recipe").write_text(str(recipe))
        return Artefact(path, "int8", (str(recipe),), (path.with_suffix(".recipe"),))


RECIPES = (Recipe("a"), Recipe("b"), Recipe("c"), Recipe("b", corrected=True), Recipe("c", corrected=True))


def searched(tmp_path: Path, distances: dict[str, float], left_s: float = math.inf) -> tuple[Artefact, Marked]:
    torch.set_num_threads(1)
    workload = tiny_workload()
    target = Marked(RECIPES)
    context: Context = replace(tiny_context(tmp_path, workload), target=target, deadline=Deadline(left_s))
    plain = target.export(workload.module, workload.example, context.folder / "model.onnx")

    class Judged(type(workload.task)):
        def distance(self, outputs: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
            return torch.tensor(distances[str(target.asked[-1])])

    given: Workload = replace(workload, task=Judged(4))
    return QuantizeInt8(examples=8, batch=8).apply(plain, given, context), target


FAR = {"a ranges": 3.0, "b ranges": 1.0, "c ranges": 2.0}


@pytest.mark.parametrize(("corrected", "expected"), [(0.5, "b ranges, corrected rounding"), (1.5, "b ranges")])
def test_the_nearest_is_kept_with_its_files(tmp_path: Path, corrected: float, expected: str) -> None:
    made, target = searched(tmp_path, FAR | {"b ranges, corrected rounding": corrected})
    assert made.notes == (expected,)
    assert made.beside[0].read_text() == expected, "the files are those of the best, whatever was tried last"
    assert target.asked == list(RECIPES[:4]), "rounding is corrected with the best ranges alone, and nothing twice"
    assert {item.name for item in made.path.parent.iterdir()} == {"model.onnx", *(file.name for file in made.files)}


def test_answers_that_are_no_numbers_are_the_farthest(tmp_path: Path) -> None:
    made, _ = searched(tmp_path, FAR | {"a ranges": math.nan, "b ranges, corrected rounding": math.nan})
    assert made.notes == ("b ranges",)


def test_without_time_the_first_way_is_taken(tmp_path: Path) -> None:
    made, target = searched(tmp_path, FAR, left_s=0.0)
    assert target.asked == [RECIPES[0]] and made.notes == ("a ranges",)


def test_it_is_judged_by_examples_from_the_whole_split(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.set_num_threads(1)
    monkeypatch.setattr(searching, "_JUDGED", 8)
    workload, target = tiny_workload(), Marked(RECIPES)
    kind, taken = type(workload.splits.select), list[int]()
    take = kind.take

    def noted(split: Any, indices: Sequence[int], **options: Any) -> Any:
        taken.extend(indices)
        return take(split, indices, **options)

    monkeypatch.setattr(kind, "take", noted)
    context: Context = replace(tiny_context(tmp_path, workload), target=target)
    plain = target.export(workload.module, workload.example, context.folder / "model.onnx")
    source = Source(workload.module, workload.example, plain)
    RecipeSearch(source, workload, context, [], tmp_path / "made.onnx")
    assert len(set(taken)) == 8 and max(taken) >= 8, "not the first ones, which may be of one class"
