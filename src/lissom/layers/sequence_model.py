"""An encoder-decoder as a function of its source and of the tokens that were said: teacher-forced scores."""

from typing import Any

import torch
from torch import Tensor, nn


class SequenceModel(nn.Module):
    """An encoder-decoder like Whisper and Marian of transformers, with several tensors in and one out.

    Where a row of tokens has come to its end, and padding follows, the scores are zero: alike for every model, so that
    nothing is learnt there and nothing differs. Padding is the end token itself, which no decoder is ever fed.

    Args:
        model: takes ``input_features``, or ``input_ids`` with ``attention_mask``, and ``decoder_input_ids``.
        end: the token that ends an answer.
    """

    def __init__(self, model: nn.Module, end: int) -> None:
        super().__init__()
        self.model, self.end = model, end

    def forward(self, source: Tensor, *more: Tensor) -> Tensor:
        """Scores of the token after each token, ``(batch, length, words)``.

        Args:
            source: features ``(batch, bands, frames)``, or tokens ``(batch, length)``.
            more: for tokens their mask, ``(batch, length)``; and last the tokens that were said, ``(batch, length)``.
        """
        tokens = more[-1]
        outputs: Any = self.model(**_named(source, more), decoder_input_ids=tokens, use_cache=False)
        return outputs.logits * real_answer(tokens, self.end).to(outputs.logits.dtype)[..., None]


def real_answer(tokens: Tensor, end: int) -> Tensor:
    """Which of the tokens that were said are no padding; the first one never is, whatever it is."""
    return torch.cat([torch.ones_like(tokens[:, :1], dtype=torch.bool), tokens[:, 1:] != end], dim=1)


def _named(source: Tensor, more: tuple[Tensor, ...]) -> dict[str, Tensor]:
    if source.is_floating_point():
        return {"input_features": source}
    return {"input_ids": source, "attention_mask": more[0]}


def example_of(model: Any, tokens: int = 24) -> tuple[Tensor, ...] | None:
    """Zeros as a :class:`SequenceModel` over a model takes them; ``None`` for one that is no encoder-decoder.

    Args:
        model: of transformers, which listens or reads.
        tokens: of a text that is read, and that were said.
    """
    config = getattr(model, "config", None)
    if not getattr(config, "is_encoder_decoder", False) or not model.can_generate():
        return None
    said = torch.zeros(1, tokens, dtype=torch.int64)
    if model.main_input_name == "input_ids":
        return torch.zeros_like(said), torch.ones_like(said), said
    if not hasattr(config, "num_mel_bins"):
        return None
    assert config is not None
    return torch.zeros(1, config.num_mel_bins, 2 * config.max_source_positions), said[:, : config.max_target_positions]
