"""Start a DistilBERT from layers of a BERT (Sanh et al. 2019, section 3: one layer out of two)."""

from collections.abc import Iterator, Sequence

import torch
from torch import nn
from transformers import BertModel, DistilBertConfig, DistilBertModel

from lissom.core.errors import LissomError

# Where DistilBERT keeps what BERT keeps, within one layer.
_LAYER = {
    "attention.q_lin": "attention.self.query",
    "attention.k_lin": "attention.self.key",
    "attention.v_lin": "attention.self.value",
    "attention.out_lin": "attention.output.dense",
    "sa_layer_norm": "attention.output.LayerNorm",
    "ffn.lin1": "intermediate.dense",
    "ffn.lin2": "output.dense",
    "output_layer_norm": "output.LayerNorm",
}


def distilbert_from_bert(teacher: BertModel, layers: Sequence[int] | None = None) -> DistilBertModel:
    """A DistilBERT that computes what ``teacher`` would with only some of its layers.

    DistilBERT has no token types: the embedding of type 0 is added to the position embeddings, so nothing is
    lost for single texts (the authors' script drops it).

    Args:
        teacher: a BERT encoder; left as it is.
        layers: which layers to take, in order; by default every second, starting with the first. The
            authors' script takes 0, 2, 4, 7, 9, 11 of 12.

    Raises:
        LissomError: a layer that the teacher does not have.
    """
    depth = teacher.config.num_hidden_layers
    taken = tuple(range(0, depth, 2)) if layers is None else tuple(layers)
    if not taken or not all(0 <= layer < depth for layer in taken):
        raise LissomError(f"layers {taken} of a BERT that has {depth}", hint=f"layers are 0 to {depth - 1}")
    student = DistilBertModel(_config(teacher, len(taken)))
    with torch.no_grad():
        for target, source in _pairs(student, teacher, taken):
            target.load_state_dict(source.state_dict())
        types = teacher.get_submodule("embeddings.token_type_embeddings").get_parameter("weight")
        student.get_submodule("embeddings.position_embeddings").get_parameter("weight").add_(types[0])
    return student.train(teacher.training)


def _config(teacher: BertModel, layers: int) -> DistilBertConfig:
    config = teacher.config
    return DistilBertConfig(
        vocab_size=config.vocab_size,
        max_position_embeddings=config.max_position_embeddings,
        n_layers=layers,
        n_heads=config.num_attention_heads,
        dim=config.hidden_size,
        hidden_dim=config.intermediate_size,
        dropout=config.hidden_dropout_prob,
        attention_dropout=config.attention_probs_dropout_prob,
        activation=config.hidden_act,
        pad_token_id=config.pad_token_id,
    )


def _pairs(student: DistilBertModel, teacher: BertModel, taken: Sequence[int]) -> Iterator[tuple[nn.Module, nn.Module]]:
    for name in ("word_embeddings", "position_embeddings", "LayerNorm"):
        place = f"embeddings.{name}"
        yield student.get_submodule(place), teacher.get_submodule(place)
    for layer, source in enumerate(taken):
        for ours, theirs in _LAYER.items():
            yield (
                student.get_submodule(f"transformer.layer.{layer}.{ours}"),
                teacher.get_submodule(f"encoder.layer.{source}.{theirs}"),
            )
