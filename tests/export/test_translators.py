"""Translators of several families: search, exported pair and bundle say, token for token, what transformers says."""

import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer

pytest.importorskip("transformers")
pytest.importorskip("sacrebleu")

import lissom
from lissom.export.bundle import write_bundle
from lissom.export.runners.pair_runner import Runner
from lissom.export.sequence_pair import export_pair
from lissom.graph import capture, couple, verify
from lissom.layers.sequence_model import SequenceModel
from lissom.layers.sequence_runner import ModuleRunner
from lissom.targets.onnx_runtime import OnnxRuntime
from lissom.tasks.generating import said, spoken
from lissom.tasks.rules import rules_of
from lissom.testing.bundles import translator_contents
from lissom.testing.tiny_translation import draw_pairs
from lissom.testing.tiny_translators import (
    END,
    PAD,
    WRITTEN,
    framed_tokenizer,
    tiny_translator,
    write_said,
    write_translator,
)
from lissom.workload.workload import Workload

SENTENCES = [source for source, _ in draw_pairs(24, 5)]
FRAMES: dict[str, dict[str, Any]] = {
    "bart": {"before": ["<s>"], "behind": ["</s>"]},
    "mbart": {"before": ["en_XX"], "behind": ["</s>"]},
    "m2m100": {"before": ["en_XX"], "behind": ["</s>"]},
    "t5": {"behind": ["</s>"]},
}
TOLD: dict[str, dict[str, Any]] = {
    "bart": {"forced_bos_token_id": 0, "min_length": 6, "num_beams": 3},
    "mbart": {
        "forced_bos_token_id": WRITTEN,
        "num_beams": 3,
        "early_stopping": True,
        "length_penalty": 1.7,
        "suppress_tokens": [7],
        "renormalize_logits": True,
    },
    "m2m100": {"forced_bos_token_id": WRITTEN, "num_beams": 3, "length_penalty": 0.4},
    "t5": {"num_beams": 3, "min_new_tokens": 3, "bad_words_ids": [[9]], "renormalize_logits": True},
}


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def theirs(module: Any, tokens: list[list[int]], beams: int) -> list[list[int]]:
    """What transformers generates to each sentence by itself, without prompt and end."""
    rules, found = rules_of(module), list[list[int]]()
    for row in tokens:
        numbers = torch.tensor([row])
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")
            text = module.generate(numbers, attention_mask=torch.ones_like(numbers), num_beams=beams, do_sample=False)
        text = text[0].tolist()
        assert text[: len(rules.prompt)] == list(rules.prompt)
        text = text[len(rules.prompt) :]
        found.append(text[: text.index(rules.end)] if rules.end in text else text)
    return found


def asked(runner: Any, tokens: list[list[int]], rules: dict[str, Any], beams: int) -> list[list[int]]:
    """What a loop of ours says to all of them together, shorter ones filled up."""
    longest = max(map(len, tokens))
    sources = np.asarray([[*row, *[PAD] * (longest - len(row))] for row in tokens])
    inputs = [sources, (sources != PAD).astype(np.int64), np.zeros((len(tokens), 1), np.int64)]
    return spoken(said(runner, inputs, {"rules": rules, "beams": beams, "together": True}))


def encoded(kind: str) -> list[list[int]]:
    words = Tokenizer.from_str(framed_tokenizer(**FRAMES[kind]))
    return [words.encode(sentence).ids for sentence in SENTENCES]


@pytest.mark.parametrize("kind", list(FRAMES))
def test_what_the_configuration_forces_and_forbids_is_followed(kind: str) -> None:
    module, tokens = tiny_translator(kind, **TOLD[kind]), encoded(kind)
    rules = rules_of(module)
    runner = ModuleRunner(SequenceModel(module, rules.end))
    for beams in (1, 3):
        found = asked(runner, tokens, rules.to_json(), beams)
        assert found == theirs(module, tokens, beams)
        assert len({tuple(text) for text in found}) > len(found) // 3, "the model says the same to everything"


