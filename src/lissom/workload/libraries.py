"""Models of torchvision and timm: built by name, with pretrained weights from the cache or by download."""

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from lissom.core.errors import LissomError, MissingExtraError

WAYS_OUT = (
    "--weights FILE for your own, --download to fetch the library's",
    "--random-weights for none (the guard is then agreement with the original)",
)


@dataclass(frozen=True)
class Builder:
    """How to build one model of a library.

    ``build`` takes ``num_classes`` or nothing; ``pretrained`` gives the state of the library's own weights,
    from the cache, or by download where that is allowed, or ``None`` where it has none. ``preprocessing`` is
    in plain values: ``resize``, ``crop``, ``mean``, ``std``, ``interpolation``.
    """

    build: Callable[..., nn.Module]
    pretrained: Callable[[bool], dict[str, torch.Tensor] | None]
    preprocessing: dict[str, Any] | None
    classes: tuple[str, ...] = ()
    weights_name: str = ""


def torchvision_builder(name: str) -> Builder:
    """A classifier of torchvision.

    Raises:
        LissomError: there is none of that name.
    """
    from torchvision import models

    known = [*models.list_models(module=models), *models.list_models(module=models.video)]
    if name not in known:
        raise LissomError(f"unknown torchvision model {name!r}", hint=close(name, known))
    weights = models.get_model_weights(name).DEFAULT  # pyright: ignore[reportAttributeAccessIssue]
    transforms = weights.transforms()
    crop = transforms.crop_size[0]
    return Builder(
        build=lambda **options: _torchvision_build(name, options),
        pretrained=lambda download: _fetch_url(weights.url, download),
        preprocessing={
            "resize": transforms.resize_size[0],
            "crop": (crop, crop),
            "mean": tuple(transforms.mean),
            "std": tuple(transforms.std),
            "interpolation": transforms.interpolation.value,
        },
        classes=tuple(weights.meta["categories"]),
        weights_name=str(weights),
    )


def _torchvision_build(name: str, options: dict[str, Any]) -> nn.Module:
    from torchvision import models

    if name in ("googlenet", "inception_v3"):
        # Auxiliary heads only serve training from scratch; the library's weights expect inputs rescaled inside.
        options = {"init_weights": False, "aux_logits": False, "transform_input": True, **options}
    return models.get_model(name, weights=None, **options)


def _fetch_url(url: str, download: bool) -> dict[str, torch.Tensor] | None:
    path = Path(torch.hub.get_dir()) / "checkpoints" / Path(url).name
    if not path.is_file() and not download:
        return None
    return torch.hub.load_state_dict_from_url(url, progress=False, weights_only=True, map_location="cpu")


def without_auxiliary(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Weights without the auxiliary heads of GoogLeNet and Inception, which are not built."""
    return {key: value for key, value in state.items() if not key.startswith(("aux1.", "aux2.", "AuxLogits."))}


def timm_builder(name: str) -> Builder:
    """A classifier of timm.

    Raises:
        MissingExtraError: timm is not installed.
        LissomError: there is no model of that name.
    """
    if importlib.util.find_spec("timm") is None:
        raise MissingExtraError("timm", "timm", f"the model 'timm:{name}'")
    import timm

    if not timm.is_model(name):
        known = timm.list_models()
        raise LissomError(f"unknown timm model {name!r}", hint=close(name.partition(".")[0], known))
    settings = timm.models.get_pretrained_cfg(name)
    return Builder(
        build=lambda **options: timm.create_model(name, pretrained=False, **options),
        pretrained=lambda download: _timm_pretrained(name, settings, download),
        preprocessing=None if settings is None else _timm_preprocessing(settings),
        weights_name=f"timm {settings.architecture}.{settings.tag}" if settings is not None else "",
    )


def _timm_preprocessing(settings: Any) -> dict[str, Any]:
    _, height, width = settings.input_size
    return {
        "resize": int(min(height, width) / settings.crop_pct),
        "crop": (height, width),
        "mean": tuple(settings.mean),
        "std": tuple(settings.std),
        "interpolation": settings.interpolation,
    }


def _timm_pretrained(name: str, settings: Any, download: bool) -> dict[str, torch.Tensor] | None:
    import timm

    if settings is None or not settings.has_weights:
        return None
    if not download and not _timm_cached(settings):
        return None
    return timm.create_model(name, pretrained=True).state_dict()


def _timm_cached(settings: Any) -> bool:
    if settings.url and (Path(torch.hub.get_dir()) / "checkpoints" / Path(settings.url).name).is_file():
        return True
    if not settings.hf_hub_id or importlib.util.find_spec("huggingface_hub") is None:
        return False
    from huggingface_hub import try_to_load_from_cache

    names = ("model.safetensors", "pytorch_model.bin")
    return any(isinstance(try_to_load_from_cache(settings.hf_hub_id, name), str) for name in names)


def close(name: str, known: list[str]) -> str:
    """A hint that names the closest of what there is."""
    import difflib

    near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    return f"did you mean {' or '.join(near)}?" if near else f"there are {len(known)}, such as {', '.join(known[:3])}"
