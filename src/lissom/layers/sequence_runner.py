"""A model of PyTorch asked as a loaded artefact is: it answers, and an encoder-decoder says token after token."""

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from lissom.layers.sequence_model import SequenceModel

Arrays = Sequence[npt.NDArray[Any]]


class ModuleRunner:
    """A copy of a model in eval mode.

    Args:
        module: any model; only a :class:`lissom.layers.sequence_model.SequenceModel` can be started.
    """

    def __init__(self, module: nn.Module) -> None:
        self._module = copy.deepcopy(module).eval()

    @torch.no_grad()
    def run(self, inputs: Arrays) -> list[npt.NDArray[Any]]:
        """The (first) output for a batch of inputs, each ``(batch, ...)``."""
        found: Any = self._module(*map(torch.from_numpy, inputs))
        while not isinstance(found, Tensor):
            found = next(iter(found.values() if isinstance(found, dict) else found))
        return [found.numpy()]

    @torch.no_grad()
    def start(self, inputs: Arrays, beams: int = 1) -> "Saying":
        """Read the sources of a batch; the decoder at its start, with ``beams`` rows in turn for each of them."""
        assert isinstance(self._module, SequenceModel), "only an encoder-decoder says token after token"
        model: Any = self._module.model
        source, *mask = (torch.from_numpy(np.ascontiguousarray(array)) for array in inputs)
        hidden = model.get_encoder()(source, **({"attention_mask": mask[0]} if mask else {})).last_hidden_state
        rows = torch.arange(len(source)).repeat_interleave(beams)
        return Saying(model, hidden[rows], mask[0][rows] if mask else None)


class Saying:
    """A decoder in the middle of several texts; it reads all that was said anew for each token."""

    def __init__(self, model: Any, hidden: Tensor, mask: Tensor | None) -> None:
        self._model, self._hidden, self._mask = model, hidden, mask
        self._said = torch.zeros(len(hidden), 0, dtype=torch.int64)

    @torch.no_grad()
    def next(self, tokens: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """Take the tokens said last, ``(rows,)``, and give the scores of the next ones, ``(rows, words)``."""
        self._said = torch.cat([self._said, torch.from_numpy(np.ascontiguousarray(tokens))[:, None]], dim=1)
        told = {} if self._mask is None else {"attention_mask": self._mask}
        found = self._model(encoder_outputs=(self._hidden,), decoder_input_ids=self._said, use_cache=False, **told)
        return found.logits[:, -1].float().numpy()

    def keep(self, rows: npt.NDArray[np.int64]) -> None:
        """Go on with these rows, in this order."""
        kept = torch.from_numpy(np.ascontiguousarray(rows))
        self._said, self._hidden = self._said[kept], self._hidden[kept]
        self._mask = None if self._mask is None else self._mask[kept]
