"""Which layer of the student learns from which of the teacher: proposed, printed, or as the user says."""

import contextlib
import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from lissom.core.errors import LissomError
from lissom.layers.text_model import real_tokens
from lissom.train.tapped import Tapped, check_names
from lissom.workload.encoders import EncoderLayer, find_encoder


@dataclass(frozen=True)
class Pair:
    """Two layers by name, with the widths of what they put out where those are known."""

    student: str
    teacher: str
    widths: tuple[int, int] | None = None

    def __str__(self) -> str:
        if self.widths is None:
            return f"{self.student} <- {self.teacher}"
        return f"{self.student} ({self.widths[0]} wide) <- {self.teacher} ({self.widths[1]} wide)"


@dataclass(frozen=True)
class Pairing:
    """Pairs of layers in the order of the forward. ``attention`` are the pairs of an encoder's attention layers."""

    pairs: tuple[Pair, ...]
    attention: tuple[tuple[EncoderLayer, EncoderLayer], ...] = ()

    def __str__(self) -> str:
        return "\n".join(str(pair) for pair in self.pairs)


def propose(student: nn.Module, teacher: nn.Module, example: tuple[Tensor, ...]) -> Pairing:
    """A pairing of two models that take the same input.

    Encoders: the embeddings, and layer m of M with layer m N / M of the teacher's N (Jiao et al. 2020, section
    4.1, "uniform"). Networks of pictures: for every size of map that both have, the last layer that puts it out.

    Args:
        student: in eval mode.
        teacher: likewise.
        example: inputs, a batch of one.

    Raises:
        LissomError: nothing of the two goes together.
    """
    if example[0].is_floating_point():
        return _by_size(student, teacher, example)
    ours, theirs = find_encoder(student), find_encoder(teacher)
    count, total = len(ours.layers), len(theirs.layers)
    if count > total:
        raise LissomError(
            f"the student has {count} layers, the teacher {total}", hint="pair the layers that are to learn by name"
        )
    chosen = [theirs.layers[round((number + 1) * total / count) - 1] for number in range(count)]
    attention = tuple(zip(ours.layers, chosen, strict=True))
    names = [(ours.embeddings, theirs.embeddings), *((own.name, other.name) for own, other in attention)]
    return Pairing(_measured(student, teacher, names, example), attention)


def given_pairs(
    pairs: Sequence[tuple[str, str]], student: nn.Module, teacher: nn.Module, example: tuple[Tensor, ...]
) -> Pairing:
    """A pairing as the user says, with attention where the named layers have it.

    Raises:
        LissomError: a layer that is not there; near names are given.
    """
    check_names(student, [own for own, _ in pairs])
    check_names(teacher, [other for _, other in pairs])
    attention: tuple[tuple[EncoderLayer, EncoderLayer], ...] = ()
    with contextlib.suppress(LissomError):  # a model without an encoder that is known has no attention to pair
        ours = {layer.name: layer for layer in find_encoder(student).layers}
        theirs = {layer.name: layer for layer in find_encoder(teacher).layers}
        attention = tuple((ours[own], theirs[other]) for own, other in pairs if own in ours and other in theirs)
    return Pairing(_measured(student, teacher, list(pairs), example), attention)


def _measured(
    student: nn.Module, teacher: nn.Module, names: Sequence[tuple[str, str]], example: tuple[Tensor, ...]
) -> tuple[Pair, ...]:
    ours = _features(student, [own for own, _ in names], example)
    theirs = _features(teacher, [other for _, other in names], example)
    return tuple(Pair(own, other, (width(ours[own]), width(theirs[other]))) for own, other in names)


@torch.no_grad()
def _features(module: nn.Module, names: Sequence[str], example: tuple[Tensor, ...]) -> dict[str, Tensor]:
    training = module.training
    try:
        return Tapped(module.eval(), names)(*example).features
    finally:
        module.train(training)


def by_token(module: nn.Module, names: Sequence[str], example: tuple[Tensor, ...]) -> frozenset[str]:
    """Those of some layers that put out the first tokens of all texts, then the second ones, and so on, as PyTorch's
    own encoder does by default. A batch with as many texts as tokens does not show it.

    Args:
        module: the model.
        names: of layers.
        example: inputs, a batch of one.
    """
    tokens = {mask.shape[1] for mask in real_tokens(module, example)}
    if not tokens or not names:
        return frozenset()
    texts = next(count for count in itertools.count(1) if count not in tokens)
    batch = tuple(part.expand(texts, *part.shape[1:]) for part in example)
    turned = {(count, texts) for count in tokens}
    found = _features(module, names, batch)
    return frozenset(name for name, value in found.items() if value.dim() == 3 and tuple(value.shape[:2]) in turned)


def width(features: Tensor) -> int:
    """Channels of maps ``(batch, channels, height, width)``, else the size of the last dimension."""
    return features.shape[1] if features.dim() == 4 else features.shape[-1]


def _by_size(student: nn.Module, teacher: nn.Module, example: tuple[Tensor, ...]) -> Pairing:
    ours, theirs = _last_of_each_size(student, example), _last_of_each_size(teacher, example)
    common = [size for size in ours if size in theirs]
    if not common:
        raise LissomError(
            f"no layers go together: the student's maps have the sizes {_told(ours)}, the teacher's {_told(theirs)}",
            hint="pair them by name",
        )
    names = [(ours[size], theirs[size]) for size in common]
    return Pairing(_measured(student, teacher, names, example))


def _last_of_each_size(module: nn.Module, example: tuple[Tensor, ...]) -> dict[tuple[int, ...], str]:
    """Height and width of the maps inside, in order, and the last layer that puts each out."""
    found: dict[tuple[int, ...], str] = {}
    handles = []

    def note(name: str) -> None:
        def hook(layer: nn.Module, inputs: object, output: object) -> None:
            if isinstance(output, Tensor) and output.dim() == 4 and output.shape[2:].numel() > 1:
                found[tuple(output.shape[2:])] = name

        handles.append(module.get_submodule(name).register_forward_hook(hook))

    training = module.training
    try:
        for name, _ in module.named_modules():
            if name:
                note(name)
        with torch.no_grad():
            module.eval()(*example)
    finally:
        for handle in handles:
            handle.remove()
        module.train(training)
    return found


def _told(sizes: dict[tuple[int, ...], str]) -> str:
    return ", ".join("x".join(map(str, size)) for size in sizes) or "none"
