"""A way to make small encoder-decoders: few and narrow decoder layers, taught by what the original writes."""

from collections.abc import Sequence
from typing import Any

from torch import nn

from lissom.core.errors import LissomError
from lissom.graph import Coupling, Group, capture, couple
from lissom.layers.sequence_model import SequenceModel
from lissom.steps.depth.drop_layers import DropLayers
from lissom.steps.distillation.sequences import DistillSequences
from lissom.steps.pruning.criteria import Sample, fisher, weakest
from lissom.steps.pruning.prune import Prune
from lissom.steps.step import Step
from lissom.workload.workload import Workload

SAMPLE = Sample(examples=256, batch=16)
WIDTH, INNER = 3 / 5, 1 / 2  # of the hidden states and the size of heads, and of the feed-forward units, that stay
MULTIPLE = 4  # of the size of heads, so that widths are what runtimes like
RATE, BATCH = 1e-3, 64


def shallow_decoder(workload: Workload, epochs: int) -> tuple[Step, ...]:
    """The steps for a model that writes texts, such as a translator.

    The encoder, which is run once, keeps its layers; of the decoder's, which are run for each token, a third stays
    (Kasai et al., 2021, "Deep encoder, shallow decoder", section 3). Hidden states and feed-forward layers become
    narrower by Fisher information. What is left learns the original's texts (Kim and Rush, 2016, "Sequence-level
    knowledge distillation", section 3.2).

    Args:
        workload: an encoder-decoder with its data.
        epochs: of the learning.

    Raises:
        LissomError: it is no encoder-decoder, or its decoder has one layer alone.
    """
    if not isinstance(workload.module, SequenceModel):
        raise LissomError(f"{workload.name} has no decoder", hint="--task translation, or another recipe")
    model: Any = workload.module.model
    parts = [dict(part.named_children()) for part in (model.get_encoder(), model.get_decoder())]
    if not all("layers" in part for part in parts):
        raise LissomError(
            f"the layers of a {type(model).__name__} hand on more than hidden states, so none can be left out",
            hint="a --budget alone cuts its widths",
        )
    encoder, decoder = (_names(workload.module, part["layers"]) for part in parts)
    if len(decoder) < 2:
        raise LissomError(f"the decoder of {workload.name} has one layer alone", hint="--plan int8")
    kept = _spread(decoder, max(1, round(len(decoder) / 3)))
    drop = DropLayers(tuple(name for name in decoder if name not in kept))
    learn = DistillSequences(epochs, RATE, BATCH)
    return drop, _narrower(workload, drop, [*encoder, *kept]), learn


def _names(module: Any, layers: Any) -> list[str]:
    """What the layers of a list are called."""
    known: dict[int, str] = {id(part): name for name, part in module.named_modules()}
    return [known[id(layer)] for layer in layers]


def _spread(names: Sequence[str], count: int) -> list[str]:
    """So many of the layers, the first among them, the others as far apart as they can be."""
    return [names[round(number * (len(names) - 1) / max(1, count - 1))] for number in range(count)]


def _narrower(workload: Workload, drop: DropLayers, layers: Sequence[str]) -> Prune:
    shorter = drop.without(workload)
    coupling = couple(capture(shorter.module, shorter.example), keep=workload.keep)
    inner = {group.index: max(1, round(INNER * group.units)) for group in feed_forward(coupling, layers)}
    hidden = _hidden(coupling, shorter.module)
    if not inner or not hidden:
        raise LissomError(f"no feed-forward or hidden units were found in {workload.name}", hint="--plan int8")
    removed = weakest(fisher(shorter, coupling, SAMPLE), {**inner, **hidden})
    return Prune(tuple((index, coupling.groups[index].name, units) for index, units in sorted(removed.items())))


def _hidden(coupling: Coupling, module: Any) -> dict[int, int]:
    """How many hidden units stay, and how many of each head, by group: heads together are as wide as what they read,
    as the model's class has it."""
    tables: set[str] = {f"{name}.weight" for name, part in module.named_modules() if isinstance(part, nn.Embedding)}
    made = [group for group in coupling.groups if any(member.name in tables for member in group.producers)]
    states = [group for group in made if group.kind == "channels"]
    heads = [group for group in coupling.groups if group.kind == "head size"]
    kept = {group.index: max(MULTIPLE, round(WIDTH * group.units / MULTIPLE) * MULTIPLE) for group in heads}
    wide = {group.index: group.units // heads[0].units * kept[heads[0].index] for group in states} if heads else {}
    return {**kept, **wide}


def feed_forward(coupling: Coupling, names: Sequence[str]) -> list[Group]:
    """The groups in these layers that one linear layer makes and one reads: between the two of a feed-forward layer."""
    inside = [group for group in coupling.groups if any(group.name.startswith(f"{name}.") for name in names)]
    return [group for group in inside if group.kind == "channels" and _is_between_two(group)]


def _is_between_two(group: Group) -> bool:
    made = {member.name.rpartition(".")[0] for member in group.producers}
    read = {member.name.rpartition(".")[0] for member in group.consumers}
    return len(made) == len(read) == 1 and made != read
