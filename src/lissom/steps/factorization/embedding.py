"""Factorisation of an embedding: a narrow table, and one matrix that widens what is looked up."""

import copy
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from lissom.core.errors import LissomError
from lissom.layers.replacement import Replacement, put
from lissom.layers.text_model import real_tokens
from lissom.steps.step import Context, ModelStep
from lissom.workload.workload import Workload, calibration_batches

_UNSEEN = 0.1  # how much a token counts that calibration does not meet, beside one that it meets once
_BATCH = 128


@dataclass(frozen=True)
class FactoriseEmbedding(ModelStep):
    """Split the embedding of tokens in two (Lan et al., 2020, "ALBERT", section 3.1), with the least error.

    A token counts as often as it occurs in ``examples`` training inputs, padding aside (Chen et al., 2018,
    "GroupReduce", section 3, weighs by frequency likewise): the table becomes its projection on the ``rank`` leading
    right singular vectors of the weighted table.
    """

    rank: int
    examples: int = 4096

    name = "factorise_embedding"

    def __post_init__(self) -> None:
        if self.rank < 1 or self.examples < 1:
            raise LissomError(f"an embedding of rank {self.rank} over {self.examples} examples is not possible")

    def describe(self) -> str:
        return f"embedding of rank {self.rank}"

    def apply(self, workload: Workload, context: Context) -> Workload:
        model = copy.deepcopy(workload.module)
        name, table = _find(workload)
        counts = torch.full((table.num_embeddings,), _UNSEEN, dtype=torch.float64)
        for batch in calibration_batches(
            workload.splits.train, examples=self.examples, batch=_BATCH, seed=context.seed
        ):
            tokens = batch.inputs[0]
            real = real_tokens(workload.module, batch.inputs)
            tokens = tokens[real[0]] if real else tokens
            counts += torch.bincount(tokens.flatten(), minlength=table.num_embeddings)
        if self.rank >= table.embedding_dim:
            raise LissomError(
                f"an embedding of rank {self.rank} in the place of one {table.embedding_dim} wide saves nothing",
                hint=f"give less than {table.embedding_dim}",
            )
        sizes = {"tokens": table.num_embeddings, "features": table.embedding_dim, "rank": self.rank}
        change = Replacement(name, "low_rank_embedding", {**sizes, "pad": table.padding_idx})
        put(model, name, _filled(change, table.weight.detach(), counts))
        return workload.with_module(model).with_changes([change])


def _find(workload: Workload) -> tuple[str, nn.Embedding]:
    """The embedding with the most rows.

    Raises:
        LissomError: there is none, the workload keeps it, or another layer shares its table.
    """
    found = {name: layer for name, layer in workload.module.named_modules() if type(layer) is nn.Embedding}
    if not found or workload.example[0].is_floating_point():
        raise LissomError(f"{workload.name} has no embedding of tokens", hint="leave this step out")
    name = max(found, key=lambda name: found[name].num_embeddings)
    if workload.leaves_alone(name):
        raise LissomError(f"{name} is to be left alone", hint="leave this step out, or --keep something else")
    names = [n for n, p in workload.module.named_parameters(remove_duplicate=False) if p is found[name].weight]
    if len(names) > 1:
        raise LissomError(f"{name} shares its table with {names[1]}", hint="an embedding that is shared stays whole")
    return name, found[name]


@torch.no_grad()
def _filled(change: Replacement, table: Tensor, counts: Tensor) -> nn.Module:
    """The two layers, from the singular vectors of the weighted table."""
    weighted = table.double() * counts.sqrt()[:, None]
    _, vectors = torch.linalg.eigh(weighted.T @ weighted)  # ascending
    basis = vectors[:, -change.sizes["rank"] :]
    layer = change.build()
    narrow, wide = layer.children()
    assert isinstance(narrow, nn.Embedding) and isinstance(wide, nn.Linear)
    narrow.weight.copy_(table.double() @ basis)
    wide.weight.copy_(basis)
    return layer
