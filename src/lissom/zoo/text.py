"""Small BERTs by name, on transformers' classes: TinyBERT, MiniLM, DistilBERT and Google's miniatures.

Without ``num_classes`` a builder gives the encoder (with its pooler, DistilBERT has none), with it a
classifier of whole texts. Weights are random. Inputs are token numbers ``(batch, tokens)``.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from torch import nn
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    BertModel,
    DistilBertConfig,
    DistilBertForSequenceClassification,
    DistilBertModel,
)

# Layers, hidden size, inner size of the feed-forward layers, attention heads.
SHAPES = {
    "bert_base": (12, 768, 3072, 12),  # Devlin et al. 2019
    "tinybert_4l_312": (4, 312, 1200, 12),  # Jiao et al. 2020, section 4.1
    "tinybert_6l_768": (6, 768, 3072, 12),
    "minilm_l12_h384": (12, 384, 1536, 12),  # Wang et al. 2020
    "minilm_l6_h384": (6, 384, 1536, 12),
    "bert_tiny": (2, 128, 512, 2),  # Turc et al. 2019
    "bert_mini": (4, 256, 1024, 4),
    "bert_small": (4, 512, 2048, 8),
    "bert_medium": (8, 512, 2048, 8),
}


def bert(
    layers: int, hidden: int, inner: int, heads: int, num_classes: int | None = None, **options: Any
) -> BertModel | BertForSequenceClassification:
    """A BERT of any size with the uncased English vocabulary (30,522).

    Args:
        layers: how many.
        hidden: size of the hidden states.
        inner: size between the two feed-forward layers.
        heads: of attention.
        num_classes: outputs of a classifier; None gives the encoder.
        options: further fields of ``BertConfig``.
    """
    config = BertConfig(
        num_hidden_layers=layers,
        hidden_size=hidden,
        intermediate_size=inner,
        num_attention_heads=heads,
        **options,
    )
    if num_classes is None:
        return BertModel(config)
    config.num_labels = num_classes
    return BertForSequenceClassification(config)


def distilbert(num_classes: int | None = None, **options: Any) -> DistilBertModel | DistilBertForSequenceClassification:
    """DistilBERT (Sanh et al. 2019): BERT-base's shape with 6 layers, no pooler and no token types.

    Args:
        num_classes: outputs of a classifier; None gives the encoder.
        options: further fields of ``DistilBertConfig``.
    """
    config = DistilBertConfig(**options)
    if num_classes is None:
        return DistilBertModel(config)
    config.num_labels = num_classes
    return DistilBertForSequenceClassification(config)


class FitProjection(nn.Module):
    """A student whose hidden states are projected to the teacher's size, for training only.

    TinyBERT (Jiao et al. 2020, section 3.1, equation 8): one linear layer, shared by all hidden states. Deploy
    ``student``; at 312 to 768 the projection has 240,384 parameters.

    Args:
        student: a model of transformers.
        size: of the teacher's hidden states.
    """

    def __init__(self, student: BertModel | BertForSequenceClassification, size: int) -> None:
        super().__init__()
        self.student = student
        self.fit_dense = nn.Linear(student.config.hidden_size, size)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """The student's output, its ``hidden_states`` each ``(batch, tokens, size)``."""
        output = self.student(*args, **kwargs, output_hidden_states=True)
        output.hidden_states = tuple(self.fit_dense(hidden) for hidden in output.hidden_states)
        return output


def __getattr__(name: str) -> Callable[..., nn.Module]:
    """Builders by the names of ``SHAPES``."""
    if name in SHAPES:
        return partial(bert, *SHAPES[name])
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
