"""Recipes as plans: for the model at hand, through JSON, and carried out step by step."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

pytest.importorskip("transformers")

from lissom.core.errors import LissomError
from lissom.layers.text_model import TextModel
from lissom.plan import recipes
from lissom.plan.move import Plan, plan_from_json
from lissom.plan.recipes import RECIPES, recipe
from lissom.steps.depth.drop_layers import DropLayers
from lissom.steps.distillation.distill import Distill
from lissom.steps.pruning.importance import Sample
from lissom.steps.pruning.prune import Prune
from lissom.testing.tiny import tiny_context, tiny_workload
from lissom.testing.tiny_texts import ENCODING, draw_texts, fresh_bert, tiny_text_workload
from lissom.workload.workload import Workload


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.set_num_threads(1)
    monkeypatch.setattr(recipes, "SAMPLE", Sample(examples=32))


def deep(layers: int) -> Workload:
    return tiny_text_workload(TextModel(fresh_bert(layers=layers), ENCODING.pad).eval())


def numbers(names: tuple[str, ...]) -> list[int]:
    return [int(name.rpartition(".")[2]) for name in names]


def dropped(plan: Plan) -> list[int]:
    step = plan.moves[0].steps[0]
    assert isinstance(step, DropLayers)
    return numbers(step.layers)


def test_distilbert_has_every_second_layer_and_the_triple_loss() -> None:
    plan = recipe("distilbert", deep(6))
    assert dropped(plan) == [1, 3, 5]
    learn = plan.moves[0].steps[1]
    assert isinstance(learn, Distill)
    shares = {"own": learn.labels, **{name: (1 - learn.labels) * weight for name, weight in learn.losses}}
    assert {name: round(8 * share, 6) for name, share in shares.items()} == {"own": 2, "logits": 5, "cosine": 1}
    assert [numbers(pair) for pair in learn.pairs] == [[4, 5]]


def test_tinybert_goes_from_the_inside_to_the_answers() -> None:
    plan = recipe("tinybert", deep(6), epochs=4, texts="more.txt")
    assert dropped(plan) == [0, 2, 4], "each layer learns from the last of its share"
    _, cut, general, inside, answers = plan.moves[0].steps
    assert isinstance(cut, Prune) and [name.rpartition(".")[2] for _, name, _ in cut.removed] == ["dense"] * 3
    assert all("intermediate" in name and len(units) == 40 for _, name, units in cut.removed)
    assert isinstance(general, Distill) and general == replace(inside, texts="more.txt") and general.epochs == 2
    assert isinstance(answers, Distill) and not answers.losses and answers.epochs == 4


def test_minilm_learns_from_the_last_layer_alone() -> None:
    plan = recipe("minilm", deep(4))
    inside = plan.moves[0].steps[1]
    assert dropped(plan) == [0, 2] and isinstance(inside, Distill)
    assert inside.losses == (("minilm", 1.0),) and [numbers(pair) for pair in inside.pairs] == [[3, 3]]


@pytest.mark.parametrize("name", list(RECIPES))
def test_each_goes_through_json_and_learns(name: str, tmp_path: Path) -> None:
    texts = tmp_path / "plain.txt"
    texts.write_text("\n".join(text for (text,) in draw_texts(64, 9)[0]), encoding="utf-8")
    original = tiny_text_workload()
    plan = recipe(name, original, epochs=1, texts="" if name == "distilbert" else str(texts))
    again = plan_from_json(json.loads(json.dumps(plan.to_json())))
    assert again == plan
    workload = original
    for number, step in enumerate(again.moves[0].model_steps):
        workload = step.apply(workload, tiny_context(tmp_path / str(number), original))
    before, after = (sum(p.numel() for p in it.module.parameters()) for it in (original, workload))
    assert after < 0.8 * before and isinstance(workload.module, TextModel)
    tokens = original.splits.test.take(range(4)).inputs
    with torch.no_grad():
        assert workload.module(*tokens).isfinite().all()


def test_what_is_no_recipe_or_has_no_encoder() -> None:
    with pytest.raises(LissomError, match="unknown recipe 'tinybret'"):
        recipe("tinybret", deep(2))
    with pytest.raises(LissomError, match="one layer alone"):
        recipe("minilm", deep(1))
    with pytest.raises(LissomError, match="no attention"):
        recipe("minilm", tiny_workload())
