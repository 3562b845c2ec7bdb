"""Factors that a class of transformers computes from its widths: of embeddings, and of attention before the softmax.

A cut leaves them as they are, and a narrower configuration says others. What differs goes into the weights around
them, where it can, so that the class alone loads what was cut.
"""

import copy
from typing import Any

import torch
from torch import Tensor, nn

from lissom.workload.encoders import TRIPLES

Scales = dict[str, dict[str, float]]
ATTENTION, EMBEDDING = "scaling", "embed_scale"
_TOKENS = 6
_SAME = 1e-6  # of the largest score: weights are rounded to their own precision


def other_scales(module: nn.Module, fresh: nn.Module) -> Scales:
    """The public numbers with a point of a module's parts, by their names, that differ from a fresh instance's."""
    parts = dict(fresh.named_modules())
    found = {
        name: {key: value for key, value in _numbers(part).items() if _numbers(parts[name]).get(key, value) != value}
        for name, part in module.named_modules()
        if name in parts
    }
    return {name: values for name, values in found.items() if values}


def _numbers(part: nn.Module) -> dict[str, float]:
    return {key: value for key, value in vars(part).items() if isinstance(value, float) and not key.startswith("_")}


@torch.no_grad()
def rescaled(module: Any, fresh: nn.Module) -> nn.Module:
    """A copy that computes the same with the scales of a fresh instance: those that weights can take over.

    Args:
        module: a model of transformers; it stays as it is.
        fresh: another instance of its class, as its configuration has it.
    """
    made = copy.deepcopy(module)
    for name, values in other_scales(module, fresh).items():
        owner, theirs = made.get_submodule(name), vars(fresh.get_submodule(name))
        children = dict(owner.named_children())
        query = next((children[triple[0]] for triple in TRIPLES if triple[0] in children), None)
        if ATTENTION in values and isinstance(query, nn.Linear):
            for tensor in query.parameters():
                tensor.mul_(values[ATTENTION] / theirs[ATTENTION])
            setattr(owner, ATTENTION, theirs[ATTENTION])
    whole = copy.deepcopy(made)
    return whole if _took_embeddings(whole, fresh) and _same_answers(module, whole) else made


def _took_embeddings(module: Any, fresh: nn.Module) -> bool:
    """Give, in place, the tables of words what their scale lacks, and take it away again before the words are said."""
    parts = {
        name: module.get_submodule(name) for name, values in other_scales(module, fresh).items() if EMBEDDING in values
    }
    theirs = {vars(fresh.get_submodule(name))[EMBEDDING] for name in parts}
    ratios = {vars(part)[EMBEDDING] / scale for part in parts.values() for scale in theirs}
    if len(ratios) != 1:
        return False
    ratio, scale = ratios.pop(), theirs.pop()
    tables = {id(table): table for part in parts.values() if (table := _table(part)) is not None}
    for table in tables.values():
        table.mul_(ratio)
    head, norm = module.get_output_embeddings(), _last_norm(module)
    if head is not None and id(head.weight) in tables:
        if norm is None:
            return False
        for tensor in norm.parameters():
            tensor.div_(ratio)
    for part in parts.values():
        setattr(part, EMBEDDING, scale)
    return True


def _table(part: nn.Module) -> Tensor | None:
    """The table whose rows a part multiplies: its own, or that of its embedding of tokens."""
    children = dict(part.named_children())
    owner = part if isinstance(part, nn.Embedding) else children.get("embed_tokens")
    return owner.weight if isinstance(owner, nn.Embedding) else None


def _last_norm(module: Any) -> nn.LayerNorm | None:
    """The normalisation of what the head reads: of the decoder, or of its last layer."""
    children = dict(module.get_decoder().named_children())
    found = children.get("layer_norm") or children["layers"][-1].final_layer_norm
    return found if isinstance(found, nn.LayerNorm) else None


def _same_answers(module: Any, other: Any) -> bool:
    """Whether two encoder-decoders say the same of a few tokens, in double precision."""
    tokens = torch.arange(min(_TOKENS, module.config.vocab_size))[None]
    ours, theirs = (
        copy.deepcopy(it).double().eval()(tokens, decoder_input_ids=tokens, use_cache=False).logits
        for it in (module, other)
    )
    return bool((ours - theirs).abs().max() <= _SAME * ours.abs().max())
