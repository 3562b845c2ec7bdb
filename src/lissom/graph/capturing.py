"""From a model and example inputs to graphs of ATen operators, with torch.export: whole, or in parts."""

import copy
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import fx, nn
from torch._subclasses import DynamicOutputShapeException
from torch.export.graph_signature import InputKind
from torch.utils import _pytree as pytree

from lissom.core.errors import CaptureError
from lissom.graph.forgetting import forget
from lissom.graph.inlining import inline_without_autocast
from lissom.graph.joined import Joined
from lissom.graph.joining import join
from lissom.graph.tracing import lean_tracing
from lissom.graph.viewing import view_any_layout

STATE = (InputKind.PARAMETER, InputKind.BUFFER, InputKind.CONSTANT_TENSOR)


@dataclass(frozen=True)
class Part:
    """A captured module: the whole model, one of its submodules, or several that hand tensors to one another.

    Args:
        name: its name in the model ('' for the whole model, and for several submodules).
        module: the module itself (not a copy).
        args, kwargs: the inputs that it was captured with.
        program: what torch.export made of it, in evaluation mode.
        calls: how often the model calls it.
    """

    name: str
    module: nn.Module
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    program: torch.export.ExportedProgram
    calls: int = 1

    def of(self, model: nn.Module) -> nn.Module:
        """The same module of another copy of the model."""
        return self.module.over(model) if isinstance(self.module, Joined) else model.get_submodule(self.name)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of what was captured."""
        return self.module.names if isinstance(self.module, Joined) else (self.name,)

    @property
    def graph(self) -> fx.Graph:
        return self.program.graph

    def state(self) -> dict[str, str]:
        """Graph inputs that are parameters, buffers or constants -> their names in the whole model."""
        specs = self.program.graph_signature.input_specs
        return {s.arg.name: self.full(s.target) for s in specs if s.kind in STATE and s.target is not None}

    def full(self, name: str) -> str:
        """A name in this part as a name in the whole model."""
        return f"{self.name}.{name}" if self.name else name

    def tensor(self, name: str) -> torch.Tensor:
        """A parameter, buffer or constant by its name in the whole model."""
        own = name[len(self.name) + 1 :] if self.name else name
        state, constants = self.program.state_dict, self.program.constants
        found = state[own] if own in state else constants[own]
        assert isinstance(found, torch.Tensor), f"{name} is a {type(found).__name__}"
        return found


@dataclass(frozen=True)
class Capture:
    """A captured model.

    Args:
        model: the model that was captured (not a copy).
        args, kwargs: the example inputs.
        parts: what was captured: one part for the whole model, or its largest submodules that could be.
        notes: what was not captured and why, in words.
    """

    model: nn.Module
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    parts: tuple[Part, ...]
    notes: tuple[str, ...] = field(default=())


def capture(
    model: nn.Module, args: tuple[Any, ...], kwargs: Mapping[str, Any] | None = None, *, parts: bool = False
) -> Capture:
    """Capture ``model`` as it runs on the example inputs, in evaluation mode.

    The model is not changed; the training mode of each of its modules is restored.

    Args:
        model: any module that torch.export can follow.
        args: positional example inputs, e.g. ``(torch.randn(1, 3, 224, 224),)``.
        kwargs: example inputs by name.
        parts: if the whole cannot be captured, capture the largest submodules that can be. What goes in and out
            of them stays as it is, unless it goes straight from one of them to another.

    Raises:
        CaptureError: the example inputs do not fit, or torch.export cannot follow the forward.
    """
    if isinstance(args, torch.Tensor):
        raise CaptureError("the example inputs are a tensor", hint="give a tuple of them, as in capture(model, (x,))")
    kwargs = dict(kwargs or {})
    with evaluating(model):
        try:
            return Capture(model, args, kwargs, (export("", model, args, kwargs),))
        except CaptureError as error:
            if parts:
                return _in_parts(model, args, kwargs, error)
            with _running(model, args, kwargs, error):
                copy.deepcopy(model)(*args, **kwargs)
            raise


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Put a model into evaluation mode, and each of its modules back into its own mode afterwards. What modules keep
    of their weights is forgotten before and after."""
    modes = {module: module.training for module in model.modules()}
    forget(model)
    model.eval()
    try:
        yield
    finally:
        forget(model)
        for module, mode in modes.items():
            module.training = mode


