"""A model of transformers that says a letter or nothing at each place of its input, with one tensor in and one out."""

from typing import Any

from torch import Tensor, nn


class CtcModel(nn.Module):
    """A model like Wav2Vec2 with a head for connectionist temporal classification (Graves et al. 2006).

    Args:
        model: takes ``input_values``.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, samples: Tensor) -> Tensor:
        """Scores ``(batch, places, tokens)`` of sound, ``(batch, samples)``."""
        outputs: Any = self.model(input_values=samples)
        return outputs.logits
