"""Published ways to make small models, as plans for a model at hand: to be printed, changed and carried out."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from lissom.core.errors import LissomError
from lissom.core.units import format_epochs
from lissom.graph import Coupling, Group, capture, couple
from lissom.plan.move import Move, Plan
from lissom.plan.sequence_recipes import shallow_decoder
from lissom.steps.depth.drop_layers import DropLayers
from lissom.steps.distillation.distill import Distill
from lissom.steps.distillation.learning import ENCODERS
from lissom.steps.nothing import Nothing
from lissom.steps.pruning.criteria import Sample, fisher, weakest
from lissom.steps.pruning.prune import Prune
from lissom.steps.quantization.int8 import QuantizeInt8
from lissom.steps.shortlist.lexical import TRANSLATION, LexicalShortlist
from lissom.steps.step import Step
from lissom.workload.encoders import Encoder, find_encoder
from lissom.workload.workload import Workload

RATE, BATCH = ENCODERS
SAMPLE = Sample(examples=512)
INT8, SHALLOW_DECODER = "int8", "shallow-decoder"


def recipe(name: str, workload: Workload, *, epochs: int = 8, texts: str = "") -> Plan:
    """A plan of a published recipe for the encoder of a workload.

    - ``distilbert``: every second layer, then the triple loss (Sanh et al., 2019, "DistilBERT", section 3).
    - ``tinybert``: half of the layers and three eighths of the feed-forward units; hidden states and attention
      first, on texts without labels and on the task's, then answers (Jiao et al., 2020, "TinyBERT", sections 3.2 and
      3.3), these at the task's own temperature, 2 of classes, where the paper has 1. For its augmentation load the data
      with ``replaced=0.25, views=4``: the original then answers every view.
    - ``minilm``: half of the layers; attention and values of the last layer first, then answers (Wang et al., 2020,
      "MiniLM", section 3).
    - ``shallow-decoder``: of a model that writes texts; a third of the decoder's layers, taught by what the
      original writes (:func:`lissom.plan.sequence_recipes.shallow_decoder`). A translator gets a shortlist of likely
      words as its last move.

    INT8 follows each as a move of its own. ``int8`` alone is the number format and nothing else, for any model.

    Args:
        name: one of the above.
        workload: a model with its data.
        epochs: of the last stage; earlier ones take half as many.
        texts: a source of texts without labels for the first stage of ``tinybert`` and ``minilm``: see
            :func:`lissom.tasks.text.unlabelled.unlabelled_split`. Empty: the first stage learns from the task's.

    Raises:
        LissomError: no recipe is called that, or it has no use for texts, or the model has no encoder that is known,
            or one layer alone.
    """
    if name not in NAMES:
        raise LissomError(f"unknown recipe {name!r}", hint=f"known: {', '.join(NAMES)}")
    if texts and name not in UNLABELLED:
        raise LissomError(f"{name} learns from no texts without labels", hint=f"{' and '.join(UNLABELLED)} do")
    quantize = Move.of(QuantizeInt8())
    if name == INT8:
        # the original is a move too: what INT8 has to beat, and what stands where it does not
        return Plan((Move("as it is", (Nothing(),)), quantize))
    if epochs < 1:
        raise LissomError(f"{epochs} epochs learn nothing", hint="give at least 1")
    told = f"{name}, {format_epochs(epochs)}"
    if name == SHALLOW_DECODER:
        shortlist = [Move.of(LexicalShortlist())] if workload.task.name == TRANSLATION else []
        return Plan((Move(told, shallow_decoder(workload, epochs)), quantize, *shortlist))
    encoder = find_encoder(workload.module)
    if len(encoder.layers) < 2:
        raise LissomError(f"{workload.name} has one layer alone: half of it is nothing")
    steps = RECIPES[name](workload, encoder, epochs, texts)
    return Plan((Move(told, steps), quantize))


def _distilbert(workload: Workload, encoder: Encoder, epochs: int, texts: str) -> tuple[Step, ...]:
    names = [layer.name for layer in encoder.layers]
    kept = names[::2]
    learn = Distill(
        epochs,
        RATE,
        BATCH,
        labels=2 / 8,  # 5 for the answers, 2 for the own loss, 1 for directions
        losses=(("logits", 5 / 6), ("cosine", 1 / 6)),
        pairs=((kept[-1], names[-1]),),
    )
    return (_without(names, kept), learn)


def _tinybert(workload: Workload, encoder: Encoder, epochs: int, texts: str) -> tuple[Step, ...]:
    names = [layer.name for layer in encoder.layers]
    drop = _without(names, _uniform(names))
    inside = Distill(
        max(1, epochs // 2),
        RATE,
        BATCH,
        labels=0.0,
        losses=(("tinybert_hidden", 1.0), ("tinybert_attention", 1.0)),
    )
    general = (replace(inside, texts=texts),) if texts else ()
    answers = Distill(epochs, RATE, BATCH, labels=0.0, views=workload.views or 1)
    return (drop, _narrower(workload, names, drop), *general, inside, answers)


def _minilm(workload: Workload, encoder: Encoder, epochs: int, texts: str) -> tuple[Step, ...]:
    names = [layer.name for layer in encoder.layers]
    kept = _uniform(names)
    inside = Distill(
        max(1, epochs // 2),
        RATE,
        BATCH,
        labels=0.0,
        losses=(("minilm", 1.0),),
        pairs=((kept[-1], names[-1]),),
        texts=texts,
    )
    return (_without(names, kept), inside, Distill(epochs, RATE, BATCH, labels=0.0))


RECIPES: dict[str, Callable[[Workload, Encoder, int, str], tuple[Step, ...]]] = {
    "distilbert": _distilbert,
    "minilm": _minilm,
    "tinybert": _tinybert,
}
UNLABELLED = ("tinybert", "minilm")
NAMES = (INT8, *RECIPES, SHALLOW_DECODER)


def _uniform(names: list[str]) -> list[str]:
    """Half of the layers, each the last of its share."""
    count = len(names) // 2
    return [names[round((number + 1) * len(names) / count) - 1] for number in range(count)]


def _without(names: list[str], kept: list[str]) -> DropLayers:
    return DropLayers(tuple(name for name in names if name not in kept))


def _narrower(workload: Workload, names: list[str], drop: DropLayers) -> Prune:
    """Three eighths of the feed-forward units stay, those that matter most by Fisher information.

    Heads stay: TinyBERT compares the attention of student and teacher head by head.
    """
    shorter = drop.without(workload)
    coupling = couple(capture(shorter.module, shorter.example), keep=workload.keep)
    inner = {group.index: max(1, 3 * group.units // 8) for group in _feed_forward(coupling, names)}
    if not inner:
        raise LissomError(f"no feed-forward units were found in {workload.name}", hint="choose another recipe")
    removed = weakest(fisher(shorter, coupling, SAMPLE), inner)
    return Prune(tuple((index, coupling.groups[index].name, units) for index, units in sorted(removed.items())))


def _feed_forward(coupling: Coupling, names: Sequence[str]) -> list[Group]:
    """The groups in these layers that one linear layer makes and one reads: between the two of a feed-forward layer."""
    inside = [group for group in coupling.groups if any(group.name.startswith(f"{name}.") for name in names)]
    return [group for group in inside if group.kind == "channels" and _is_between_two(group)]


def _is_between_two(group: Group) -> bool:
    made = {member.name.rpartition(".")[0] for member in group.producers}
    read = {member.name.rpartition(".")[0] for member in group.consumers}
    return len(made) == len(read) == 1 and made != read
