"""From a model and example inputs to a graph of ATen operators, with torch.export."""

import copy
import traceback
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import fx, nn
from torch.export.graph_signature import ExportGraphSignature, InputKind

from lissom.core.errors import CaptureError


@dataclass(frozen=True)
class Capture:
    """A captured model.

    Args:
        model: the model that was captured (not a copy).
        args, kwargs: the example inputs.
        program: what torch.export made of it, in evaluation mode.
        names: graph inputs that are state of the model -> their fully qualified names.
        seconds: how long it took.
    """

    model: nn.Module
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    program: torch.export.ExportedProgram
    names: Mapping[str, str]

    @property
    def graph(self) -> fx.Graph:
        return self.program.graph

    def tensor(self, name: str) -> torch.Tensor:
        """A parameter, buffer or constant by its name."""
        state = self.program.state_dict
        return state[name] if name in state else self.program.constants[name]  # type: ignore[return-value]


STATE = (InputKind.PARAMETER, InputKind.BUFFER, InputKind.CONSTANT_TENSOR)


def capture(model: nn.Module, args: tuple[Any, ...], kwargs: Mapping[str, Any] | None = None) -> Capture:
    """Capture ``model`` as it runs on the example inputs, in evaluation mode.

    The model is not changed; the training mode of each of its modules is restored.

    Args:
        model: any module that torch.export can follow.
        args: positional example inputs, e.g. ``(torch.randn(1, 3, 224, 224),)``.
        kwargs: example inputs by name.

    Raises:
        CaptureError: the example inputs do not fit, or torch.export cannot follow the forward.
    """
    kwargs = dict(kwargs or {})
    modes = {module: module.training for module in model.modules()}
    try:
        model.eval()
        program = _export(model, args, kwargs)
    finally:
        for module, mode in modes.items():
            module.training = mode
    return Capture(model, args, kwargs, program, _names(program.graph_signature))


def _names(signature: ExportGraphSignature) -> dict[str, str]:
    return {s.arg.name: s.target for s in signature.input_specs if s.kind in STATE and s.target is not None}


def _export(model: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> torch.export.ExportedProgram:
    try:
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return torch.export.export(model, args, kwargs, strict=False)
    except Exception as error:  # torch.export raises whatever the forward raises
        _check_forward(model, args, kwargs, error)
        raise CaptureError(
            f"torch.export cannot follow the forward of {type(model).__name__}{_where(error)}: {_first_line(error)}",
            hint=(
                "a forward that branches on values, or that returns other things than tensors, cannot be captured",
                "prune its largest submodules instead: lissom.graph.capture_parts(model, args)",
            ),
        ) from error


def _check_forward(model: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], error: Exception) -> None:
    """Say so when the model does not even run on the example inputs."""
    try:
        with torch.no_grad():
            copy.deepcopy(model)(*args, **kwargs)
    except Exception as direct:
        raise CaptureError(
            f"{type(model).__name__} does not run on the example inputs{_where(direct)}: {_first_line(direct)}",
            hint=f"inputs given: {_describe(args, kwargs)}",
        ) from error


def _where(error: Exception) -> str:
    """The last line of the user's code in the traceback."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if "/torch/" not in f.filename and f.line]
    frames = [f for f in frames if "lissom/graph" not in f.filename]
    return (
        f" at {frames[-1].filename.rsplit('/', 1)[-1]}:{frames[-1].lineno} ({frames[-1].line})" if frames else ""
    )


def _first_line(error: Exception) -> str:
    lines = [line for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0].strip() if lines else 'no message'}"


def _describe(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str:
    def one(value: Any) -> str:
        return f"tensor{tuple(value.shape)}" if isinstance(value, torch.Tensor) else type(value).__name__

    return ", ".join([*map(one, args), *(f"{k}={one(v)}" for k, v in kwargs.items())]) or "none"
