"""Inputs of different lengths: nothing is cut that would tie a model to one of them."""

from pathlib import Path

import pytest
import torch

pytest.importorskip("transformers")

from lissom.core.errors import LissomError
from lissom.engine.sensitivity import coupled
from lissom.graph import capture, couple
from lissom.layers.text_model import TextModel
from lissom.steps.pruning.prune import without
from lissom.testing.tiny_texts import ENCODING, tiny_text_workload


def test_sizes_of_heads_are_left_whole_and_the_rest_takes_any_length(tmp_path: Path) -> None:
    torch.set_num_threads(1)
    workload = tiny_text_workload()
    everything = couple(capture(workload.module, workload.example)).groups
    groups = coupled(workload).groups
    assert {group.kind for group in everything} - {group.kind for group in groups} == {"head size"}
    cut = without(workload, {group.index: tuple(range(group.units // 2)) for group in groups})
    assert isinstance(cut.module, TextModel)
    with torch.no_grad():
        for length in (5, 16, 24):
            assert cut.module(torch.full((3, length), 6)).shape == (3, 2)


def test_a_cut_that_would_fix_the_length_is_refused() -> None:
    workload = tiny_text_workload()
    sizes = next(g for g in couple(capture(workload.module, workload.example)).groups if g.kind == "head size")
    with pytest.raises(LissomError, match="one length of input alone") as caught:
        without(workload, {sizes.index: (0, 1)})
    assert "cut heads" in caught.value.hints[0]


def test_what_a_class_cannot_express_is_left_whole_and_told() -> None:
    """SqueezeBERT's attention is made by convolutions of several groups, whose widths its forward has written into."""
    from transformers import SqueezeBertConfig, SqueezeBertForSequenceClassification

    groups: dict[str, int] = {f"{name}_groups": 2 for name in ("q", "k", "v", "intermediate", "output")}
    sizes: dict[str, int] = {"hidden_size": 16, "embedding_size": 16, "intermediate_size": 32, "num_hidden_layers": 1}
    config = SqueezeBertConfig(vocab_size=35, num_attention_heads=2, post_attention_groups=1, **sizes, **groups)
    module = TextModel(SqueezeBertForSequenceClassification(config), ENCODING.pad).eval()
    workload = tiny_text_workload(module)
    everything, found = couple(capture(module, workload.example)).groups, coupled(workload)
    left = {group.name for group in everything} - {group.name for group in found.groups}
    assert left == {f"model.transformer.encoder.layers.0.attention.{part}" for part in ("query", "value")}
    assert any(all(name in note for name in left) and "one length of input alone" in note for note in found.notes)
    cut = without(workload, {group.index: tuple(range(group.units // 2)) for group in found.groups})
    with torch.no_grad():
        for length in (5, 16):
            assert cut.module(torch.full((3, length), 6)).shape == (3, 2)
