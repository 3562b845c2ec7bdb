"""Cut encoders as folders: plain transformers loads what its configuration can say, lissom the rest."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

pytest.importorskip("transformers")

import transformers

from lissom.core.errors import LissomError
from lissom.graph import capture, couple, prune
from lissom.layers.passed import Passed
from lissom.layers.replacement import Replacement, put
from lissom.layers.sequence_model import SequenceModel
from lissom.layers.text_model import TextModel
from lissom.steps.depth.drop_layers import DropLayers
from lissom.steps.pruning.prune import without
from lissom.tasks.rules import rules_of
from lissom.testing import tiny_context
from lissom.testing.tiny_recognition import tiny_whisper
from lissom.testing.tiny_texts import fresh_bert, tiny_text_workload
from lissom.testing.tiny_translation import untrained_marian
from lissom.testing.tiny_translators import END, tiny_translator
from lissom.workload.transformers_folder import write_folder
from lissom.workload.transformers_models import RESIZED, from_folder
from lissom.workload.workload import Workload

TOKENS = torch.tensor([[2, 5, 9, 14, 3]])
LAYER = "model.bert.encoder.layer.{}"


def cut(workload: Workload, kept: dict[str, int]) -> Workload:
    """The workload with so many units left in each group whose name ends, or begins, with a word."""
    coupling = couple(capture(workload.module, workload.example))
    removed: dict[int, tuple[int, ...]] = {}
    for group in coupling.groups:
        for word, count in kept.items():
            kind, _, name = word.partition(":")
            if group.kind == kind and name in group.name:
                removed[group.index] = tuple(range(count, group.units))
    assert removed
    return without(workload, removed)


def written(workload: Workload, folder: Path) -> tuple[Any, str, dict[str, Any]]:
    """The model, what was said, and the configuration."""
    module: Any = workload.module
    said = write_folder(folder, module.model, workload.files)
    return module.model.eval(), said, json.loads((folder / "config.json").read_text(encoding="utf-8"))


def test_the_names_of_the_classes_go_along(tmp_path: Path) -> None:
    module: Any = tiny_text_workload().module
    names = [f"class {number}" for number in range(module.model.config.num_labels)]
    write_folder(tmp_path / "named", module.model, {}, names)
    loaded = transformers.BertForSequenceClassification.from_pretrained(tmp_path / "named")
    assert loaded.config.id2label == dict(enumerate(names))


def same_answers(module: Any, other: Any) -> None:
    with torch.no_grad():
        torch.testing.assert_close(other.eval()(TOKENS).logits, module(TOKENS).logits)


def test_fewer_layers_and_a_narrower_feed_forward_load_with_transformers_alone(tmp_path: Path) -> None:
    workload = cut(tiny_text_workload(), {"channels:intermediate": 24})
    workload = DropLayers((LAYER.format(0),)).apply(workload, tiny_context(tmp_path, tiny_text_workload()))
    module, said, config = written(workload, tmp_path / "plain")
    assert (config["num_hidden_layers"], config["intermediate_size"]) == (1, 24) and RESIZED not in config
    assert "BertForSequenceClassification.from_pretrained" in said
    loaded = transformers.BertForSequenceClassification.from_pretrained(tmp_path / "plain")
    same_answers(module, loaded)
    assert (tmp_path / "plain" / "tokenizer.json").is_file()


def test_hidden_size_and_heads_together_load_with_transformers_alone(tmp_path: Path) -> None:
    base = tiny_text_workload()
    coupling = couple(capture(base.module, base.example))
    groups = {kind: [group for group in coupling.groups if group.kind == kind] for kind in ("heads", "channels")}
    wide = [group for group in groups["channels"] if group.units == 32]  # the hidden states, and the pooler's output
    removed = {group.index: (3,) for group in groups["heads"]} | {group.index: tuple(range(24, 32)) for group in wide}
    assert (len(groups["heads"]), len(wide)) == (2, 2)
    module, said, config = written(without(base, removed), tmp_path / "plain")
    assert (config["hidden_size"], config["num_attention_heads"]) == (24, 3) and RESIZED not in config, said
    same_answers(module, transformers.BertForSequenceClassification.from_pretrained(tmp_path / "plain"))


def test_widths_by_layer_are_in_the_configuration_and_transformers_alone_refuses_them(tmp_path: Path) -> None:
    workload = cut(
        tiny_text_workload(),
        {"channels:layer.0.intermediate": 40, "channels:layer.1.intermediate": 8, "heads:layer.1": 2},
    )
    module, said, config = written(workload, tmp_path / "cut")
    widths = config[RESIZED]
    assert widths["bert.encoder.layer.1.attention.self"]["num_attention_heads"] == 2
    assert "transformers alone refuses it" in said
    again = from_folder(tmp_path / "cut")
    assert type(again) is transformers.BertForSequenceClassification
    same_answers(module, again)
    with pytest.raises(RuntimeError, match="mismatch"):
        transformers.BertForSequenceClassification.from_pretrained(tmp_path / "cut")


def test_a_cut_folder_can_be_written_again(tmp_path: Path) -> None:
    workload = cut(tiny_text_workload(), {"channels:layer.0.intermediate": 40})
    written(workload, tmp_path / "first")
    module = from_folder(tmp_path / "first")
    write_folder(tmp_path / "second", module, {})
    same_answers(module, from_folder(tmp_path / "second"))
    first, second = (json.loads((tmp_path / n / "config.json").read_text("utf-8")) for n in ("first", "second"))
    assert first[RESIZED] == second[RESIZED]


def test_what_no_class_of_transformers_can_say_is_refused(tmp_path: Path) -> None:
    module = TextModel(fresh_bert(), 0)
    layer = Replacement(
        "model.bert.encoder.layer.0.output.dense", "low_rank_linear", {"inputs": 64, "outputs": 32, "rank": 4}
    )
    put(module, layer.module, layer.build())
    with pytest.raises(LissomError, match="BertForSequenceClassification has no place for"):
        write_folder(tmp_path / "none", module.model, {})
    with pytest.raises(LissomError, match="no model of transformers"):
        write_folder(tmp_path / "none", torch.nn.Linear(2, 2), {})
    assert not (tmp_path / "none").exists()


def test_a_whisper_with_fewer_decoder_layers_begins_and_ends_as_before(tmp_path: Path) -> None:
    module = tiny_whisper(4, layers=2)
    put(module, "model.decoder.layers.0", Passed())
    said = write_folder(tmp_path, module, {})
    assert "WhisperForConditionalGeneration.from_pretrained" in said
    loaded = from_folder(tmp_path)
    assert (loaded.config.encoder_layers, loaded.config.decoder_layers) == (2, 1)
    assert rules_of(loaded) == rules_of(module)
    inputs = {"input_features": torch.randn(1, 8, 40), "decoder_input_ids": torch.tensor([[57, 58, 5]])}
    with torch.no_grad():
        torch.testing.assert_close(loaded(**inputs).logits, module(**inputs, use_cache=False).logits)


def halved(module: Any, kinds: tuple[str, ...]) -> Any:
    """A translator without half of its units of some kinds."""
    example = (torch.tensor([[7, 8, 9, END]]), torch.ones(1, 4, dtype=torch.int64), torch.tensor([[END, 5, 7]]))
    whole = SequenceModel(module, END).eval()
    coupling = couple(capture(whole, example))
    cut = coupling.cut({g.index: range(0, g.units, 2) for g in coupling.groups if g.kind in kinds})
    smaller: Any = prune(whole, cut, coupling=coupling).module
    return smaller.model


def test_a_narrower_marian_says_the_same_in_its_own_class(tmp_path: Path) -> None:
    """Its class scales words by their width and attention by the size of heads: the weights take over what is gone."""
    half = halved(untrained_marian(3, layers=(2, 1)), ("channels", "head size"))
    said = write_folder(tmp_path, half, {})
    assert said.startswith("MarianMTModel.from_pretrained of transformers loads")
    config = json.loads((tmp_path / "config.json").read_text(encoding="utf-8"))
    assert (config["d_model"], config["decoder_ffn_dim"]) == (16, 32) and RESIZED not in config
    alone = transformers.MarianMTModel.from_pretrained(tmp_path).eval()
    tokens, mask, fed = torch.tensor([[7, 8, END]]), torch.ones(1, 3, dtype=torch.int64), torch.tensor([[0, 5, 9]])
    with torch.no_grad():
        ours, theirs = (m(tokens, attention_mask=mask, decoder_input_ids=fed).logits for m in (half, alone))
    torch.testing.assert_close(theirs, ours, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", ["m2m100", "t5", "mbart"])
def test_half_of_a_translator_says_the_same_when_it_was_read_back(kind: str, tmp_path: Path) -> None:
    half = halved(tiny_translator(kind), ("channels", "heads", "head size"))
    said = write_folder(tmp_path / kind, half, {})
    tokens, mask, fed = torch.tensor([[7, 8, END]]), torch.ones(1, 3, dtype=torch.int64), torch.tensor([[END, 5, 9]])
    again = from_folder(tmp_path / kind)
    with torch.no_grad():
        ours, theirs = (m(tokens, attention_mask=mask, decoder_input_ids=fed).logits for m in (half, again))
    torch.testing.assert_close(ours, theirs)
    assert ("transformers alone refuses it" in said) == (
        RESIZED in json.loads((tmp_path / kind / "config.json").read_text())
    )


def test_tables_that_a_class_makes_anew_are_kept_as_they_were_cut(tmp_path: Path) -> None:
    """M2M100 makes the sines of its positions by itself, and so those of a width, never some of them."""
    half = halved(tiny_translator("m2m100"), ("channels",))
    said = write_folder(tmp_path / "half", half, {})
    assert "transformers alone refuses it" in said
    table = from_folder(tmp_path / "half").get_buffer("model.encoder.embed_positions.weights")
    assert torch.equal(table, half.get_buffer("model.encoder.embed_positions.weights"))
    whole = write_folder(tmp_path / "whole", tiny_translator("m2m100"), {})
    assert whole.startswith("M2M100ForConditionalGeneration.from_pretrained of transformers loads")


def test_two_layers_of_t5_are_two(tmp_path: Path) -> None:
    said = write_folder(tmp_path / "t5", tiny_translator("t5"), {})
    assert said.startswith("T5ForConditionalGeneration.from_pretrained of transformers loads")
    assert json.loads((tmp_path / "t5" / "config.json").read_text())["num_layers"] == 2


def test_factors_that_no_weight_takes_over_keep_transformers_alone_out(tmp_path: Path) -> None:
    """T5 scales what is said by the width it was made for, and its class would by the width it is left."""
    half = halved(tiny_translator("t5"), ("channels",))
    said = write_folder(tmp_path / "half", half, {})
    assert "numbers of its wider original" in said
    assert json.loads((tmp_path / "half" / "config.json").read_text())[RESIZED][""] == {"model_dim": 16}
    with pytest.raises(OSError, match=r"model\.safetensors"):
        transformers.T5ForConditionalGeneration.from_pretrained(tmp_path / "half")
    write_folder(tmp_path / "half", tiny_translator("t5"), {})
    assert {path.name for path in (tmp_path / "half").iterdir()} == {
        "config.json",
        "generation_config.json",
        "model.safetensors",
    }
