"""What is only padding says nothing: neither least squares nor importance may depend on how far a batch is filled."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

pytest.importorskip("transformers")

from lissom.graph import capture, couple
from lissom.layers.sequence_model import SequenceModel
from lissom.layers.text_model import TextModel, fitting, real_tokens
from lissom.steps.distillation.lesson import Lesson, Term, padding_masks
from lissom.steps.distillation.pairing import Pair, Pairing
from lissom.steps.distillation.teachers import Live
from lissom.steps.factorization.low_rank import LowRank
from lissom.steps.pruning.criteria import CRITERIA, Sample
from lissom.steps.repair.layers import Comparison, find_layers
from lissom.steps.repair.observe import tokens_first
from lissom.steps.sparsity.scores import what_is_read
from lissom.tasks.text.split import TextSplit
from lissom.testing import tiny_context
from lissom.testing.tiny_texts import tiny_text_workload
from lissom.testing.tiny_translation import untrained_marian
from lissom.train.device import Device
from lissom.train.tapped import Tapped
from lissom.workload.workload import Batch, Splits, Workload

LAYERS = tuple(
    f"model.bert.encoder.layer.{number}.{part}.dense.weight" for number in (0, 1) for part in ("intermediate", "output")
)


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def filled(workload: Workload, length: int) -> Workload:
    """The workload with batches that are filled up to another length."""
    splits = workload.splits
    parts = [part for part in (splits.train, splits.select, splits.test) if isinstance(part, TextSplit)]
    longer = [replace(part, encoding=replace(part.encoding, length=length)) for part in parts]
    return replace(workload, splits=Splits(*longer), example=longer[2].even().take([0]).inputs)


def batches(workload: Workload) -> list[Batch]:
    split = workload.splits.train
    assert isinstance(split, TextSplit)
    return [split.even().take(range(start, start + 16)) for start in (0, 16)]


def test_least_squares_sees_real_tokens_alone() -> None:
    workload = tiny_text_workload()
    module = workload.module.eval()
    found = []
    for taken in (batches(workload), batches(filled(workload, 24))):
        layers = find_layers(module, LAYERS, taken[0])
        assert {layer.name for layer in layers} == set(LAYERS)
        found.append(Comparison(module, layers, taken, streams=False).problems(module, LAYERS))
    tokens = sum(int((batch.inputs[0] != 0).sum()) for batch in batches(workload))
    for name in LAYERS:
        one, other = found[0][name], found[1][name]
        assert one.rows == other.rows == tokens < 2 * 16 * 16
        torch.testing.assert_close(one.normal, other.normal, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("criterion", ["fisher", "obd", "wanda"])
def test_importance_does_not_depend_on_the_padding(criterion: str) -> None:
    plain = tiny_text_workload()
    found = []
    for workload in (plain, filled(plain, 24)):
        coupling = couple(capture(workload.module, plain.example))
        groups = [group for group in coupling.groups if "intermediate" in group.name]
        assert groups
        importance = CRITERIA.get(criterion)(workload, replace(coupling, groups=tuple(groups)), Sample(32, batch=16))
        found.append(np.concatenate([importance[group.index] for group in groups]))
    assert found[0].max() > 0
    np.testing.assert_allclose(found[0], found[1], rtol=1e-3, atol=found[0].max() * 1e-4)


def test_what_weights_read_does_not_depend_on_the_padding() -> None:
    workload = tiny_text_workload()
    one, other = (what_is_read(workload.module, LAYERS, batches(it)) for it in (workload, filled(workload, 24)))
    for name in LAYERS:
        torch.testing.assert_close(one[name].squares, other[name].squares, rtol=1e-4, atol=1e-6)


def test_low_rank_layers_do_not_depend_on_the_padding(tmp_path: Path) -> None:
    name = "model.bert.encoder.layer.0.intermediate.dense"
    step = LowRank(((name, "linear", (6,)),), examples=32, batch=16)
    inputs, found = torch.eye(32), []
    for workload in (tiny_text_workload(), filled(tiny_text_workload(), 24)):
        layer = step.apply(workload, tiny_context(tmp_path, workload)).module.get_submodule(name)
        with torch.no_grad():
            found.append(layer(inputs))
    assert not torch.allclose(found[0], tiny_text_workload().module.get_submodule(name)(inputs), atol=1e-2)
    torch.testing.assert_close(found[0], found[1], rtol=1e-3, atol=1e-4)


def sentences(source: int, said: int) -> tuple[torch.Tensor, ...]:
    """Two sentences and what was said to them, the second of each shorter, filled up to so many tokens."""
    tokens, answer = torch.full((2, source), 1), torch.full((2, said), 1)
    tokens[0, :5], tokens[1, :3] = torch.arange(4, 9), torch.arange(4, 7)
    answer[0, :6], answer[1, :4] = torch.arange(9, 15), torch.arange(9, 13)
    return tokens, (tokens != 1).long(), answer


def test_each_text_of_an_encoder_decoder_has_its_own_padding() -> None:
    model = SequenceModel(untrained_marian(), end=1)
    real = real_tokens(model, sentences(8, 7))
    assert [mask.sum(1).tolist() for mask in real] == [[5, 3], [6, 4]]
    for places, expected in ((16, [5, 3]), (14, [6, 4])):
        mask = fitting(real, places)
        assert mask is not None and mask.sum(1).tolist() == expected
    assert fitting(real, 15) is None and fitting((), 16) is None
    both = fitting(real_tokens(model, sentences(8, 8)), 16)
    assert both is not None and both.sum(1).tolist() == [6, 4], "what is real in either"


def test_what_is_said_to_sound_is_told_from_padding_alone() -> None:
    real = real_tokens(SequenceModel(torch.nn.Identity(), end=1), (torch.zeros(2, 4, 9), sentences(8, 7)[2]))
    assert [mask.sum(1).tolist() for mask in real] == [[6, 4]]
    assert [mask.sum().item() for mask in real_tokens(TextModel(torch.nn.Identity(), 1), sentences(8, 7)[:1])] == [8]


def test_layers_of_an_encoder_are_compared_without_the_padding_of_the_source() -> None:
    workload, device = tiny_text_workload(), Device("cpu", mixed=False)
    student, teacher = (SequenceModel(untrained_marian(seed), end=1).eval() for seed in (0, 1))
    encoder, decoder = (f"model.model.{part}.layers.0" for part in ("encoder", "decoder"))
    found = []
    for source, said in ((5, 6), (8, 9), (5, 11)):
        batch = Batch(sentences(source, said), None, torch.arange(2))
        pairing = Pairing((Pair(encoder, encoder, (32, 32)), Pair(decoder, decoder, (32, 32))))
        told = Live(teacher, [encoder, decoder], device)
        lesson = Lesson(workload.task, told, [Term("hints")], pairing, real=padding_masks(student))
        found.append(lesson(Tapped(student, [encoder, decoder])(*batch.inputs), batch, 0))
    assert found[0] > 0
    torch.testing.assert_close(found[0], found[1])
    torch.testing.assert_close(found[0], found[2])


class Own(torch.nn.Module):
    """A classifier around PyTorch's own encoder, whose attention reads all texts token by token."""

    def __init__(self) -> None:
        super().__init__()
        self.words = torch.nn.Embedding(35, 16)
        layer = torch.nn.TransformerEncoderLayer(16, 4, 24, batch_first=True, dropout=0.0)
        self.encoder = torch.nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.classes = torch.nn.Linear(16, 2)

    def forward(self, tokens: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        hidden = self.encoder(self.words(tokens), src_key_padding_mask=attention_mask == 0)
        return self.classes((hidden * attention_mask[..., None]).sum(1) / attention_mask.sum(1, keepdim=True))


OWN = ("self_attn.in_proj_weight", "self_attn.out_proj.weight", "linear1.weight", "linear2.weight")


def test_what_reads_token_by_token_is_freed_from_padding_too() -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        module = TextModel(Own(), 0).eval()
    names = [f"model.encoder.layers.1.{name}" for name in OWN]
    plain = tiny_text_workload(module)
    weights = {name: module.get_parameter(name) for name in names}
    inputs = batches(plain)[0].inputs
    assert tokens_first(module, inputs, weights) == set(names[:2])
    assert tokens_first(torch.nn.Identity(), inputs, {}) == set()
    problems, squares = [], []
    for taken in (batches(plain), batches(filled(plain, 24))):
        layers = find_layers(module, names, taken[0])
        assert {layer.name for layer in layers} == set(names)
        problems.append(Comparison(module, layers, taken, streams=False).problems(module, names))
        squares.append(what_is_read(module, names, taken))
    for name in names:
        one, other = problems[0][name], problems[1][name]
        assert one.rows == other.rows
        torch.testing.assert_close(one.normal, other.normal, rtol=1e-3, atol=1e-3)
        torch.testing.assert_close(squares[0][name].squares, squares[1][name].squares, rtol=1e-3, atol=1e-5)