def export(name: str, module: nn.Module, args: tuple[Any, ...], kwargs: Mapping[str, Any], calls: int = 1) -> Part:
    """Capture one module."""
    try:
        with torch.no_grad(), lean_tracing():
            program = torch.export.export(module, tuple(args), dict(kwargs), strict=False)
    except DynamicOutputShapeException as error:
        raise _value_dependent(type(module).__name__, f": {error.func}{_where(error)}") from error
    except Exception as error:  # torch.export raises whatever the forward raises
        what = f"torch.export cannot follow the forward of {type(module).__name__}{_where(error)}"
        raise CaptureError(
            f"{what}: {_first_line(error)}",
            hint=(
                "a forward that branches on values, or takes or returns other things than tensors, cannot be captured",
                "its largest submodules that can be captured: capture(model, args, parts=True)",
            ),
        ) from error
    _check_sizes(type(module).__name__, program.graph)
    inline_without_autocast(program.graph_module)
    view_any_layout(program.graph_module)
    return Part(name, module, tuple(args), dict(kwargs), program, calls)


def _check_sizes(name: str, graph: fx.Graph) -> None:
    """Refuse a graph with tensors whose sizes are not known before it runs: symbols, or nothing where the forward
    caught what tracing raised."""
    for node in graph.nodes:
        value, returns = node.meta.get("val"), getattr(getattr(node.target, "_schema", None), "returns", ())
        unknown = isinstance(value, torch.Tensor) and not all(isinstance(n, int) for n in value.shape)
        if unknown or (value is None and returns):
            raise _value_dependent(name, f": {node.target}")


def _value_dependent(name: str, where: str) -> CaptureError:
    return CaptureError(
        f"the forward of {name} makes tensors whose size depends on values{where}",
        hint="its largest submodules that do not can be captured: capture(model, args, parts=True)",
    )


@dataclass
class _Recorded:
    """The inputs of a module's first call, and how often it was called."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    calls: int = 1


def _in_parts(model: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], why: CaptureError) -> Capture:
    """The largest submodules that can be captured."""
    recorded = _record(model, args, kwargs, why)
    found = {part.name: part for part in _parts(model, "", recorded)}
    if not found:
        raise why
    names = ", ".join(found)
    for module, inputs in join(model, args, kwargs, list(found)):
        try:
            part = export("", module, inputs, {})
        except CaptureError:
            continue  # each by itself could be
        found = {name: other for name, other in found.items() if name not in module.names}
        found[", ".join(module.names)] = part
    note = f"captured in parts ({names}), what goes in and out of them stays: {why.message}"
    together = [name for name, part in found.items() if not part.name]
    notes = [note, *(f"{names} are cut as one: nothing else reads what goes between them" for names in together)]
    return Capture(model, args, kwargs, tuple(found.values()), tuple(notes))


def _record(model: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], why: CaptureError) -> dict[str, _Recorded]:
    """Run the model once and note what each of its modules is called with."""
    recorded: dict[str, _Recorded] = {}

    def hook(name: str) -> Any:
        def note(_: nn.Module, given: tuple[Any, ...], named: dict[str, Any]) -> None:
            if name in recorded:
                recorded[name].calls += 1
            else:
                recorded[name] = _Recorded(*pytree.tree_map(lambda v: v, (given, named)))

        return note

    handles = [m.register_forward_pre_hook(hook(n), with_kwargs=True) for n, m in model.named_modules() if n]
    try:
        with _running(model, args, kwargs, why):
            model(*args, **kwargs)
    finally:
        for handle in handles:
            handle.remove()
    return recorded


def _parts(module: nn.Module, prefix: str, recorded: Mapping[str, _Recorded]) -> Iterator[Part]:
    for leaf, child in module.named_children():
        name = f"{prefix}.{leaf}" if prefix else leaf
        if next(child.parameters(), None) is None:
            continue
        call = recorded.get(name)
        if call is not None:
            try:
                yield export(name, child, call.args, call.kwargs, call.calls)
                continue
            except CaptureError:
                pass
        yield from _parts(child, name, recorded)


@contextmanager
def _running(model: nn.Module, args: tuple[Any, ...], kwargs: Mapping[str, Any], why: CaptureError) -> Iterator[None]:
    """Say so when the model does not even run on the example inputs."""
    try:
        with torch.no_grad():
            yield
    except Exception as direct:
        raise CaptureError(
            f"{type(model).__name__} does not run on the example inputs{_where(direct)}: {_first_line(direct)}",
            hint=f"inputs given: {_describe(args, kwargs)}",
        ) from why


def _where(error: Exception) -> str:
    """The last line of the user's code in the traceback."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if "/torch/" not in f.filename and f.line]
    frames = [f for f in frames if "lissom/graph" not in f.filename]
    return f" at {frames[-1].filename.rsplit('/', 1)[-1]}:{frames[-1].lineno} ({frames[-1].line})" if frames else ""


def _first_line(error: Exception) -> str:
    lines = [line for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0].strip() if lines else 'no message'}"


def _describe(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str:
    def one(value: Any) -> str:
        return f"tensor{tuple(value.shape)}" if isinstance(value, torch.Tensor) else type(value).__name__

    return ", ".join([*map(one, args), *(f"{k}={one(v)}" for k, v in kwargs.items())]) or "none"
