"""Models of transformers from a folder: ``hf:DIR``, as ``save_pretrained`` wrote it. No code of the folder runs."""

import importlib.util
import json
from pathlib import Path
from typing import Any

import torch
from torch import nn

from lissom.core.errors import LissomError, MissingExtraError
from lissom.graph.adapting import set_attributes
from lissom.workload.weights import fit, read_weights, with_ties

_SHOWN = 3
GENERATION = "generation_config.json"
RESIZED = "lissom_resized"  # in config.json: numbers by module that differ from what the configuration says
MODEL = "model.safetensors"
OWN_MODEL = "lissom.safetensors"  # of a model whose numbers alone differ, so that transformers does not load it


def read_config(folder: Path) -> dict[str, Any]:
    """The ``config.json`` of a folder.

    Raises:
        LissomError: there is no folder, or no configuration in it.
    """
    path = folder / "config.json"
    if not folder.is_dir():
        raise LissomError(
            f"there is no folder {folder}", hint="hf: takes a folder that save_pretrained wrote; nothing is fetched"
        )
    if not path.is_file():
        raise LissomError(f"{folder} has no config.json", hint="hf: takes a folder that save_pretrained wrote")
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise LissomError(f"{path} is damaged: {error}", hint="copy it again") from error


def reads_texts(config: dict[str, Any]) -> bool:
    """Whether a configuration is of a model that takes token numbers and nothing else."""
    return "vocab_size" in config and not any(name in config for name in ("image_size", "vision_config"))


def from_folder(folder: Path, *, random_weights: bool = False) -> Any:
    """Build the model of a folder and give it its weights.

    Args:
        folder: with ``config.json`` and ``model.safetensors``.
        random_weights: build it without its weights.

    Raises:
        MissingExtraError: transformers is not installed.
        LissomError: the folder's model is of no class of transformers, or its weights are missing, damaged or
            leave layers without any.
    """
    if importlib.util.find_spec("transformers") is None:
        raise MissingExtraError("transformers", "text", f"the model 'hf:{folder}'")
    config = read_config(folder)
    import transformers
    from transformers.utils import logging

    names = config.get("architectures") or [""]
    kind = getattr(transformers, str(names[0]), None)
    if kind is None or not hasattr(kind, "from_pretrained"):
        raise LissomError(
            f"{folder} holds a {names[0] or 'model of no name'}, which transformers {transformers.__version__} lacks",
            hint="code that comes with a model is not run; give file.py:function of your own",
        )
    level = logging.get_verbosity()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        if RESIZED in config:
            return _resized(kind, folder, config, random_weights)
        if random_weights:
            return kind(kind.config_class.from_pretrained(folder, local_files_only=True))
        module, found = kind.from_pretrained(
            folder, local_files_only=True, trust_remote_code=False, output_loading_info=True
        )
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        raise LissomError(f"{folder} cannot be loaded: {reason}", hint="save the model again") from error
    finally:
        logging.set_verbosity(level)
    _check_found(folder, found)
    return module


def _resized(kind: Any, folder: Path, config: dict[str, Any], random_weights: bool) -> Any:
    """A model with widths by layer, which transformers alone cannot build."""
    own = kind.config_class.from_dict({name: value for name, value in config.items() if name != RESIZED})
    own.architectures = config["architectures"]
    module = kind(own)
    sizes = {
        name: {field: tuple(size) if isinstance(size, list) else size for field, size in fields.items()}
        for name, fields in config[RESIZED].items()
    }
    set_attributes(module, sizes)
    state = read_weights(folder / (OWN_MODEL if (folder / OWN_MODEL).is_file() else MODEL))
    for name, tensor in state.items():
        owner, _, leaf = name.rpartition(".")
        held = dict(module.named_modules()).get(owner)
        old = None if held is None else held._parameters.get(leaf)
        if held is not None and old is not None and old.shape != tensor.shape:
            setattr(held, leaf, nn.Parameter(torch.empty(tensor.shape).normal_(std=0.02)))
    module.tie_weights()
    _set_tables(module, state)
    if not random_weights:
        fit(module, with_ties(module, state), str(folder))
    if (folder / GENERATION).is_file():
        from transformers import GenerationConfig

        module.generation_config = GenerationConfig.from_pretrained(folder, local_files_only=True)
    return module.eval()


def _set_tables(module: Any, state: dict[str, Any]) -> None:
    """Give a model the tables that its class would make by itself, and take them from the state."""
    held = module.state_dict()
    for name in [name for name, _ in module.named_buffers() if name in state and name not in held]:
        owner, _, leaf = name.rpartition(".")
        module.get_submodule(owner)._buffers[leaf] = state.pop(name)


def is_of_transformers(module: Any) -> bool:
    """Whether a model is of a class of transformers."""
    return type(module).__module__.startswith("transformers.")


def _check_found(folder: Path, found: dict[str, Any]) -> None:
    missing = [*found["missing_keys"], *found["mismatched_keys"]]
    if missing:
        shown = ", ".join(str(name) for name in sorted(map(str, missing))[:_SHOWN])
        more = f" and {len(missing) - _SHOWN} more" if len(missing) > _SHOWN else ""
        raise LissomError(
            f"{folder} has no weights for {shown}{more}",
            hint="an encoder alone has no classifier: fine-tune it first, and save the result",
        )


def class_names(config: dict[str, Any]) -> tuple[str, ...]:
    """The names of the outputs that a configuration gives; none where they are only numbered."""
    names = {int(number): str(name) for number, name in (config.get("id2label") or {}).items()}
    ordered = tuple(names[number] for number in sorted(names))
    return () if all(name.startswith("LABEL_") for name in ordered) else ordered
