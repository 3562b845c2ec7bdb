"""The objective of a distillation: a weighted sum of losses between what student and teacher put out."""

import inspect
import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from lissom.core.errors import LissomError
from lissom.layers.text_model import fitting, real_tokens
from lissom.steps.distillation.losses import LOSSES
from lissom.steps.distillation.losses.crd import Contrast
from lissom.steps.distillation.losses.tinybert import attention_scores
from lissom.steps.distillation.pairing import Pairing
from lissom.steps.distillation.projecting import Projection
from lissom.steps.distillation.teachers import Teaching
from lissom.train.tapped import Seen
from lissom.workload.workload import Batch, Task

CLASSES = ("standardised", "dkd", "dist")  # compare the chances of classes
ANSWERS = ("logits", *CLASSES)
PLACES = ("hints", "tinybert_hidden", "cosine", "attention_transfer")
EXAMPLES = ("rkd", "similarity", "crd")
ATTENTION = ("tinybert_attention", "minilm", "minilm_values")
WIDTHLESS = ("attention_transfer", *EXAMPLES)
KNOWN = (*ANSWERS, *PLACES, *EXAMPLES, *ATTENTION)


@dataclass(frozen=True)
class Term:
    """A loss by name, its weight, and settings of its own by name, in the place of those of its paper."""

    loss: str
    weight: float = 1.0
    settings: tuple[tuple[str, float], ...] = ()

    def __post_init__(self) -> None:
        if self.loss not in KNOWN:
            LOSSES.get(self.loss)  # an unknown name is an error here, with near ones
            raise LissomError(
                f"the loss {self.loss!r} is a function for loops of your own", hint=f"known: {', '.join(KNOWN)}"
            )
        if not 0 <= self.weight < math.inf:
            raise LissomError(f"the weight of {self.loss} is {self.weight:g}; it starts at 0")
        self._check_settings()

    def __str__(self) -> str:
        settings = ", ".join(f"{name} {value:g}" for name, value in self.settings)
        return f"{self.loss} ({settings})" if settings else self.loss

    def _check_settings(self) -> None:
        known, given = settings_of(self.loss), [name for name, _ in self.settings]
        for name, value in self.settings:
            if name not in known:
                hint = f"it has {', '.join(known)}" if known else "leave it out"
                raise LissomError(f"the loss {self.loss} has no setting {name!r} that a plan can have", hint=hint)
            if given.count(name) > 1:
                raise LissomError(f"{name} of the loss {self.loss} is set more than once", hint="give it once")
            if not 0 <= value < math.inf or (value == 0 and name == "temperature"):
                least = "a number above 0" if name == "temperature" else "0 or more"
                raise LissomError(f"{name} of the loss {self.loss} is {value:g}", hint=f"give {least}")


def settings_of(loss: str) -> tuple[str, ...]:
    """The settings of a loss that are numbers: its arguments by name, where they are no counts."""
    given = inspect.signature(LOSSES.get(loss)).parameters.values()
    return tuple(item.name for item in given if item.kind is item.KEYWORD_ONLY and isinstance(item.default, float))


def taps(terms: Sequence[Term], pairing: Pairing) -> tuple[list[str], list[str]]:
    """The layers of the student and of the teacher that the losses read."""
    ours: list[str] = []
    theirs: list[str] = []
    names = {term.loss for term in terms}
    if names & {*PLACES, *EXAMPLES}:
        ours += [pair.student for pair in pairing.pairs]
        theirs += [pair.teacher for pair in pairing.pairs]
    if names & set(ATTENTION):
        for own, other in pairing.attention:
            ours += [own.query, own.key, own.value]
            theirs += [other.query, other.key, other.value]
    return list(dict.fromkeys(ours)), list(dict.fromkeys(theirs))


