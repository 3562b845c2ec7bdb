"""``lissom groups``: what goes together, in words and as JSON, and what is said when there is nothing to show."""

import json
import re
from pathlib import Path

import pytest
from typer import Typer
from typer.testing import CliRunner

from lissom.cli.groups import groups
from lissom.core.errors import LissomError

APP = Typer()
APP.command()(groups)
OWN = """
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b, self.c = nn.Linear(4, 6), nn.Linear(4, 6), nn.Linear(6, 2)

    def forward(self, x):
        return self.c(torch.relu(self.a(x) + self.b(x)))


class Branching(Net):
    def forward(self, x):
        return x if x.sum() > 0 else x.tolist()


def net():
    return Net()


def small():
    return nn.Linear(4, 2)


def branching():
    return Branching()
"""


def run(*words: str) -> str:
    result = CliRunner().invoke(APP, words)
    if result.exception is not None:
        raise result.exception
    return result.stdout


@pytest.fixture
def own(tmp_path: Path) -> str:
    path = tmp_path / "own.py"
    path.write_text(OWN, encoding="utf-8")
    return str(path)


def test_the_overview_teaches_and_names_the_next_command(own: str) -> None:
    text = run(f"{own}:net", "--input", "1x4")
    assert "1 groups of 6 units, 74 parameters" in text
    assert "A unit goes only together with" in text
    assert "    0      6  channels     a and 1 more              12" in text, text
    assert text.rstrip().endswith(f"next: lissom groups {own}:net --group 0")


def test_a_group_in_full(own: str) -> None:
    by_number, by_layer = (run(f"{own}:net", "--input", "1x4", "--group", g) for g in ("0", "b"))
    assert by_number == by_layer
    assert by_number == (
        "group 0: 6 channels of a\n"
        "  removing one channel removes, together:\n"
        "  producers, which make it:\n"
        "    a.weight: 1 index along dimension 0\n"
        "    a.bias: 1 index along dimension 0\n"
        "    b.weight: 1 index along dimension 0\n"
        "    b.bias: 1 index along dimension 0\n"
        "  consumers, which read it:\n"
        "    c.weight: 1 index along dimension 1\n"
        "  these are one because they meet, index by index, in:\n"
        "    add in the model itself\n"
    )


def test_all_groups_of_a_model_of_the_zoo() -> None:
    text = run("zoo:resnet20", "--all")
    assert text.count("removing one channel removes, together:") == text.count("\ngroup ") + 1 == 12
    assert "    add in layers.0" in text


@pytest.mark.parametrize(
    ("model", "number", "units", "name"),
    [
        ("torchvision:shufflenet_v2_x0_5", 7, "24 channels", "stage3.0.branch1.2[24:48]"),
        ("zoo:shufflenet_v1_g3_x0_5", 1, "4 channels of every group", "features.0.expand.0[24, 25, 26, ...]"),
    ],
)
def test_no_two_groups_of_a_kind_have_one_name(model: str, number: int, units: str, name: str) -> None:
    found = [(group["kind"], group["name"]) for group in json.loads(run(model, "--json"))["groups"]]
    assert len(found) == len(set(found)) and name in [own for _, own in found]
    assert f" {name} and " in run(model)
    assert run(model, "--group", name).startswith(f"group {number}: {units} of {name}\n")


def test_json_has_every_index(own: str) -> None:
    found = json.loads(run(f"{own}:net", "--input", "1x4", "--json"))
    (group,) = found["groups"]
    assert (group["units"], group["parameters_per_unit"], group["kind"]) == (6, 12, "channels")
    assert {"name": "c.weight", "dim": 1, "role": "consumer", "indices": [[i] for i in range(6)]} in group["members"]
    assert found["parameters"] == 74


def test_kept_layers_are_noted(own: str) -> None:
    assert "note: a: kept as asked" in run(f"{own}:net", "--input", "1x4", "--keep", "a")


def test_a_model_from_which_nothing_can_be_removed(own: str) -> None:
    assert "nothing can be removed" in run(f"{own}:small", "--input", "1x4")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["net", "--input", "1x4", "--group", "7"], "neither the number of a group nor a layer"),
        (["net", "--input", "1x4", "--group", "nope"], "layers are|layers a, b, c"),
        (["net", "--input", "1x5"], "does not run on the example inputs"),
        (["net", "--input", "4,1"], "is not a shape"),
        (["net", "--input", "1x4", "--keep", "nope"], "no module or parameter is called 'nope'"),
        (["branching", "--input", "1x4"], "torch.export cannot follow the forward of Branching"),
    ],
)
def test_what_can_be_mended_is_said(own: str, words: list[str], said: str) -> None:
    with pytest.raises(LissomError) as caught:
        run(f"{own}:{words[0]}", *words[1:])
    assert re.search(said, str(caught.value)), caught.value
    assert caught.value.hints


def saved(folder: Path, model: str) -> str:
    """The spec of a tiny model of transformers, written to ``folder``."""
    transformers = pytest.importorskip("transformers", reason="the models are transformers'")
    size = {"num_hidden_layers": 1, "hidden_size": 16, "num_attention_heads": 2, "intermediate_size": 24}
    options = {
        "Bert": {**size, "vocab_size": 50, "max_position_embeddings": 40},
        "XLNet": {"vocab_size": 50, "d_model": 16, "n_layer": 1, "n_head": 2, "d_inner": 24},
        "ViT": {**size, "image_size": 24, "patch_size": 8, "num_channels": 1},
        "Wav2Vec2": {**size, "conv_dim": (8, 8), "conv_stride": (20, 16), "conv_kernel": (20, 16), "vocab_size": 9,
                     "num_conv_pos_embeddings": 8, "num_conv_pos_embedding_groups": 2, "num_feat_extract_layers": 2},
        "T5": {"vocab_size": 50, "d_model": 16, "d_kv": 8, "d_ff": 24, "num_layers": 1, "num_heads": 2,
               "decoder_start_token_id": 0},
    }  # fmt: skip
    kinds = {"ViT": "ForImageClassification", "Wav2Vec2": "ForCTC", "T5": "ForConditionalGeneration"}
    kind = kinds.get(model, "ForSequenceClassification")
    config = getattr(transformers, f"{model}Config")(**options[model])
    getattr(transformers, model + kind)(config).save_pretrained(folder)
    return f"hf:{folder}"


@pytest.mark.parametrize(
    ("model", "layer"),
    [
        ("Bert", "bert.encoder.layer.0.intermediate.dense"),
        ("XLNet", "transformer.layer.0.ff.layer_1"),
        ("ViT", "vit.layers.0.mlp.fc1"),
        ("Wav2Vec2", "wav2vec2.encoder.layers.0.feed_forward.intermediate_dense"),
        ("T5", "model.decoder.block.0.layer.2.DenseReluDense.wi"),
    ],
)
def test_models_of_transformers_are_followed_on_what_they_take(tmp_path: Path, model: str, layer: str) -> None:
    assert f"channels     {layer}" in run(saved(tmp_path / "model", model))
