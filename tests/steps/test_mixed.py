"""Layers go back to float by what they hurt for the time that they cost, as few as are needed."""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from lissom.core.errors import LissomError
from lissom.steps.quantization import mixed
from lissom.steps.quantization.mixed import Harm, MixedInt8
from lissom.steps.quantization.searching import Quantized
from lissom.targets.openvino_ir import OpenVino
from lissom.targets.target import Artefact, Recipe
from lissom.testing import tiny_context, tiny_workload


class Search:
    """Every layer in float takes its share of the distance away."""

    def __init__(self, gains: dict[str, float]) -> None:
        self.gains, self.asked = gains, list[Recipe]()

    def attempt(self, recipe: Recipe, inputs: Any = None) -> Quantized:
        self.asked.append(recipe)
        return Quantized(Artefact(Path("x")), recipe, 1 - sum(self.gains[name] for name in recipe.floats))


def harms(*gains: float) -> tuple[list[Harm], dict[str, float]]:
    return [Harm(f"l{number}", gain, 0.1) for number, gain in enumerate(gains)], {
        f"l{number}": gain for number, gain in enumerate(gains)
    }


PLAIN = Recipe("mse")


def fewest(gains: Sequence[float], share: float, recipe: Recipe = PLAIN) -> tuple[Quantized, Search]:
    given, table = harms(*gains)
    search = Search(table)
    return mixed._fewest(search, Quantized(Artefact(Path("x")), recipe, 1.0), given, share), search  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(("share", "count"), [(0.25, 1), (0.3, 1), (0.45, 2), (0.55, 3), (0.79, 6), (0.99, 6)])
def test_as_few_layers_as_are_needed(share: float, count: int) -> None:
    made, _ = fewest([0.3, 0.2, 0.15, 0.1, 0.03, 0.02], share)
    assert made.recipe.floats == tuple(f"l{number}" for number in range(count))


def test_where_none_helps_all_stay_in_int8() -> None:
    made, search = fewest([], 0.5)
    assert made.recipe == Recipe("mse") and len(search.asked) == 1


def test_rounding_is_corrected_at_the_end_alone() -> None:
    made, search = fewest([0.3, 0.2, 0.1], 0.4, Recipe("mse", corrected=True))
    assert made.recipe.corrected and [recipe.corrected for recipe in search.asked[:-1]].count(True) == 0


def test_worth_is_error_for_time() -> None:
    cheap, dear, free = Harm("a", 0.1, 0.01), Harm("b", 0.3, 0.5), Harm("c", 0.05, -0.2)
    assert sorted([dear, cheap, free], key=lambda harm: harm.worth) == [dear, cheap, free]


def test_the_layer_that_was_spoilt_goes_back_to_float(tmp_path: Path) -> None:
    """One channel of one layer reads a thousand times more than the others: 8 bits for both lose the others."""
    torch.set_num_threads(1)
    workload = tiny_workload()
    with torch.no_grad():
        norm, following = workload.module.get_submodule("features.1"), workload.module.get_submodule("features.3")
        for part in (norm.weight, norm.bias):
            part[0].mul_(300)  # pyright: ignore[reportIndexIssue, reportCallIssue]
        following.weight[:, 0].div_(300)  # pyright: ignore[reportIndexIssue, reportOperatorIssue, reportCallIssue]
    context = tiny_context(tmp_path, workload)
    plain = context.target.export(workload.module, workload.example, context.folder / "model.onnx")
    made = MixedInt8(examples=64, batch=64).apply(plain, workload, context)
    layers = context.target.layers(plain)
    assert made.precision == "int8" and layers[1] in made.notes[-1], made.notes
    gone = re.search(r"take away (-?\d+)% of the error of INT8", made.notes[-1])
    assert gone is not None and int(gone[1]) > 50, made.notes
    assert plain.size_bytes * 0.3 < made.size_bytes < plain.size_bytes


def test_a_target_without_names_of_layers_says_so(tmp_path: Path) -> None:
    workload = tiny_workload()
    context = replace(tiny_context(tmp_path, workload), target=OpenVino())
    with pytest.raises(LissomError, match="OpenVINO cannot leave single layers") as refused:
        MixedInt8().apply(Artefact(tmp_path / "m.xml"), workload, context)
    assert refused.value.hints


@pytest.mark.parametrize("share", [0.0, 1.0, -1.0])
def test_a_share_of_nothing_or_all_is_refused(share: float) -> None:
    with pytest.raises(LissomError, match="lies between 0 and 1"):
        MixedInt8(share=share)