class Lesson(nn.Module):
    """The objective, with the projections that it needs as weights of its own. They are left behind after training.

    Args:
        task: the loss on labels, and the temperature of plain answers.
        teacher: what is to be learnt.
        terms: losses and weights.
        pairing: which layers go together.
        labels: weight of the task's own loss; the terms have ``1 - labels``.
        real: from a batch to masks ``(batch, tokens)``, false where there is only padding; none for pictures.
        by_token: layers of the student, and of the teacher, that put out texts token by token, see
            :func:`lissom.steps.distillation.pairing.by_token`.

    Raises:
        LissomError: a loss on attention without attention, or heads that do not match.
    """

    def __init__(
        self,
        task: Task,
        teacher: Teaching,
        terms: Sequence[Term],
        pairing: Pairing,
        *,
        labels: float = 0.0,
        real: Callable[[Batch], tuple[Tensor, ...]] = lambda batch: (),
        by_token: tuple[Collection[str], Collection[str]] = ((), ()),
    ) -> None:
        super().__init__()
        self._task, self._teacher, self._terms, self._pairing = task, teacher, tuple(terms), pairing
        self._labels, self._real, self._by_token = labels, real, by_token
        names = {term.loss for term in terms}
        if names & set(ATTENTION):
            _check_attention(pairing, names)
        self.projections = nn.ModuleDict()
        if names & (set(PLACES) - set(WIDTHLESS)):
            for number, pair in enumerate(pairing.pairs):
                if pair.widths is not None and pair.widths[0] != pair.widths[1]:
                    self.projections[str(number)] = Projection(*pair.widths)
        last = pairing.pairs[-1].widths if pairing.pairs else None
        given: dict[str, Any] = next((dict(term.settings) for term in terms if term.loss == "crd"), {})
        self.contrast = Contrast(*last, **given) if "crd" in names and last is not None else None

    def forward(self, seen: Seen, batch: Batch, view: int) -> Tensor:
        """The loss of a batch, a scalar.

        Args:
            seen: what the student put out, from :class:`lissom.train.tapped.Tapped`.
            batch: inputs and targets.
            view: which view of its examples the batch shows.
        """
        taught, real = self._teacher.seen(batch, view), self._real(batch)
        seen, taught = _by_text(seen, self._by_token[0]), _by_text(taught, self._by_token[1])
        total = torch.zeros((), device=taught.outputs.device)
        for term in self._terms:
            total = total + term.weight * self._term(term, seen, taught, batch, real)
        if not self._labels or batch.targets is None:
            return total
        return self._labels * self._task.loss(seen.outputs, batch.targets) + (1 - self._labels) * total

    def _term(self, term: Term, seen: Seen, taught: Seen, batch: Batch, real: tuple[Tensor, ...]) -> Tensor:
        name = term.loss
        if name == "logits" and not term.settings:
            return self._task.distance(seen.outputs, taught.outputs)
        if name in ANSWERS:
            more = (batch.targets,) if name == "dkd" else ()
            return LOSSES.get(name)(seen.outputs, taught.outputs, *more, **dict(term.settings))
        if name in PLACES:
            return self._places(name, seen, taught, real)
        if name in EXAMPLES:
            return self._examples(term, seen, taught, batch, real)
        return self._attention(name, seen, taught, real)

    def _places(self, name: str, seen: Seen, taught: Seen, real: tuple[Tensor, ...]) -> Tensor:
        function: Any = LOSSES.get(name)
        losses: list[Tensor] = []
        for number, pair in enumerate(self._pairing.pairs):
            ours, theirs = seen.features[pair.student], taught.features[pair.teacher]
            if name not in WIDTHLESS and str(number) in self.projections:
                ours = self.projections[str(number)](ours)
            losses.append(function(ours, theirs, _mask(real, theirs)))
        return torch.stack(losses).mean()

    def _examples(self, term: Term, seen: Seen, taught: Seen, batch: Batch, real: tuple[Tensor, ...]) -> Tensor:
        name = term.loss
        pair = self._pairing.pairs[-1]
        both = (seen.features[pair.student], taught.features[pair.teacher])
        maps = name == "similarity" and all(features.dim() == 4 for features in both)  # whole, as in the paper
        ours, theirs = both if maps else (pooled(features, _mask(real, features)) for features in both)
        if name != "crd":
            return LOSSES.get(name)(ours, theirs, **dict(term.settings))
        assert self.contrast is not None
        return self.contrast(ours, theirs, batch.indices.to(ours.device))

    def _attention(self, name: str, seen: Seen, taught: Seen, real: tuple[Tensor, ...]) -> Tensor:
        function: Any = LOSSES.get(name)
        losses: list[Tensor] = []
        pairs = self._pairing.attention if name == "tinybert_attention" else self._pairing.attention[-1:]
        for own, other in pairs:
            ours = [seen.features[layer] for layer in (own.query, own.key, own.value)]
            theirs = [taught.features[layer] for layer in (other.query, other.key, other.value)]
            mask = _mask(real, theirs[0])
            if name == "tinybert_attention":
                first = attention_scores(ours[0], ours[1], own.heads)
                second = attention_scores(theirs[0], theirs[1], other.heads)
                losses.append(function(first, second, mask))
            elif name == "minilm":
                losses.append(function(tuple(ours), tuple(theirs), math.gcd(own.heads, other.heads), mask))
            else:
                heads = math.gcd(own.heads, other.heads)
                losses.append(function((ours[2], ours[2]), (theirs[2], theirs[2]), heads, mask))
        return torch.stack(losses).mean()


def _by_text(seen: Seen, by_token: Collection[str]) -> Seen:
    """The same with the features of these layers text by text, which are token by token."""
    features = {name: value.transpose(0, 1) if name in by_token else value for name, value in seen.features.items()}
    return Seen(seen.outputs, features)


def pooled(features: Tensor, mask: Tensor | None) -> Tensor:
    """One vector an example, ``(batch, features)``: the mean over places, or over tokens that are no padding."""
    if features.dim() == 4:
        return features.mean((2, 3))
    if features.dim() == 3:
        weights = torch.ones(features.shape[:2], device=features.device) if mask is None else mask.to(features.dtype)
        return (features * weights[..., None]).sum(1) / weights.sum(1, keepdim=True).clamp(min=1)
    return features


def _check_attention(pairing: Pairing, names: set[str]) -> None:
    if not pairing.attention:
        raise LissomError(
            f"{' and '.join(sorted(names & set(ATTENTION)))} needs layers with attention in both models",
            hint="pair such layers, or leave the loss out",
        )
    if "tinybert_attention" in names:
        for own, other in pairing.attention:
            if own.heads != other.heads:
                raise LissomError(
                    f"{own.name} has {own.heads} heads, {other.name} has {other.heads}: their attention scores "
                    "cannot be compared one by one",
                    hint="minilm compares relations, whatever the number of heads",
                )


def _mask(real: tuple[Tensor, ...], features: Tensor) -> Tensor | None:
    return fitting(real, features[..., 0].numel())


def padding_masks(module: nn.Module) -> Callable[[Batch], tuple[Tensor, ...]]:
    """From a batch to masks ``(batch, tokens)``, false where there is only padding; none for models without it."""
    return lambda batch: real_tokens(module, batch.inputs)
