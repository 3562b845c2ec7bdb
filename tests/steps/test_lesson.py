"""Losses between layers in the step: pairs that are proposed, nothing left on the models, words for what cannot be."""

import copy
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

pytest.importorskip("transformers")

from lissom.core.errors import LissomError
from lissom.core.progress import Progress
from lissom.layers.text_model import TextModel
from lissom.steps.distillation import losses
from lissom.steps.distillation.distill import Distill
from lissom.steps.distillation.lesson import Lesson, Term
from lissom.steps.distillation.pairing import Pair, Pairing, by_token, propose
from lissom.steps.distillation.teachers import Live, mean_answer
from lissom.tasks.text.unlabelled import unlabelled_split
from lissom.testing.steps import fingerprint, same
from lissom.testing.tiny import tiny_context, tiny_workload, trained_net
from lissom.testing.tiny_recognition import tiny_recognition_workload
from lissom.testing.tiny_texts import (
    ENCODING,
    draw_texts,
    fresh_bert,
    text_split,
    tiny_text_workload,
    trained_bert,
    write_text_model,
)
from lissom.testing.tiny_translation import tiny_translation_workload
from lissom.train.device import Device
from lissom.train.tapped import Seen
from lissom.workload.changes import Zeros
from lissom.workload.encoders import find_encoder
from lissom.workload.workload import Batch

LOSSES = (
    "tinybert_hidden",
    "tinybert_attention",
    "minilm",
    "minilm_values",
    "hints",
    "cosine",
    "rkd",
    "similarity",
    "crd",
)


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def student() -> TextModel:
    return TextModel(fresh_bert(1, layers=1, hidden=16, inner=32), ENCODING.pad).eval()


def test_layers_of_an_encoder_are_found_and_paired() -> None:
    found = find_encoder(trained_bert())
    assert found.embeddings == "model.bert.embeddings" and len(found.layers) == 2 and found.layers[0].heads == 4
    pairing = propose(student(), trained_bert(), tiny_text_workload().example)
    assert str(pairing).splitlines() == [
        "model.bert.embeddings (16 wide) <- model.bert.embeddings (32 wide)",
        "model.bert.encoder.layer.0 (16 wide) <- model.bert.encoder.layer.1 (32 wide)",
    ]


@pytest.mark.parametrize("loss", LOSSES)
def test_every_loss_between_layers_teaches_texts_and_leaves_nothing_behind(loss: str, tmp_path: Path) -> None:
    original = tiny_text_workload()
    workload = original.with_module(student())
    before = fingerprint(original.module), fingerprint(workload.module)
    step = Distill(1, batch=64, rate=2e-3, labels=0.0, losses=((loss, 1.0), ("logits", 1.0)), share=0.5)
    result = step.apply(workload, tiny_context(tmp_path, original))
    assert same(fingerprint(original.module), before[0]) and same(fingerprint(workload.module), before[1])
    assert (
        isinstance(result.module, TextModel)
        and result.module.state_dict().keys() == workload.module.state_dict().keys()
    )
    assert fingerprint(result.module)["hooks"] == 0


def test_maps_of_pictures_are_paired_by_size(tmp_path: Path) -> None:
    original = tiny_workload()
    pairing = propose(original.module, original.module, original.example)
    assert [pair.student for pair in pairing.pairs] == ["features.2", "features.5", "features"]
    step = Distill(1, batch=64, losses=(("attention_transfer", 10.0), ("dkd", 1.0)), views=1)
    step.apply(original.with_module(trained_net()), tiny_context(tmp_path, original))


def test_several_teachers_answer_with_the_mean_of_their_probabilities(tmp_path: Path) -> None:
    one, two = torch.randn(3, 4), torch.randn(3, 4)
    mean = (0.25 * one.softmax(1) + 0.75 * two.softmax(1)).log()
    torch.testing.assert_close(mean_answer([one, two], [0.25, 0.75]), mean)
    original = tiny_text_workload()
    folder = write_text_model(tmp_path / "other")
    step = Distill(1, batch=64, rate=2e-3, teachers=(f"hf:{folder}",), share=0.3)
    step.apply(original.with_module(student()), tiny_context(tmp_path / "run", original))


def test_teachers_beside_one_that_answers_with_texts_are_refused_at_once(tmp_path: Path) -> None:
    for original in (tiny_translation_workload(), tiny_recognition_workload()):
        with pytest.raises(LissomError, match="answers with texts") as refused:
            Distill(1, teachers=("hf:nowhere",)).check(original)
        assert "leave teachers out" in refused.value.hints[0]


