"""A text model as a function of token numbers alone: it tells padding by the padding token."""

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from lissom.layers.sequence_model import SequenceModel, real_answer


class TextModel(nn.Module):
    """A model of texts, of transformers or of the user's own, with one tensor in and one out.

    Args:
        model: takes token numbers ``(batch, tokens)``, and by name ``attention_mask`` and ``token_type_ids`` where
            its forward has them.
        pad: the number of the padding token.
    """

    def __init__(self, model: nn.Module, pad: int) -> None:
        super().__init__()
        self.model, self.pad = model, pad
        self.masked = takes(model, "attention_mask")
        self.ends = _judges_ends(model)

    def forward(self, tokens: Tensor, types: Tensor | None = None) -> Tensor:
        """Scores ``(batch, outputs)``.

        Args:
            tokens: ``(batch, tokens)``, whole numbers.
            types: which text of a pair each token belongs to, likewise.
        """
        given: dict[str, Tensor] = {}
        if self.masked:
            given["attention_mask"] = (tokens != self.pad).to(tokens.dtype)
        if types is not None:
            given["token_type_ids"] = types
        return _at_ends(self.model, tokens, given) if self.ends else _scores(self.model(tokens, **given))


def real_tokens(module: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """Which tokens of each text of some inputs are no padding, each ``(batch, tokens)``; none of other models.

    Of an encoder-decoder they are those of the source, unless it is sound, and those that are said.
    """
    if isinstance(module, SequenceModel):
        source = () if inputs[0].is_floating_point() else (inputs[1].bool(),)
        return *source, real_answer(inputs[-1], module.end)
    return (inputs[0] != module.pad,) if isinstance(module, TextModel) else ()


def fitting(real: Sequence[Tensor], places: int, *, tokens_first: bool = False) -> Tensor | None:
    """The one of :func:`real_tokens` that is of so many tokens, padding among them; ``None`` where none is.

    Which text a layer reads shows in nothing else. Of two of the same size it is what is real in either.

    Args:
        real: masks, each ``(batch, tokens)``.
        places: how many there are.
        tokens_first: give it as ``(tokens, batch)``, for a layer that reads all texts token by token.
    """
    found = [mask for mask in real if mask.numel() == places]
    mask = torch.stack(found).any(0) if found else None
    return mask.T if mask is not None and tokens_first else mask


def takes(model: nn.Module, name: str) -> bool:
    """Whether the model's forward has an argument of this name."""
    return name in inspect.signature(model.forward).parameters


def _judges_ends(model: Any) -> bool:
    """Whether a model is an encoder-decoder of transformers that judges a text by what its decoder makes of its end."""
    children = dict(model.named_children())
    known = takes(model, "decoder_input_ids") and "classification_head" in children
    return known and getattr(model, "base_model_prefix", None) in children


def _at_ends(model: Any, tokens: Tensor, given: dict[str, Tensor]) -> Tensor:
    """What such a model, like BART or T5, answers: as its own forward, which picks the states at the last ends of texts
    in a way that no capture can follow."""
    told = {**given, "use_cache": False}
    if callable(getattr(type(model), "_shift_right", None)):  # others shift by themselves
        told["decoder_input_ids"] = model._shift_right(tokens)
    states: Tensor = model.get_submodule(model.base_model_prefix)(tokens, **told)[0]
    ends = (tokens == model.config.eos_token_id).to(torch.int64)
    last = tokens.shape[1] - 1 - ends.flip(1).argmax(1)
    here = torch.arange(tokens.shape[1], device=tokens.device) == last[:, None]
    return model.classification_head((states * here[..., None].to(states.dtype)).sum(1))


def _scores(outputs: Any) -> Tensor:
    if isinstance(outputs, Tensor):
        return outputs
    return outputs["logits"] if isinstance(outputs, Mapping) else outputs[0]
