"""Encoder-decoders out of PyTorch: the exported pair and the loop say, token for token, what transformers says."""

import os
import shutil
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

pytest.importorskip("transformers")

from lissom.core.errors import LissomError
from lissom.export.runners.pair_runner import Runner
from lissom.export.sequence_pair import export_pair
from lissom.graph import capture, couple
from lissom.layers.sequence_model import SequenceModel
from lissom.layers.sequence_runner import ModuleRunner
from lissom.steps.depth.drop_layers import DropLayers
from lissom.steps.pruning.prune import without
from lissom.targets import TARGETS
from lissom.targets.parity import check_parity
from lissom.tasks.generating import beam_search, greedy, said
from lissom.tasks.rules import rules_of
from lissom.testing.tiny_recognition import END, exported_whisper, tiny_recognition_workload, tiny_whisper

INPUTS = 24


@pytest.fixture(scope="module")
def whisper() -> tuple[Any, Runner]:
    module, path = exported_whisper()
    return module, Runner(path)


@pytest.fixture(scope="module")
def marian(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Runner]:
    from transformers import GenerationConfig, MarianConfig, MarianMTModel

    torch.manual_seed(0)
    ends: dict[str, Any] = {"pad_token_id": 49, "eos_token_id": 0, "decoder_start_token_id": 49}
    sizes: dict[str, Any] = {"encoder_layers": 1, "decoder_layers": 1, "d_model": 16, "init_std": 0.8}
    heads: dict[str, Any] = {"encoder_attention_heads": 2, "decoder_attention_heads": 2}
    config = MarianConfig(
        vocab_size=50, encoder_ffn_dim=24, decoder_ffn_dim=24, max_position_embeddings=32, **ends, **sizes, **heads
    )
    module = MarianMTModel(config).eval()
    module.final_logits_bias.normal_()
    module.generation_config = GenerationConfig(
        **ends, max_length=20, forced_eos_token_id=0, bad_words_ids=[[49]], length_penalty=0.7
    )
    folder = tmp_path_factory.mktemp("marian")
    export_pair(module, folder / "marian.onnx", 0)
    return module, Runner(folder / "marian.onnx")


def theirs(module: Any, beams: int, **inputs: torch.Tensor) -> list[list[int]]:
    """What transformers generates, without prompt, end and padding."""
    rules = rules_of(module)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        found = module.generate(**inputs, num_beams=beams, do_sample=False).tolist()
    texts = [text[len(rules.prompt) :] if text[: len(rules.prompt)] == list(rules.prompt) else text for text in found]
    return [text[: text.index(rules.end)] if rules.end in text else text for text in texts]


@pytest.mark.parametrize("beams", [1, 4])
def test_whisper_says_what_transformers_says(whisper: tuple[Any, Runner], beams: int) -> None:
    module, runner = whisper
    features = torch.randn(INPUTS, 8, 200, generator=torch.Generator().manual_seed(0))
    rules = rules_of(module)
    decoding = runner.start([features.numpy()], beams)
    found = greedy(decoding, INPUTS, rules) if beams == 1 else beam_search(decoding, INPUTS, rules, beams)
    assert found == theirs(module, beams, input_features=features)
    assert len({tuple(text) for text in found}) > INPUTS // 2, "the model says the same to everything"
    assert any(len(text) < rules.longest - 3 for text in found), "no text comes to its end"
    assert all(3 not in text and text[:1] != [7] for text in found)


@pytest.mark.parametrize("beams", [1, 4])
def test_marian_says_what_transformers_says_to_sentences_of_other_lengths(
    marian: tuple[Any, Runner], beams: int
) -> None:
    module, runner = marian
    draw = np.random.default_rng(0)
    tokens, mask = draw.integers(1, 49, (INPUTS, 9)), np.ones((INPUTS, 9), dtype=np.int64)
    for row, length in enumerate(draw.integers(1, 10, INPUTS)):
        tokens[row, length:], mask[row, length:] = 49, 0
    rules = rules_of(module)
    decoding = runner.start([tokens, mask], beams)
    found = greedy(decoding, INPUTS, rules) if beams == 1 else beam_search(decoding, INPUTS, rules, beams)
    expected = theirs(module, beams, input_ids=torch.from_numpy(tokens), attention_mask=torch.from_numpy(mask))
    assert found == expected
    assert len({tuple(text) for text in found}) > INPUTS // 3