class ByToken(torch.nn.Module):
    """A classifier around PyTorch's own encoder as it is by default: the first tokens of all texts, then the second."""

    def __init__(self) -> None:
        super().__init__()
        self.words = torch.nn.Embedding(35, 16)
        self.encoder = torch.nn.TransformerEncoderLayer(16, 4, 24, dropout=0.0)
        self.classes = torch.nn.Linear(16, 2)

    def forward(self, tokens: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        hidden = self.encoder(self.words(tokens).transpose(0, 1), src_key_padding_mask=attention_mask == 0)
        real = attention_mask.T[..., None]
        return self.classes((hidden * real).sum(0) / real.sum(0))


@pytest.mark.filterwarnings("ignore:.*nested tensor")
def test_layers_that_go_token_by_token_are_known_though_there_are_as_many_texts_as_tokens(tmp_path: Path) -> None:
    torch.manual_seed(0)
    ours, theirs = (TextModel(ByToken(), ENCODING.pad) for _ in range(2))
    original = tiny_text_workload(theirs)
    names = ("model.words", "model.encoder")
    assert by_token(theirs, names, original.example) == {"model.encoder"}
    assert by_token(theirs, names, tuple(part[:, :1] for part in original.example)) == {"model.encoder"}
    assert by_token(theirs, (), original.example) == by_token(trained_net(), (), ()) == frozenset()
    step = Distill(1, losses=(("hints", 1.0),), pairs=(("model.encoder", "model.encoder"),), labels=0.0)
    learner, lesson = step._lesson(original.with_module(ours), tiny_context(tmp_path, original), 0)
    tokens = torch.full((6, 9), ENCODING.pad)
    for row, length in enumerate((6, 2, 3, 5, 1, 4)):
        tokens[row, :length] = torch.arange(10, 10 + length)
    found = [
        lesson(learner(tokens[:, :wide]), Batch((tokens[:, :wide],), None, torch.arange(6)), 0) for wide in (6, 7, 9)
    ]
    torch.testing.assert_close(found[0], found[1])
    torch.testing.assert_close(found[0], found[2])


def test_a_teacher_of_another_class_order_is_refused(tmp_path: Path) -> None:
    other: Any = copy.deepcopy(trained_bert().model)
    other.config.id2label = {0: "positive", 1: "negative"}
    folder = write_text_model(tmp_path / "other", other)
    original = tiny_text_workload()
    with pytest.raises(LissomError, match="another order"):
        Distill(1, teachers=(f"hf:{folder}",)).apply(original, tiny_context(tmp_path / "run", original))


def test_a_teacher_of_another_class_order_is_refused_by_its_answers_too(tmp_path: Path) -> None:
    other: Any = copy.deepcopy(trained_bert().model)
    with torch.no_grad():  # the classes keep their names
        for tensor in (other.classifier.weight, other.classifier.bias):
            tensor.copy_(tensor.flip(0))
    folder = write_text_model(tmp_path / "other", other)
    for original in (tiny_text_workload(), replace(tiny_text_workload(), labelled=False)):
        with pytest.raises(LissomError, match="and refused: the classes seem to be in another order"):
            Distill(1, teachers=(f"hf:{folder}",)).apply(original, tiny_context(tmp_path / "run", original))


def test_losses_of_classes_are_refused_where_there_are_none(tmp_path: Path) -> None:
    original = tiny_text_workload()
    number = original.with_module(TextModel(fresh_bert(classes=1), ENCODING.pad).eval())
    for step in (Distill(1, losses=(("dist", 1.0),)), Distill(1, teachers=("hf:other",))):
        with pytest.raises(LissomError, match="of the chances of classes"):
            step.apply(number, tiny_context(tmp_path / "number", number))


def test_decoupled_answers_are_refused_without_labels(tmp_path: Path) -> None:
    original, step = tiny_text_workload(), Distill(1, losses=(("dkd", 1.0),))
    source = tmp_path / "plain.txt"
    source.write_text("the film\n" * 8, encoding="utf-8")
    for workload, tried in ((replace(original, labelled=False), step), (original, replace(step, texts=str(source)))):
        with pytest.raises(LissomError, match="dkd needs the true class"):
            tried.apply(workload, tiny_context(tmp_path / "run", workload))


def test_standardised_answers_of_two_classes_are_refused(tmp_path: Path) -> None:
    original = tiny_text_workload()
    with pytest.raises(LissomError, match="two classes say nothing"):
        Distill(1, losses=(("standardised", 1.0),)).apply(original, tiny_context(tmp_path / "run", original))


@pytest.mark.parametrize(
    ("loss", "settings"),
    [
        ("logits", {"temperature": 2.0}),
        ("dist", {"beta": 3.0}),
        ("standardised", {"temperature": 1.0}),
        ("dkd", {"alpha": 0.5, "beta": 2.0}),
        ("rkd", {"distance": 25.0, "angle": 50.0}),
    ],
)
def test_settings_of_a_loss_reach_its_function(loss: str, settings: dict[str, float]) -> None:
    original, features = tiny_workload(), [torch.randn(6, 3) for _ in range(2)]
    targets = torch.tensor([0, 1, 2, 0, 1, 2])
    batch = Batch((torch.zeros(6),), targets, torch.arange(6))
    ours, theirs = (Seen(tensor, {"layer": tensor}) for tensor in features)

    class Told:
        def seen(self, batch: Batch, view: int) -> Seen:
            return theirs

    term = Term(loss, settings=tuple(settings.items()))
    lesson = Lesson(original.task, Told(), [term], Pairing((Pair("layer", "layer", (3, 3)),)))
    more = (targets,) if loss == "dkd" else ()
    torch.testing.assert_close(lesson(ours, batch, 0), losses.LOSSES.get(loss)(*features, *more, **settings))
    assert not torch.allclose(lesson(ours, batch, 0), losses.LOSSES.get(loss)(*features, *more))


def test_the_temperature_of_contrast_is_that_of_its_term() -> None:
    pairing = Pairing((Pair("layer", "layer", (3, 3)),))
    terms = [Term("crd", settings=(("temperature", 0.5),))]
    teacher = Live(trained_net(), (), Device("cpu", mixed=False))
    lesson = Lesson(tiny_workload().task, teacher, terms, pairing)
    assert lesson.contrast is not None and lesson.contrast.temperature == 0.5


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ((("temperature", 0.0),), "temperature of the loss dist is 0"),
        ((("beta", float("nan")),), "beta of the loss dist is nan"),
        ((("beta", 1.0), ("beta", 2.0)), "beta of the loss dist is set more than once"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings: tuple[tuple[str, float], ...], said: str) -> None:
    with pytest.raises(LissomError, match=said):
        Term("dist", settings=settings)


def test_weights_are_finite_and_settings_are_told_with_the_step() -> None:
    with pytest.raises(LissomError, match="the weight of dist is inf"):
        Term("dist", weight=float("inf"))
    step = Distill(5, losses=(("dkd", 1.0), ("hints", 1.0)), settings=(("dkd", "beta", 2.0), ("dkd", "alpha", 1.0)))
    assert step.describe() == "distill 5 epochs by dkd (beta 2, alpha 1), hints"


def test_answers_that_are_no_chances_have_no_temperature(tmp_path: Path) -> None:
    original = tiny_text_workload()
    number = original.with_module(TextModel(fresh_bert(classes=1), ENCODING.pad).eval())
    step = Distill(1, losses=(("logits", 1.0),), settings=(("logits", "temperature", 2.0),))
    with pytest.raises(LissomError, match="of the chances of classes"):
        step.apply(number, tiny_context(tmp_path / "number", number))


def test_unknown_losses_and_layers_are_named(tmp_path: Path) -> None:
    with pytest.raises(LissomError, match="unknown loss 'logit'"):
        Distill(1, losses=(("logit", 1.0),))
    original = tiny_text_workload()
    step = Distill(1, losses=(("hints", 1.0),), pairs=(("model.bert.encoder.layer.7", "model.bert.encoder.layer.0"),))
    with pytest.raises(LissomError, match=r"layer\.7"):
        step.apply(original, tiny_context(tmp_path, original))


def test_zeros_stay_while_layers_are_compared(tmp_path: Path) -> None:
    original = tiny_workload()
    module = trained_net()
    weight = module.get_parameter("features.3.weight")
    with torch.no_grad():
        weight.mul_(torch.arange(weight.numel()).reshape(weight.shape) % 2)
    workload = original.with_module(module).with_changes((Zeros(("features.3.weight",)),))
    result = Distill(1, batch=64, losses=(("hints", 1.0),), views=0).apply(workload, tiny_context(tmp_path, original))
    learnt = result.module.get_parameter("features.3.weight")
    assert torch.equal(learnt == 0, weight == 0) and not torch.equal(learnt, weight)


def test_a_teacher_of_another_vocabulary_is_refused(tmp_path: Path) -> None:
    folder = write_text_model(tmp_path / "other")
    tokenizer = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    words = tokenizer["model"]["vocab"]
    words["brave"], words["bland"] = words["bland"], words["brave"]
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer), encoding="utf-8")
    original = tiny_text_workload()
    with pytest.raises(LissomError, match="another vocabulary") as caught:
        Distill(1, teachers=(f"hf:{folder}",)).apply(original, tiny_context(tmp_path / "run", original))
    assert "same tokenizer" in caught.value.hints[0]


