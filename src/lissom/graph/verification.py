"""Prove a cut: the pruned output equals that of the original with everything removed masked, in double precision.

Shares no code with the coupling analysis: it knows the cut only as kept positions of parameters, and follows
through the running original which elements they leave alive (see ``liveness``).
"""

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils import _pytree as pytree

from lissom.graph import statistics as statistics  # adds its operators
from lissom.graph.capturing import Capture
from lissom.graph.cut import Cut
from lissom.graph.exciting import double_by_default, excite, in_double, inputs_in_double
from lissom.graph.liveness import Alive, MisalignedError, UnknownOperatorError

TOLERANCE = 1e-6


@dataclass(frozen=True)
class Verification:
    """Whether a pruned model computes what the masked original does.

    Args:
        ok: whether all outputs agree to 1e-6 relative.
        error: the largest relative error (infinite when the outputs cannot be compared).
        where: what was wrong, in words; empty when nothing was.
    """

    ok: bool
    error: float
    where: str = ""


def verify(
    model: nn.Module,
    pruned: nn.Module,
    cut: Cut,
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any] | None = None,
    *,
    capture: Capture | None = None,
) -> Verification:
    """Compare ``pruned`` with the masked ``model`` in float64, on copies with random values where zeros hide errors.

    Both get the same values, those of ``model``: what is proven is that the structure is right, also of a model that
    was trained since. What its own values are is not asked.

    Args:
        model: the original.
        pruned: what is claimed to be the original without what the cut removes.
        cut: what is kept.
        args, kwargs: example inputs.
        capture: if the model was captured in parts, compare part by part with the inputs recorded there; what a
            detector answers may be empty, and then proves nothing.
    """
    if capture is None or capture.parts[0].module is capture.model:
        return _compared(model, pruned, cut, (args, dict(kwargs or {})))
    worst = Verification(True, 0.0)
    for part in capture.parts:
        prefix = f"{part.name}." if part.name else ""
        inside = {n[len(prefix) :]: k for n, k in cut.kept.items() if n.startswith(prefix)}
        found = _compared(
            part.of(model), part.of(pruned), Cut(inside, cut.architecture), (part.args, dict(part.kwargs))
        )
        if not found.ok or found.error > worst.error:
            where = f"{', '.join(part.names)}: {found.where}" if found.where else ""
            worst = Verification(found.ok, found.error, where)
        if not found.ok:
            break
    return worst


def _compared(model: nn.Module, pruned: nn.Module, cut: Cut, inputs: tuple[Any, Any]) -> Verification:
    original, candidate = excite(in_double(model)), in_double(pruned)
    problem = _transplant(original, candidate, cut)
    if problem:
        return Verification(False, float("inf"), problem)
    args, kwargs = inputs_in_double(*inputs)
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with torch.no_grad(), sdpa_kernel(SDPBackend.MATH):
            expected = _masked(original, cut, copy.deepcopy(args), copy.deepcopy(kwargs))
            with double_by_default():
                outputs = candidate(*args, **kwargs)
    except UnknownOperatorError as error:
        return Verification(False, float("inf"), f"cannot follow what is alive through {error}")
    except MisalignedError as error:
        return Verification(False, float("inf"), str(error))
    except Exception as error:  # whatever the forward raises for sizes that do not fit
        first = str(error).splitlines()[0] if str(error) else ""
        return Verification(False, float("inf"), f"the forward fails: {type(error).__name__}: {first}")
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)
    return _compare(pytree.tree_leaves(outputs), pytree.tree_leaves(expected))


def _tensors(model: nn.Module) -> dict[str, torch.Tensor]:
    named = dict(model.named_parameters(remove_duplicate=False))
    return {**named, **dict(model.named_buffers(remove_duplicate=False))}


def _transplant(original: nn.Module, candidate: nn.Module, cut: Cut) -> str:
    """Give the candidate the original's values at the kept positions; says which tensor does not fit."""
    theirs = _tensors(candidate)
    with torch.no_grad():
        for name, tensor in _tensors(original).items():
            kept = tensor
            for dim, places in cut.kept.get(name, {}).items():
                if kept.dim() <= dim or kept.shape[dim] <= max(places, default=-1):
                    return f"{name} is {tuple(tensor.shape)}, and the cut is of a larger one: is the original first?"
                kept = kept.index_select(dim, torch.tensor(places))
            if name not in theirs:
                continue
            if theirs[name].shape != kept.shape:
                return f"{name} is {tuple(theirs[name].shape)}, the cut says {tuple(kept.shape)}"
            theirs[name].copy_(kept)
    return ""


def _masked(model: nn.Module, cut: Cut, args: Any, kwargs: Any) -> Any:
    """Run the original with everything that the cut removes dead."""
    mode = Alive()
    for name, tensor in _tensors(model).items():
        if name in cut.kept:
            alive = torch.ones(tensor.shape, dtype=torch.float32)
            for dim, places in cut.kept[name].items():
                line = torch.zeros(tensor.shape[dim], dtype=torch.float32)
                line[list(places)] = 1
                alive = alive * line.reshape([-1 if d == dim else 1 for d in range(tensor.dim())])
            if tensor.is_floating_point():
                tensor.data.mul_(alive)
            mode.mark(tensor, alive)
    with mode, double_by_default():
        return model(*args, **kwargs)


def _compare(outputs: list[Any], expected: list[Any]) -> Verification:
    outputs, expected = ([t for t in ts if isinstance(t, torch.Tensor)] for ts in (outputs, expected))
    if len(outputs) != len(expected):
        return Verification(False, float("inf"), f"{len(outputs)} outputs instead of {len(expected)}")
    if not any(two.numel() and two.is_floating_point() for two in expected):
        return Verification(False, float("inf"), "the outputs are empty, so they prove nothing")
    worst, where = 0.0, ""
    for number, (one, two) in enumerate(zip(outputs, expected, strict=True)):
        if one.shape != two.shape:
            return Verification(
                False, float("inf"), f"output {number}: shape {tuple(one.shape)}, not {tuple(two.shape)}"
            )
        if not two.numel():
            continue
        error = (
            ((one - two).abs().max() / two.abs().max().clamp_min(1e-12)).item()
            if two.is_floating_point()
            else float(not torch.equal(one, two))
        )
        if not error <= worst:
            worst, where = error, f"output {number}"
    ok = worst <= TOLERANCE
    return Verification(ok, worst, "" if ok else f"{where} differs by {worst:.1e}")
