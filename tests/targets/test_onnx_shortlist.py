"""Decoders that score some of the words: those that are told say what they said, the others are never said."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import helper, numpy_helper

pytest.importorskip("transformers")

from lissom.core.errors import LissomError
from lissom.export.pair_files import decoder_of, word_lists_of
from lissom.export.runners.pair_runner import Runner
from lissom.export.sequence_pair import export_pair
from lissom.targets.onnx_pair_int8 import quantize_pair
from lissom.targets.onnx_runtime import OnnxRuntime
from lissom.targets.onnx_shortlist import WORDS, score_some, shortlist_pair, write_word_lists
from lissom.targets.target import INT8, RefusedError
from lissom.tasks.generating import Rules, beam_search, greedy
from lissom.tasks.translation.lexicon import WordLists
from lissom.testing.tiny_translation import END, ENGLISH, GERMAN, PAD, SPECIAL, tiny_marian
from lissom.testing.tiny_translators import WORDS as WORDS_KNOWN
from lissom.testing.tiny_translators import tiny_translator

RULES = Rules(prompt=(PAD,), end=END, longest=12, suppressed=(PAD,))
COUNT = len(SPECIAL) + len(ENGLISH) + len(GERMAN)
GERMANS = range(COUNT - len(GERMAN), COUNT)  # what each word is said as, in the order of both
EVERY = WordLists(np.arange(COUNT), [], copied=False)
FOREIGN = WordLists(np.asarray([END, COUNT]), [], copied=False)
SENTENCES = [[3, 4, 5, END], [10, 10, 3, 7, 9, END], [6, 5, 8, 4, END]]


def batch(rows: list[list[int]] = SENTENCES) -> list[np.ndarray]:
    longest = max(map(len, rows))
    tokens = np.asarray([[*row, *[PAD] * (longest - len(row))] for row in rows])
    return [tokens, (tokens != PAD).astype(np.int64)]


def said(path: Path, rows: list[list[int]] = SENTENCES, beams: int = 1) -> list[list[int]]:
    decoding = Runner(path).start(batch(rows), beams)
    if beams == 1:
        return greedy(decoding, len(rows), RULES)
    return beam_search(decoding, len(rows), RULES, beams)


@dataclass(frozen=True)
class Pairs:
    """The main files of a translator of the made-up language."""

    fp32: Path
    int8: Path


@cache
def _made(folder: Path) -> Pairs:
    torch.set_num_threads(1)
    module = tiny_marian()
    with torch.no_grad():
        module.final_logits_bias.copy_(0.1 * torch.arange(COUNT) / COUNT)
    made = Pairs(folder / "fp32.onnx", folder / "int8.onnx")
    export_pair(module, made.fp32, END)
    quantize_pair(made.fp32, made.int8)
    return made


@pytest.fixture
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Pairs:
    return _made(tmp_path_factory.getbasetemp() / "translator")


@pytest.mark.parametrize("precision", ["fp32", "int8"])
@pytest.mark.parametrize("beams", [1, 3])
def test_a_list_of_all_words_changes_nothing(pairs: Pairs, precision: str, beams: int, tmp_path: Path) -> None:
    plain: Path = getattr(pairs, precision)
    shortlist_pair(plain, made := tmp_path / "made.onnx", EVERY)
    assert said(made, beams=beams) == said(plain, beams=beams)
    assert said(plain)[0] == [GERMANS[0], GERMANS[1], GERMANS[2]], "the model knows the language"


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_what_is_likely_for_the_batch_is_said_and_nothing_else(pairs: Pairs, precision: str, tmp_path: Path) -> None:
    plain: Path = getattr(pairs, precision)
    likely = [np.zeros(0, np.int64)] * 3 + [np.asarray([german]) for german in GERMANS]
    shortlist_pair(plain, made := tmp_path / "made.onnx", WordLists(np.asarray([END]), likely, copied=False))
    for rows in (SENTENCES, *([row] for row in SENTENCES)):
        assert said(made, rows) == said(plain, rows)
        assert said(made, rows, 3) == said(plain, rows, 3)
    decoding, whole = Runner(made).start(batch()), Runner(plain).start(batch())
    scores, all_scores = (it.next(np.full(3, PAD)) for it in (decoding, whole))
    read = {GERMANS[token - 3] for row in SENTENCES for token in row if token != END} | {END}
    assert set(np.flatnonzero(np.isfinite(scores).all(axis=0)).tolist()) == read
    assert np.isneginf(scores[:, [word for word in range(COUNT) if word not in read]]).all()
    np.testing.assert_allclose(scores[:, sorted(read)], all_scores[:, sorted(read)], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("beams", [1, 3])
def test_a_word_in_no_list_is_never_said(pairs: Pairs, beams: int, tmp_path: Path) -> None:
    words = np.asarray([word for word in range(COUNT) if word != GERMANS[1]])
    shortlist_pair(pairs.fp32, made := tmp_path / "made.onnx", WordLists(words, [], copied=False))
    assert any(GERMANS[1] in text for text in said(pairs.fp32, beams=beams))
    found = said(made, beams=beams)
    assert not any(GERMANS[1] in text for text in found) and found[1] == said(pairs.fp32, beams=beams)[1]


def test_fewer_words_than_beams_look_at_still_end(pairs: Pairs, tmp_path: Path) -> None:
    words = np.asarray([END, GERMANS[0]])
    shortlist_pair(pairs.fp32, made := tmp_path / "made.onnx", WordLists(words, [], copied=False))
    assert {token for text in said(made, beams=4) for token in text} <= {GERMANS[0]}


def test_words_of_the_sentence_may_be_said_where_vocabularies_are_one(pairs: Pairs, tmp_path: Path) -> None:
    for copied in (False, True):
        shortlist_pair(pairs.fp32, made := tmp_path / "made.onnx", WordLists(np.asarray([END]), [], copied))
        scores = Runner(made).start(batch([[4, 6, END]])).next(np.asarray([PAD]))
        assert np.flatnonzero(np.isfinite(scores[0])).tolist() == ([END, 4, 6] if copied else [END])


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_told_what_was_said_it_scores_all_words(pairs: Pairs, precision: str, tmp_path: Path) -> None:
    plain: Path = getattr(pairs, precision)
    shortlist_pair(plain, made := tmp_path / "made.onnx", WordLists(np.asarray([END]), [], copied=False))
    inputs = [*batch(), np.asarray([[PAD, 11, 12, 13], [PAD, 14, END, END], [PAD, 15, 16, END]])]
    (wanted,), (found,) = Runner(plain).run(inputs), Runner(made).run(inputs)
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("kind", ["t5", "m2m100", "untied"])
def test_other_families_and_tables_of_their_own(kind: str, tmp_path: Path) -> None:
    torch.set_num_threads(1)
    module: Any = tiny_translator("t5" if kind == "untied" else kind)
    if kind == "untied":
        module.lm_head.weight = torch.nn.Parameter(module.lm_head.weight.detach().flip(0).clone())
    export_pair(module, plain := tmp_path / "fp32.onnx", END)
    quantize_pair(plain, int8 := tmp_path / "int8.onnx")
    tables = [tuple(item.dims) for item in onnx.load(decoder_of(int8)).graph.initializer if WORDS_KNOWN in item.dims]
    assert ((16, WORDS_KNOWN) in tables) == (kind == "untied"), "the table of scores is held turned where it is its own"
    words = np.asarray([2, 5, 6, 11, 20])
    for path in (plain, int8):
        shortlist_pair(path, made := tmp_path / "made.onnx", WordLists(words, [], copied=False))
        wanted, found = (Runner(it).start(batch()).next(np.full(3, PAD)) for it in (path, made))
        np.testing.assert_allclose(found[:, words], wanted[:, words], rtol=1e-4, atol=1e-5)


def product(table: np.ndarray, kind: str, behind: list[onnx.NodeProto]) -> onnx.ModelProto:
    """A decoder of an output layer alone, for 6 words."""
    sized = helper.make_tensor_value_info
    nodes = [helper.make_node(kind, ["hidden", "table"], ["product"]), *behind]
    graph = helper.make_graph(
        nodes,
        "step",
        [sized("hidden", onnx.TensorProto.FLOAT, ["batch", 4])],
        [sized("scores", onnx.TensorProto.FLOAT, ["batch", 6])],
        [numpy_helper.from_array(table, "table"), numpy_helper.from_array(np.ones(1, np.float32), "one")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)


def test_a_product_with_a_turned_table_is_known() -> None:
    from onnxruntime import InferenceSession

    table = np.arange(24, dtype=np.float32).reshape(4, 6)
    model = product(table, "MatMul", [helper.make_node("Add", ["product", "one"], ["scores"])])
    score_some(model)
    onnx.checker.check_model(model)
    hidden = np.eye(4, dtype=np.float32)
    (found,) = InferenceSession(model.SerializeToString()).run(None, {"hidden": hidden, WORDS: np.asarray([1, 4])})
    assert np.array_equal(np.asarray(found), table[:, [1, 4]] + 1)


@pytest.mark.parametrize(
    ("kind", "shape", "behind", "said"),
    [
        ("MatMul", (4, 6), "Softmax", "Softmax gives scores"),
        ("MatMul", (4, 1), "Add", "reads table of 4 x 1"),
    ],
)
def test_an_output_layer_of_another_form_is_refused(kind: str, shape: tuple[int, int], behind: str, said: str) -> None:
    inputs = ["product", "one"] if behind == "Add" else ["product"]
    model = product(np.ones(shape, np.float32), kind, [helper.make_node(behind, inputs, ["scores"])])
    with pytest.raises(RefusedError, match="of 6 words was not found in the decoder") as caught:
        score_some(model)
    assert said in caught.value.message


def test_one_shortlist_is_enough_and_int8_comes_before_it(pairs: Pairs, tmp_path: Path) -> None:
    shortlist_pair(pairs.fp32, made := tmp_path / "made.onnx", EVERY)
    with pytest.raises(RefusedError, match="told which words to score already"):
        shortlist_pair(made, tmp_path / "again.onnx", EVERY)
    assert not (tmp_path / "again.onnx").exists()
    with pytest.raises(RefusedError, match="has a shortlist, which comes behind INT8"):
        quantize_pair(made, tmp_path / "int8.onnx")


def test_the_lists_belong_to_the_artefact(pairs: Pairs, tmp_path: Path) -> None:
    target = OnnxRuntime()
    shortlist_pair(pairs.int8, made := tmp_path / "made.onnx", EVERY)
    artefact = target.artefact(made, INT8)
    assert [file.name for file in artefact.files] == ["made.onnx", "made.decoder.onnx", "made.shortlist.npz"]
    assert artefact.size_bytes == sum(file.stat().st_size for file in tmp_path.iterdir())
    assert target.artefact(pairs.int8, INT8).beside == (decoder_of(pairs.int8),)
    assert target.fallbacks(artefact) == target.fallbacks(target.artefact(pairs.int8, INT8))


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda path: path.unlink(), "made.shortlist.npz is missing"),
        (lambda path: path.write_bytes(path.read_bytes()[:-40]), "made.shortlist.npz is damaged"),
        (lambda path: path.write_bytes(b"no archive"), "made.shortlist.npz is damaged"),
        (lambda path: np.savez(path, always=np.arange(3)), "made.shortlist.npz is damaged"),
        (
            lambda path: write_word_lists(path, FOREIGN),
            "words that the model has not",
        ),
    ],
)
def test_lists_that_are_missing_or_damaged_are_told(pairs: Pairs, damage: Any, said: str, tmp_path: Path) -> None:
    shortlist_pair(pairs.fp32, made := tmp_path / "made.onnx", EVERY)
    damage(word_lists_of(made))
    with pytest.raises(LissomError, match=said):
        OnnxRuntime().load(made, threads=1)


def test_the_runner_chooses_the_words_that_the_lists_name(pairs: Pairs, tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    likely = [np.sort(random.choice(COUNT, random.integers(0, 4), replace=False)) for _ in range(9)]
    for copied in (False, True):
        lists = WordLists(np.asarray([END, 5]), likely, copied)
        shortlist_pair(pairs.fp32, made := tmp_path / "made.onnx", lists)
        runner = Runner(made)
        for row in SENTENCES:
            scores = runner.start(batch([row])).next(np.asarray([PAD]))[0]
            assert np.flatnonzero(np.isfinite(scores)).tolist() == lists.words(np.asarray(row)).tolist()
