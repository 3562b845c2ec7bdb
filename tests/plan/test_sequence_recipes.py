"""The recipe for encoder-decoders: what it drops, and what it cannot make shallow."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

pytest.importorskip("transformers")
pytest.importorskip("sacrebleu")

import lissom
from lissom.core.errors import LissomError
from lissom.layers.sequence_model import SequenceModel
from lissom.plan.move import plan_from_json
from lissom.plan.recipes import recipe
from lissom.steps.depth.drop_layers import DropLayers
from lissom.steps.distillation.sequences import DistillSequences
from lissom.steps.quantization.int8 import QuantizeInt8
from lissom.steps.shortlist.lexical import LexicalShortlist
from lissom.testing.tiny import tiny_workload
from lissom.testing.tiny_translation import draw_pairs, untrained_marian, write_translator
from lissom.testing.tiny_translators import tiny_translator
from lissom.workload.workload import Workload


def translator(folder: Path, layers: tuple[int, int]) -> Workload:
    torch.set_num_threads(1)
    place = write_translator(folder, untrained_marian(3, layers=layers).half())  # as the package carries one
    parts = {"train": draw_pairs(24, 1), "select": draw_pairs(6, 2), "test": draw_pairs(6, 3)}
    return lissom.load(f"hf:{place}", data=parts, task="translation")


def test_a_third_of_the_decoder_stays_and_learns(tmp_path: Path) -> None:
    plan = recipe("shallow-decoder", translator(tmp_path, (2, 5)), epochs=2)
    assert plan_from_json(json.loads(json.dumps(plan.to_json()))) == plan
    assert [move.steps for move in plan.moves[1:]] == [(QuantizeInt8(),), (LexicalShortlist(),)]
    drop, learn = plan.moves[0].steps
    assert drop == DropLayers(tuple(f"model.model.decoder.layers.{number}" for number in (1, 2, 3)))
    assert isinstance(learn, DistillSequences) and learn.epochs == 2


def test_what_has_no_decoder_to_make_shallow_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LissomError, match="one layer alone"):
        recipe("shallow-decoder", translator(tmp_path, (1, 1)))
    with pytest.raises(LissomError, match="has no decoder"):
        recipe("shallow-decoder", tiny_workload())
    workload = translator(tmp_path / "t5", (1, 2))
    with pytest.raises(LissomError, match="the layers of a T5ForConditionalGeneration hand on more"):
        recipe("shallow-decoder", replace(workload, module=SequenceModel(tiny_translator("t5"), 2)))
