"""A way to make small encoder-decoders: few decoder layers, taught by what the original writes."""

from collections.abc import Sequence
from typing import Any

from lissom.core.errors import LissomError
from lissom.layers.sequence_model import SequenceModel
from lissom.steps.depth.drop_layers import DropLayers
from lissom.steps.distillation.sequences import DistillSequences
from lissom.steps.step import Step
from lissom.workload.workload import Workload

RATE, BATCH = 2e-3, 64


def shallow_decoder(workload: Workload, epochs: int) -> tuple[Step, ...]:
    """The steps for a model that writes texts, such as a translator.

    The encoder, which is run once, keeps its layers; of the decoder's, which are run for each token, a third stays
    (Kasai et al., 2021, "Deep encoder, shallow decoder", section 3), with the weights that it has (Shleifer and Rush,
    2020, "Pre-trained summarization distillation", who call it to shrink and fine-tune). What is left learns the
    original's texts (Kim and Rush, 2016, "Sequence-level knowledge distillation", section 3.2). Widths stay: a search
    by a budget alone cuts them.

    Args:
        workload: an encoder-decoder with its data.
        epochs: of the learning.

    Raises:
        LissomError: it is no encoder-decoder, or its decoder has one layer alone.
    """
    if not isinstance(workload.module, SequenceModel):
        raise LissomError(f"{workload.name} has no decoder", hint="--task translation, or another recipe")
    model: Any = workload.module.model
    layers: Any = dict(model.get_decoder().named_children()).get("layers")
    if layers is None:
        raise LissomError(
            f"the layers of a {type(model).__name__} hand on more than hidden states, so none can be left out",
            hint="a --budget alone cuts its widths",
        )
    whole: Any = workload.module
    known: dict[int, str] = {id(part): name for name, part in whole.named_modules()}
    names = [known[id(layer)] for layer in layers]
    if len(names) < 2:
        raise LissomError(f"the decoder of {workload.name} has one layer alone", hint="--plan int8")
    kept = _spread(names, max(1, round(len(names) / 3)))
    return DropLayers(tuple(name for name in names if name not in kept)), DistillSequences(epochs, RATE, BATCH)


def _spread(names: Sequence[str], count: int) -> list[str]:
    """So many of the layers, the first among them, the others as far apart as they can be."""
    return [names[round(number * (len(names) - 1) / max(1, count - 1))] for number in range(count)]