def test_the_scores_of_a_step_are_those_of_the_whole_text(whisper: tuple[Any, Runner]) -> None:
    module, runner = whisper
    features, tokens = torch.randn(2, 8, 200), torch.tensor([[57, 58, 5, 9], [57, 58, 11, 2]])
    with torch.no_grad():
        expected = module(input_features=features, decoder_input_ids=tokens).logits
    decoding = runner.start([features.numpy()])
    for place in range(tokens.shape[1]):
        scores = decoding.next(tokens[:, place].numpy())
        np.testing.assert_allclose(scores, expected[:, place].numpy(), rtol=1e-3, atol=1e-4)
    decoding.keep(np.asarray([1]))
    assert decoding.next(np.asarray([END])).shape == (1, 60)


def test_other_models_are_refused(tmp_path: Path) -> None:
    with pytest.raises(LissomError, match="a Linear is no encoder-decoder"):
        export_pair(torch.nn.Linear(2, 2), tmp_path / "linear.onnx", 0)
    module = tiny_whisper()
    module.generation_config.eos_token_id = None
    with pytest.raises(LissomError, match="no last token"):
        rules_of(module)


def test_an_encoder_that_cannot_be_run_is_refused(tmp_path: Path) -> None:
    module = tiny_whisper()
    module.get_encoder().conv1.double()
    with pytest.raises(LissomError, match="the encoder cannot be exported to ONNX: Input type"):
        export_pair(module, tmp_path / "mixed.onnx", END)


def test_a_pair_that_is_broken_off_has_no_main_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Any] = []
    kept = torch.onnx.export

    def second_fails(*arguments: Any, **options: Any) -> Any:
        made.append(1)
        if len(made) == 2:
            raise KeyboardInterrupt
        return kept(*arguments, **options)

    monkeypatch.setattr(torch.onnx, "export", second_fails)
    with pytest.raises(KeyboardInterrupt):
        export_pair(tiny_whisper(), tmp_path / "made.onnx", END)
    assert not list(tmp_path.iterdir())
    monkeypatch.undo()
    monkeypatch.setattr(os, "replace", lambda source, path: made.append(path) or shutil.move(source, path))
    export_pair(tiny_whisper(), tmp_path / "made.onnx", END)
    assert [path.name for path in made[2:]] == ["made.decoder.onnx", "made.onnx"]


@pytest.mark.slow
def test_what_was_cut_and_left_out_says_what_its_model_says(tmp_path: Path) -> None:
    workload = replace(tiny_recognition_workload(), module=SequenceModel(tiny_whisper(4, layers=2), END))
    coupling = couple(capture(workload.module, workload.example))
    cut = {"heads": 1, "channels": 8}
    removed = {
        group.index: tuple(range(cut[group.kind], group.units)) for group in coupling.groups if group.kind in cut
    }
    smaller = without(workload, removed)
    block = "model.model.decoder.layers.0"
    smaller = DropLayers((block,)).without(smaller)
    parameters = [sum(p.numel() for p in item.module.parameters()) for item in (workload, smaller)]
    assert len(removed) > 10 and parameters[1] < 0.5 * parameters[0]
    target = TARGETS.get("onnxruntime")()
    made = target.export(smaller.module, workload.example, tmp_path / "cut.onnx")
    inputs = [tensor.numpy() for tensor in workload.splits.test.take([0, 1, 2]).inputs]
    check_parity(smaller.module, target, made, inputs)
    runners = target.load(made.path, threads=1), ModuleRunner(smaller.module)
    ours, theirs = (said(runner, inputs, workload.handling) for runner in runners)
    assert (ours == theirs).all() and made.size_bytes > 0
