"""Weights from files: read as data, never as code, and fitted to a model with errors that say what differs."""

import pickle
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from lissom.core.errors import LissomError

WRAPPERS = ("state_dict", "model_state_dict", "model", "net", "ema", "params")
PREFIXES = ("module.", "_orig_mod.", "model.")
ENDINGS = (".safetensors", ".pt", ".pth", ".bin", ".ckpt", ".tar")
State = dict[str, Tensor]


def read_weights(path: Path) -> State:
    """The tensors of a weight file by name, floating ones in float32.

    Raises:
        LissomError: no such file, damaged, a pickle with code in it, no tensors, or values that are not finite.
    """
    if not path.is_file():
        raise LissomError(f"there is no weight file {path}", hint=f"it is looked for from {Path.cwd()}")
    if path.suffix not in ENDINGS:
        raise LissomError(f"{path} is not a known kind of weight file", hint=f"known: {', '.join(ENDINGS)}")
    raw = _read_safetensors(path) if path.suffix == ".safetensors" else _tensors(path, _read_pickle(path))
    state = {key: value.float() if value.is_floating_point() else value for key, value in raw.items()}
    check_finite(state, str(path))
    return state


def _read_safetensors(path: Path) -> State:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except (SafetensorError, OSError, ValueError) as error:
        raise LissomError(f"{path} is damaged: {error}", hint="copy or export it again") from error


def _read_pickle(path: Path) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # on old or odd formats; what matters is said below
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        if not _is_pickle(path):
            raise LissomError(f"{path} is damaged or not a PyTorch file", hint="save it again") from error
        raise LissomError(
            f"{path} wants to run code when it is loaded ({_forbidden(error)}), which is never done here",
            hint="save the weights alone: torch.save(model.state_dict(), path), or as .safetensors",
        ) from error
    except Exception as error:  # what torch raises on bytes that mean nothing is not limited to any few kinds
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise LissomError(f"{path} is damaged or not a PyTorch file: {reason}", hint="save it again") from error


def _is_pickle(path: Path) -> bool:
    """Whether the file begins like a zip archive or a pickle, which are what torch.save writes."""
    with path.open("rb") as file:
        start = file.read(4)
    return start.startswith((b"PK\x03\x04", b"\x80"))


def _forbidden(error: Exception) -> str:
    """What the pickle asks for, out of PyTorch's message."""
    for word in ("GLOBAL ", "Unsupported global: GLOBAL ", "Unsupported class "):
        if word in str(error):
            return str(error).partition(word)[2].split()[0].rstrip(".,")
    return "it holds more than tensors"


def _tensors(path: Path, content: Any) -> State:
    for _ in range(2):
        inner = next((content[key] for key in WRAPPERS if _holds(content, key)), None)
        content = content if inner is None else inner
    state = {key: value for key, value in content.items() if isinstance(value, Tensor)} if isinstance(
        content, Mapping
    ) else {}  # fmt: skip
    if not state:
        raise LissomError(
            f"{path} holds no weights (a {type(content).__name__})",
            hint="save them with torch.save(model.state_dict(), path)",
        )
    return state


def _holds(content: Any, key: str) -> bool:
    return isinstance(content, Mapping) and isinstance(content.get(key), Mapping)


def check_finite(state: Mapping[str, Tensor], where: str) -> None:
    """Refuse weights that are NaN or infinite.

    Raises:
        LissomError: naming the first such parameter.
    """
    bad = [k for k, value in state.items() if value.is_floating_point() and not bool(value.isfinite().all())]
    if bad:
        count = int((~state[bad[0]].isfinite()).sum())
        more = f", and {len(bad) - 1} more parameters" if len(bad) > 1 else ""
        raise LissomError(
            f"{where}: {bad[0]!r} has {count} values that are NaN or infinite{more}",
            hint="the training diverged; use an earlier checkpoint",
        )


def fitting_prefix(state: State, wanted: Mapping[str, Tensor]) -> State:
    """The state without a prefix that wrappers put before every name, where the model has no such names."""
    for prefix in PREFIXES:
        if all(key.startswith(prefix) for key in state) and not any(key.startswith(prefix) for key in wanted):
            return fitting_prefix({key.removeprefix(prefix): value for key, value in state.items()}, wanted)
    return state


def infer_num_classes(state: State, build: Callable[[], nn.Module]) -> int | None:
    """How many classes weights were made for, or ``None`` where they do not tell.

    Args:
        state: the weights.
        build: makes the model with its usual number of classes. Tensors whose first dimension alone differs
            from that model's belong to the last layer.
    """
    with torch.device("meta"):
        usual = build().state_dict()
    state = fitting_prefix(state, usual)
    shapes = [(state[key].shape, value.shape) for key, value in usual.items() if key in state]
    counts = {ours[0] for ours, theirs in shapes if ours != theirs and ours[1:] == theirs[1:] and len(ours)}
    return counts.pop() if len(counts) == 1 and all(o[1:] == t[1:] for o, t in shapes) else None


def fit(module: nn.Module, state: State, where: str) -> None:
    """Put weights into a model, all of them.

    Raises:
        LissomError: naming the first missing, unexpected and differently shaped tensors.
    """
    wanted = module.state_dict()
    state = fitting_prefix(state, wanted)
    counters = {key for key in wanted if key.endswith("num_batches_tracked")}
    missing = [key for key in wanted if key not in state and key not in counters]
    unexpected = [key for key in state if key not in wanted and not key.endswith("num_batches_tracked")]
    shaped = [key for key in wanted if key in state and state[key].shape != wanted[key].shape]
    if missing or unexpected or shaped:
        message = _misfit(where, state, wanted, missing, unexpected, shaped)
        raise LissomError(message, hint=_remedy(state, wanted, missing + unexpected, shaped))
    module.load_state_dict({key: value for key, value in state.items() if key in wanted}, strict=False)


def with_ties(module: nn.Module, state: State) -> State:
    """Weights by all the names they have, where a file has them under one."""
    held = module.state_dict(keep_vars=True)
    known = {id(tensor): state[name] for name, tensor in held.items() if name in state}
    return {**{name: known[id(tensor)] for name, tensor in held.items() if id(tensor) in known}, **state}


def _misfit(
    where: str,
    state: State,
    wanted: Mapping[str, Tensor],
    missing: list[str],
    unexpected: list[str],
    shaped: list[str],
) -> str:
    parts = [f"{where} does not fit the model"]
    if missing:
        parts.append(f"missing: {_some(missing)}")
    if unexpected:
        parts.append(f"unexpected: {_some(unexpected)}")
    if shaped:
        key = shaped[0]
        ours, theirs = tuple(state[key].shape), tuple(wanted[key].shape)
        more = f" and {len(shaped) - 1} more" if len(shaped) > 1 else ""
        parts.append(f"other shape: {key} {ours} in the file, {theirs} in the model{more}")
    return "; ".join(parts)


def _remedy(state: State, wanted: Mapping[str, Tensor], names: list[str], shaped: list[str]) -> str:
    outputs = {(state[key].shape[0], wanted[key].shape[0]) for key in shaped if state[key].ndim}
    if not names and len(outputs) == 1 and len(shaped) <= 2:
        ours, theirs = outputs.pop()
        return f"the file is for {ours} classes, the model was built with {theirs}"
    return "give the model that the file was saved from"


def _some(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