@pytest.mark.parametrize("name", ["length_penalty", "early_stopping", "renormalize_logits", "forced_bos_token_id"])
def test_each_of_them_changes_what_is_said(name: str) -> None:
    module, tokens = tiny_translator("mbart", **TOLD["mbart"]), encoded("mbart")
    without_it = tiny_translator("mbart", **{**TOLD["mbart"], name: None})
    assert theirs(module, tokens, 3) != theirs(without_it, tokens, 3)


@pytest.mark.parametrize("kind", ["mbart", "m2m100", "t5"])
def test_half_of_a_translator_as_a_pair_says_what_the_half_says(kind: str, tmp_path: Path) -> None:
    whole = tiny_translator(kind, **TOLD[kind])
    rules, tokens = rules_of(whole), encoded(kind)
    longest = max(map(len, tokens))
    example = (torch.tensor([row for row in tokens if len(row) == longest][:1]),)
    example = (*example, torch.ones_like(example[0]), torch.tensor([[*rules.prompt, 7, 8, 9][:4]]))
    module = SequenceModel(whole, rules.end).eval()
    coupling = couple(capture(module, example))
    cut = coupling.cut({g.index: range(g.units // 2) for g in coupling.groups if g.kind != "head size"})
    smaller = lissom.graph.prune(module, cut, coupling=coupling)
    assert smaller.own_class and verify(module, smaller.module, cut, example).ok
    half: Any = smaller.module
    assert sum(p.numel() for p in half.parameters()) < 0.6 * sum(p.numel() for p in module.parameters())
    export_pair(half.model, tmp_path / "half.onnx", rules.end)
    for beams in (1, 3):
        found = asked(Runner(tmp_path / "half.onnx"), tokens, rules.to_json(), beams)
        assert found == theirs(half.model, tokens, beams)


@pytest.fixture(scope="module")
def translator(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Workload]:
    torch.set_num_threads(1)
    folder, tokenizer = tmp_path_factory.mktemp("many"), framed_tokenizer(**FRAMES["mbart"])
    module = tiny_translator("mbart", **TOLD["mbart"])
    write_translator(folder, module, tokenizer)
    data = write_said(folder / "said.jsonl", module, [source for source, _ in draw_pairs(60, 8)], tokenizer)
    return module, lissom.load(f"hf:{folder}", data=str(data), task="translation", beams=3)


def test_its_bundle_writes_the_language_that_is_forced(
    translator: tuple[Any, Workload], predict: Callable[..., Any], tmp_path: Path
) -> None:
    module, workload = translator
    target = OnnxRuntime()
    artefact = target.export(workload.module, workload.example, tmp_path / "made.onnx")
    inputs = tuple(tensor.numpy() for tensor in workload.splits.test.take(range(4)).inputs)
    write_bundle(tmp_path / "bundle", translator_contents(workload, artefact, inputs))
    words = Tokenizer.from_str(framed_tokenizer(**FRAMES["mbart"]))
    expected = [words.decode(text) for text in theirs(module, encoded("mbart")[:6], 3)]
    done = predict(tmp_path / "bundle", *SENTENCES[:6], "--json")
    assert done.returncode == 0, done.stderr
    assert [json.loads(line)["translation"] for line in done.stdout.splitlines()] == expected
    assert predict(tmp_path / "bundle", "--verify").returncode == 0


def test_sentences_are_read_and_translations_learnt_behind_what_is_forced(translator: tuple[Any, Workload]) -> None:
    _, workload = translator
    assert workload.handling["wording"]["before"] == (4,) and workload.handling["rules"]["prompt"] == (END, WRITTEN)
    sources, mask, fed = workload.splits.test.take(range(4)).inputs
    assert (sources[:, 0] == 4).all() and (fed[:, :2] == torch.tensor([END, WRITTEN])).all()
    answers = said(
        ModuleRunner(workload.module), [t.numpy() for t in (sources, mask, fed)], workload.handling | {"beams": 1}
    )
    assert workload.task.texts(answers) == list(workload.splits.test.texts[:4])
