"""Parity: an artefact compared with the PyTorch model on real inputs, before anything else is done with it.

One that differs is refused, with the first layer that differs named. Layers are found by their values, not by names:
a runtime renames, fuses and turns what it likes, but the numbers that a layer gives are there, in whatever order.
"""

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from lissom.targets.target import FP16, FP32, INT8, Artefact, RefusedError, Target

if TYPE_CHECKING:
    from torch import nn

Values = npt.NDArray[Any]
# the largest difference allowed, as a share of the largest output, and the least share of equal decisions; what INT8
# costs is judged on all of the select split, so that only nonsense is refused here
DISTANCE = {FP32: 1e-3, FP16: 2e-2, INT8: 1.0}
AGREEMENT = {FP32: 1.0, FP16: 0.85, INT8: 0.0}
_TIE, _NEAR = 1e-3, 1e-2  # as export/predictors/checking.py has them
_MAPS = 4  # dimensions of outputs that are pictures
_HINT = "an operator is converted wrongly, or the file was altered; try another target (lissom targets)"
_INT8_HINT = "this model's values do not fit into INT8 here; give more examples, or try another target (lissom targets)"


@dataclass(frozen=True)
class Parity:
    """How far an artefact's outputs are from the model's, and how often the decisions agree.

    ``distance`` is the largest difference as a share of the largest output, ``agreement`` between 0 and 1: of the
    decisions, or of the examples where outputs are numbers or maps.
    """

    distance: float
    agreement: float


def compare(expected: Values, found: Values, *, near: float = _NEAR) -> Parity:
    """Compare outputs ``(examples, ..., classes)``; or texts in tokens, ``(examples, length)``, by the share that is
    the same.

    A decision between two classes that the model itself tells apart by less than a thousandth is nobody's. Numbers,
    ``(examples,)`` or ``(examples, ..., 1)``, and maps, ``(examples, channels, height, width)``, decide nothing: of
    these the examples agree of which every number is near.

    Args:
        expected: what the model answers, or the artefact did where it was made.
        found: what is judged.
        near: the largest difference between numbers that are the same, as a share of the largest output.
    """
    if expected.shape != found.shape:
        return Parity(float("inf"), 0.0)
    if np.issubdtype(expected.dtype, np.integer):
        same = float((expected == found).all(axis=-1).mean())
        return Parity(1.0 - same, same)
    scale = float(np.abs(expected).max()) or 1.0
    apart = np.abs(found.astype(np.float64) - expected)
    distance = float(apart.max()) / scale
    if expected.ndim in (1, _MAPS) or expected.shape[-1] == 1:
        agree = (apart <= near * scale).reshape(len(expected), -1).all(1)
    else:
        chosen = np.take_along_axis(expected, found.argmax(-1)[..., None], -1)[..., 0]
        agree = (expected.max(-1) - chosen <= _TIE * scale) & ~np.isnan(found).any(-1)
    return Parity(distance if np.isfinite(distance) else float("inf"), float(agree.mean()))


def check_parity(module: "nn.Module", target: Target, artefact: Artefact, inputs: Sequence[Values]) -> Parity:
    """Refuse an artefact that is not the model.

    Args:
        module: the model that it was made from.
        target: whose artefact it is.
        artefact: of any precision.
        inputs: real ones, a few examples, each ``(batch, ...)``.

    Raises:
        RefusedError: it differs, with the first layer that does.
    """
    expected, values = answers(module, inputs), target.load(artefact.path, threads=1).run(inputs)[0]
    near = 2 * _NEAR if artefact.precision == FP16 else _NEAR
    found = compare(expected, values, near=near)
    if found.distance <= DISTANCE[artefact.precision] and found.agreement >= AGREEMENT[artefact.precision]:
        return found
    layer = differing_layer(module, target, artefact, [array[:1] for array in inputs])
    where = f"; the first layer that differs is {layer}" if layer else ""
    raise RefusedError(
        f"{artefact.path.name} {_apart(expected, values, found)} ({target.title}, {artefact.precision}){where}",
        hint=_INT8_HINT if artefact.precision == INT8 else _HINT,
    )


def _apart(expected: Values, values: Values, found: Parity) -> str:
    """In which way an artefact is not the model."""
    if values.shape != expected.shape:
        return f"answers in the shape {values.shape}, PyTorch in {expected.shape}"
    for who, answer in (("answers", values), ("is not to be compared: PyTorch answers", expected)):
        if not np.isfinite(answer).all():
            return f"{who} with values that are not finite, {(~np.isfinite(answer)).sum()} of {answer.size}"
    return (
        f"differs from PyTorch by {found.distance:.1e} of its largest output and agrees on {found.agreement:.0%} "
        "of the decisions"
    )


def answers(module: "nn.Module", inputs: Sequence[Values]) -> Values:
    """The (first) output of a model as in eval mode; the given one stays as it is."""
    from lissom.layers.sequence_runner import ModuleRunner

    return ModuleRunner(module).run(inputs)[0]


def differing_layer(module: "nn.Module", target: Target, artefact: Artefact, inputs: Sequence[Values]) -> str | None:
    """The first layer, in the order of computation, whose values are not in the artefact.

    Layers that a sound artefact of the same kind does not show either (a BatchNorm or an activation that was folded
    into its neighbour) are left out: they are told by being missing though what follows them is there.

    Args:
        module: the model.
        target: whose artefact it is.
        artefact: the artefact.
        inputs: a batch of one.

    Returns:
        The name, or ``None`` where the runtime does not show its values.
    """
    inside = [_signature(value) for value in target.values(artefact.path, inputs).values()]
    if not inside:
        return None
    layers = list(layer_values(module, inputs))
    shown = [_is_among(_signature(value), inside, DISTANCE[artefact.precision]) for _, value in layers]
    last = max((place for place, there in enumerate(shown) if there), default=-1)
    weights = {name for name, part in module.named_modules() if list(part.parameters(recurse=False))}
    after = [name for name, _ in layers[last + 1 :]]
    return next((name for name in after if name in weights), after[0] if after else None)


def layer_values(module: "nn.Module", inputs: Sequence[Values]) -> "Iterator[tuple[str, Values]]":
    """What each innermost layer gives, in the order of computation."""
    import torch

    copied = copy.deepcopy(module).eval()
    found: list[tuple[str, Values]] = []

    def keep(name: str) -> Any:
        def hook(_module: Any, _inputs: Any, output: Any) -> None:
            if isinstance(output, torch.Tensor) and output.is_floating_point():
                found.append((name, output.detach().clone().numpy()))

        return hook

    for name, part in copied.named_modules():
        if not list(part.children()):
            part.register_forward_hook(keep(name))
    with torch.no_grad():
        copied(*(torch.from_numpy(array) for array in inputs))
    yield from found


def _signature(value: Values) -> Values:
    """The values in order of size: the same in every layout."""
    return np.sort(value.astype(np.float32, copy=False), axis=None)


def _is_among(signature: Values, inside: Sequence[Values], distance: float) -> bool:
    scale = float(np.abs(signature).max()) or 1.0
    return any(
        other.size == signature.size and float(np.abs(other - signature).max()) <= distance * scale for other in inside
    )
