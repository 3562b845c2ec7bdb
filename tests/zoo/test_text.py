"""Small BERTs: classifiers, the projection for TinyBERT's training, and DistilBERT's start."""

import pytest
import torch

from lissom.core.errors import LissomError
from lissom.zoo import build

pytest.importorskip("transformers")

from transformers import BertModel

from lissom.zoo.distilbert_start import distilbert_from_bert
from lissom.zoo.text import FitProjection, bert

TOKENS = torch.arange(12).reshape(2, 6) + 100


@pytest.fixture(scope="module")
def teacher() -> BertModel:
    torch.manual_seed(0)
    model = bert(4, 32, 64, 4).eval()
    assert isinstance(model, BertModel)
    return model


@pytest.mark.parametrize("name", ["bert_tiny", "distilbert"])
def test_classifier(name: str) -> None:
    with torch.device("meta"), torch.no_grad():
        assert build(name, num_classes=3).eval()(TOKENS.to("meta")).logits.shape == (2, 3)


def test_projection_of_tinybert_has_the_published_size() -> None:
    with torch.device("meta"):
        student = FitProjection(build("tinybert_4l_312"), 768)
    assert sum(parameter.numel() for parameter in student.fit_dense.parameters()) == 240_384


def test_projection_is_of_all_hidden_states_alike(teacher: BertModel) -> None:
    fitted = FitProjection(teacher, 48).eval()
    with torch.no_grad():
        output = fitted(TOKENS)
        plain = teacher(TOKENS, output_hidden_states=True)
    assert len(output.hidden_states) == 5
    for hidden, original in zip(output.hidden_states, plain.hidden_states, strict=True):
        torch.testing.assert_close(hidden, fitted.fit_dense(original))
    torch.testing.assert_close(output.pooler_output, plain.pooler_output)


@pytest.mark.parametrize("layers", [None, (0, 3), (3, 1, 0)])
def test_distilbert_computes_what_the_shortened_bert_does(teacher: BertModel, layers: tuple[int, ...] | None) -> None:
    student = distilbert_from_bert(teacher, layers)
    taken = layers or (0, 2)
    shortened = bert(len(taken), 32, 64, 4).eval()
    state = teacher.state_dict()
    for index, source in enumerate(taken):
        old, new = f"encoder.layer.{source}.", f"encoder.layer.{index}."
        state |= {new + k.removeprefix(old): v for k, v in teacher.state_dict().items() if k.startswith(old)}
    shortened.load_state_dict({key: value for key, value in state.items() if key in shortened.state_dict()})
    with torch.no_grad():
        torch.testing.assert_close(student(TOKENS).last_hidden_state, shortened(TOKENS).last_hidden_state)


def test_the_teacher_is_left_as_it_is(teacher: BertModel) -> None:
    before = {key: value.clone() for key, value in teacher.state_dict().items()}
    student = distilbert_from_bert(teacher)
    with torch.no_grad():
        for parameter in student.parameters():
            parameter.zero_()
    assert all(torch.equal(value, before[key]) for key, value in teacher.state_dict().items())


def test_a_layer_that_is_not_there(teacher: BertModel) -> None:
    with pytest.raises(LissomError, match="layers are 0 to 3"):
        distilbert_from_bert(teacher, (0, 4))
