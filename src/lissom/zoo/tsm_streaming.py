"""The streaming form of a video classifier: one frame in, its scores out, and what has to be remembered."""

import torch
from torch import Tensor, nn

from lissom.core.errors import LissomError
from lissom.zoo.tsm import VideoClassifier
from lissom.zoo.tsm_layers import Temporal


class Streaming(nn.Module):
    """A video classifier that is shown one frame at a time; it has the same weights, not copies.

    The mean of the scores of the first ``t`` frames is what the clip form answers to a clip of these ``t``.

    Args:
        model: the clip form, as it was built or cut.

    Raises:
        LissomError: the model is of another class, so that nothing is known of how it looks back in time.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        if not isinstance(model, VideoClassifier):
            raise LissomError(
                f"a {type(model).__name__} has no streaming form",
                hint="the zoo's tsm_... and causal_... have one",
            )
        self.model = model
        self.remembers = [isinstance(layer, Temporal) and layer.remembered(1) > 0 for layer in model.layers]
        self.training = model.training

    def forward(self, frame: Tensor, *past: Tensor) -> tuple[Tensor, ...]:
        """Scores of one frame of each clip, ``(batch, num_classes)``, and what to remember for the next.

        Args:
            frame: ``(batch, 3, height, width)``.
            past: from :meth:`start`, or what the frame before left.
        """
        maps, kept, remaining = frame, list[Tensor](), iter(past)
        for layer, remembers in zip(self.model.layers, self.remembers, strict=True):
            if isinstance(layer, Temporal):
                maps, left = layer.step(maps, next(remaining) if remembers else maps[:, :0])
                kept += [left] if remembers else []
            else:
                maps = layer(maps)
        return self.model.scores(maps), *kept

    @torch.no_grad()
    def start(self, height: int, width: int, *, batch: int = 1) -> tuple[Tensor, ...]:
        """What is remembered before the first frame: zeros, each ``(batch, remembered, height, width)``."""
        training = self.model.training
        self.model.eval()
        maps, kept = self.model.classifier.weight.new_zeros(batch, 3, height, width), list[Tensor]()
        for layer in self.model.layers:
            if isinstance(layer, Temporal):
                nothing = maps.new_zeros(batch, layer.remembered(maps.shape[1]), *maps.shape[2:])
                kept += [nothing] if nothing.shape[1] else []
                maps, _ = layer.step(maps, nothing)
            else:
                maps = layer(maps)
        self.model.train(training)
        return tuple(kept)
