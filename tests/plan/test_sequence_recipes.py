"""The recipe for encoder-decoders: what it drops and cuts, and that the model's own class still holds the result."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

pytest.importorskip("transformers")
pytest.importorskip("sacrebleu")

from transformers import MarianMTModel

import lissom
from lissom.core.errors import LissomError
from lissom.layers.sequence_model import SequenceModel
from lissom.plan import sequence_recipes
from lissom.plan.move import plan_from_json
from lissom.plan.recipes import recipe
from lissom.steps.depth.drop_layers import DropLayers
from lissom.steps.distillation.sequences import DistillSequences
from lissom.steps.pruning.importance import Sample
from lissom.steps.pruning.prune import Prune
from lissom.steps.quantization.int8 import QuantizeInt8
from lissom.steps.shortlist.lexical import LexicalShortlist
from lissom.testing.tiny import tiny_context, tiny_workload
from lissom.testing.tiny_translation import draw_pairs, untrained_marian, write_translator
from lissom.testing.tiny_translators import tiny_translator
from lissom.workload.transformers_folder import write_folder
from lissom.workload.workload import Workload


def translator(folder: Path, layers: tuple[int, int]) -> Workload:
    torch.set_num_threads(1)
    place = write_translator(folder, untrained_marian(3, layers=layers).half())  # as the package carries one
    parts = {"train": draw_pairs(24, 1), "select": draw_pairs(6, 2), "test": draw_pairs(6, 3)}
    return lissom.load(f"hf:{place}", data=parts, task="translation")


def test_decoder_layers_go_widths_go_and_the_class_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sequence_recipes, "SAMPLE", Sample(examples=8, batch=4))
    workload = translator(tmp_path / "original", (2, 3))
    plan = recipe("shallow-decoder", workload, epochs=2)
    assert plan_from_json(json.loads(json.dumps(plan.to_json()))) == plan
    assert [move.steps for move in plan.moves[1:]] == [(QuantizeInt8(),), (LexicalShortlist(),)]
    drop, prune, learn = plan.moves[0].steps
    assert drop == DropLayers(("model.model.decoder.layers.1", "model.model.decoder.layers.2"))
    assert isinstance(learn, DistillSequences) and learn.epochs == 2
    assert isinstance(prune, Prune)
    removed = {(name.rpartition(".")[2], len(units)) for _, name, units in prune.removed}
    assert removed == {("shared", 16), ("k_proj", 4), ("v_proj", 4), ("fc1", 32)}
    context = tiny_context(tmp_path / "context", workload)
    small = prune.apply(drop.apply(workload, context), context)
    told = write_folder(tmp_path / "small", small.module.model, small.files)  # it is read back and compared
    assert told == "MarianMTModel.from_pretrained of transformers loads small/"
    config = json.loads((tmp_path / "small" / "config.json").read_text(encoding="utf-8"))
    sizes = ("d_model", "encoder_layers", "decoder_layers", "encoder_ffn_dim", "decoder_ffn_dim")
    assert [config[name] for name in sizes] == [16, 2, 1, 32, 32]
    inputs, alone = small.splits.test.take([0, 1]).inputs, MarianMTModel.from_pretrained(tmp_path / "small").eval()
    with torch.no_grad():  # its class alone would scale words and attention by the narrower widths
        theirs = alone(inputs[0], attention_mask=inputs[1], decoder_input_ids=inputs[2]).logits
        ours = small.module.model.eval()(inputs[0], attention_mask=inputs[1], decoder_input_ids=inputs[2]).logits
    torch.testing.assert_close(theirs, ours, rtol=1e-4, atol=1e-5)


def test_what_has_no_decoder_to_make_shallow_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LissomError, match="one layer alone"):
        recipe("shallow-decoder", translator(tmp_path, (1, 1)))
    with pytest.raises(LissomError, match="has no decoder"):
        recipe("shallow-decoder", tiny_workload())
    workload = translator(tmp_path / "t5", (1, 2))
    with pytest.raises(LissomError, match="the layers of a T5ForConditionalGeneration hand on more"):
        recipe("shallow-decoder", replace(workload, module=SequenceModel(tiny_translator("t5"), 2)))