def test_layers_that_cannot_be_paired_are_told(tmp_path: Path) -> None:
    original = tiny_text_workload()
    deeper = TextModel(fresh_bert(layers=3), ENCODING.pad).eval()
    with pytest.raises(LissomError, match="the student has 3 layers, the teacher 2"):
        propose(deeper, original.module, original.example)
    fewer = fresh_bert(layers=1)
    fewer.bert.encoder.layer[0].attention.self.num_attention_heads = 2
    fewer.bert.encoder.layer[0].attention.self.attention_head_size = 16
    step = Distill(1, batch=64, losses=(("tinybert_attention", 1.0),), share=0.3)
    with pytest.raises(LissomError, match=r"has 2 heads, .* has 4") as caught:
        step.apply(original.with_module(TextModel(fewer, ENCODING.pad).eval()), tiny_context(tmp_path, original))
    assert "minilm" in caught.value.hints[0]
    pictures = tiny_workload()
    with pytest.raises(LissomError, match="needs layers with attention"):
        Distill(1, losses=(("minilm", 1.0),)).apply(pictures, tiny_context(tmp_path / "pictures", pictures))


def test_layers_of_a_text_model_without_attention_are_paired_by_name(tmp_path: Path) -> None:
    original = tiny_text_workload()

    class Bag(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.words, self.head = torch.nn.Embedding(200, 8), torch.nn.Linear(8, len(original.classes))

        def forward(self, words: torch.Tensor, *rest: torch.Tensor) -> torch.Tensor:
            return self.head(self.words(words).mean(1))

    bags = original.with_module(Bag().eval())
    step = Distill(1, batch=64, losses=(("logits", 1.0), ("hints", 1.0)), pairs=(("head", "head"),), share=0.3)
    learnt = step.apply(bags, tiny_context(tmp_path, bags))
    assert not torch.equal(learnt.module.get_parameter("words.weight"), bags.module.get_parameter("words.weight"))


def test_texts_without_labels_teach_without_the_training_split(tmp_path: Path) -> None:
    original = tiny_text_workload()
    source = tmp_path / "plain.txt"
    source.write_text("\n".join(text for (text,) in draw_texts(200, 7)[0]) + "\n\n", encoding="utf-8")
    unread = replace(original.splits, train=text_split([("the film",)] * 8, np.zeros(8, dtype=np.int64)))
    workload = replace(original, module=student(), splits=unread)
    step = Distill(6, batch=32, rate=1e-2, labels=0.5, texts=str(source))
    learnt = step.apply(workload, tiny_context(tmp_path / "run", original))
    tokens = original.splits.test.take(range(120)).inputs
    with torch.no_grad():
        same_answer = learnt.module(*tokens).argmax(1) == original.module(*tokens).argmax(1)
    assert float(same_answer.float().mean()) > 0.8
    (tmp_path / "empty.txt").write_text("\n \n", encoding="utf-8")
    for text, said in (("empty.txt", "holds no text"), ("none.txt", "no file or folder")):
        with pytest.raises(LissomError, match=said):
            replace(step, texts=str(tmp_path / text)).apply(workload, tiny_context(tmp_path / text[:4], original))
    with pytest.raises(LissomError, match="for models of texts"):
        step.apply(tiny_workload(), tiny_context(tmp_path / "pictures", tiny_workload()))


def test_texts_without_labels_are_none_that_are_judged_by(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    original = tiny_text_workload()
    judged = [text for seed, count in ((1, 20), (2, 20)) for (text,) in draw_texts(count, seed)[0]]
    source = tmp_path / "texts.txt"
    source.write_text("\n".join([*judged, "the brave brave brave film"]) + "\n", encoding="utf-8")
    splits = replace(original.splits, select=text_split(*draw_texts(20, 1)), test=text_split(*draw_texts(20, 2)))
    workload = replace(original, splits=splits)
    said: list[str] = []
    progress = Progress(False)
    monkeypatch.setattr(progress, "say", said.append)
    found = unlabelled_split(workload, str(source), progress)
    assert len(found) == 1 and said == [f"40 texts of {source} are in select or test: they were left out"]
    source.write_text("\n".join(judged), encoding="utf-8")
    with pytest.raises(LissomError, match="all texts of"):
        unlabelled_split(workload, str(source))
