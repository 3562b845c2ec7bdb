"""A changed model of transformers as a folder: plain where its configuration can say the widths, else with a note.

Layers that were taken out are gone, and the others are numbered anew. Widths that differ by layer, and other numbers
that its class would compute otherwise, stand in ``config.json`` under the module's name, and
:func:`lissom.workload.transformers_models.from_folder` reads them.
"""

import copy
import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save as to_bytes
from torch import fx, nn

from lissom.core.errors import LissomError
from lissom.core.files import whole_file, write_json, write_text
from lissom.graph.storage import other_sizes, sizes_of, tensors_of
from lissom.layers.passed import Passed
from lissom.workload.encoders import say_heads
from lissom.workload.rescaling import Scales, other_scales, rescaled
from lissom.workload.transformers_models import (
    GENERATION,
    MODEL,
    OWN_MODEL,
    RESIZED,
    from_folder,
    is_of_transformers,
)

PLACE = "layer_idx"  # of a layer in its list, where others were taken out before it
HIDDEN = "hidden_size"
FIELDS = (HIDDEN, "num_attention_heads", "intermediate_size")
FIELDS += ("decoder_attention_heads", "encoder_ffn_dim", "decoder_ffn_dim", "d_kv", "d_ff")  # of encoder-decoders


def write_folder(folder: Path, model: nn.Module, files: Mapping[str, bytes], classes: Sequence[str] = ()) -> str:
    """Write a model, its configuration and its tokenizer as ``save_pretrained`` would, and read it back to be sure.

    Args:
        folder: is made; files in it are replaced.
        model: of a class of transformers, as it came out of cuts and left out layers.
        files: to be put beside it, such as ``tokenizer.json``.
        classes: the names of its outputs, where they have any.

    Returns:
        How it is loaded, in words.

    Raises:
        LissomError: its class cannot express what was done to it.
    """
    if not is_of_transformers(model):
        raise LissomError(f"a {type(model).__name__} is no model of transformers")
    cut: Any = renumbered(model)
    say_heads(cut)
    config = _config(cut)
    fresh = _fresh(cut, config)
    module: Any = rescaled(cut, fresh)
    shaped = _shapes(module) == _shapes(fresh)
    resized = _merged(_resized(module, fresh), other_scales(module, fresh))
    described = {**config.to_dict(), "architectures": [type(module).__name__]}
    # the original may have come in half precision, and what was learnt would be rounded to it
    described["dtype"] = str(next(module.parameters()).dtype).removeprefix("torch.")
    if classes and len(classes) == len(config.id2label):
        described["id2label"] = {str(number): name for number, name in enumerate(classes)}
        described["label2id"] = {name: number for number, name in enumerate(classes)}
    if resized or not shaped:
        described[RESIZED] = resized
    folder.mkdir(parents=True, exist_ok=True)
    said: Any = getattr(module, "generation_config", None)
    if said is not None:  # how text begins and ends
        write_json(folder / GENERATION, said.to_diff_dict())
    for name, content in files.items():
        write_text(folder / name, content.decode("utf-8"))
    _write(folder, module, described, {}, shaped=shaped)
    tables = _other_tables(module, from_folder(folder))
    if tables:
        described = {RESIZED: {}, **described}
        _write(folder, module, described, tables, shaped=shaped)
    _check_same(module, from_folder(folder), folder)
    kind = type(module).__name__
    if RESIZED not in described:
        return f"{kind}.from_pretrained of transformers loads {folder.name}/"
    odd = "widths that differ by layer" if not shaped else "numbers of its wider original"
    return (
        f"{folder.name}/ is a {kind} with {odd}, which transformers' configuration cannot say: "
        f"lissom loads it as hf:RUN/{folder.name}, transformers alone refuses it"
    )


def renumbered(model: nn.Module) -> nn.Module:
    """A copy in which lists of layers hold no layer that lets its input through."""
    module = copy.deepcopy(model)
    for part in module.modules():
        for name, child in list(part.named_children()):
            if isinstance(child, nn.ModuleList) and any(isinstance(layer, Passed) for layer in child):
                setattr(part, name, nn.ModuleList([layer for layer in child if not isinstance(layer, Passed)]))
    return module


def _config(module: Any) -> Any:
    """The configuration that says most of the module's sizes: the number of layers, and widths that layers share."""
    plain = copy.deepcopy(module.config)
    if hasattr(plain, "num_hidden_layers"):
        plain.num_hidden_layers = _depth(module, _fresh(module, plain), plain.num_hidden_layers)
    _say_depths(plain, module)
    fresh = _fresh(module, plain)
    _check_expressible(module, fresh)
    said = {
        field: _usual(module, fresh, field, old)
        for field in FIELDS
        if isinstance(old := getattr(plain, field, None), int)
    }
    found = [plain]
    for values in itertools.product(*said.values()):
        config = copy.deepcopy(plain)
        for field, value in zip(said, values, strict=True):
            setattr(config, field, value)
        found.append(config)
    return min(found, key=lambda config: _differences(config, module))


def _depth(module: nn.Module, fresh: nn.Module, before: int) -> int:
    """How many layers the outermost lists have that had ``before``."""
    lists = [name for name, part in fresh.named_modules() if isinstance(part, nn.ModuleList) and len(part) == before]
    outermost = min((name.count(".") for name in lists), default=0)
    now = dict(module.named_modules())
    found = [now[name] for name in lists if name.count(".") == outermost and name in now]
    return max((len(part) for part in found if isinstance(part, nn.ModuleList)), default=before)


def _say_depths(config: Any, module: nn.Module) -> None:
    """Correct, in place, how many layers an encoder and a decoder have, each by itself."""
    for name, part in module.named_modules():
        field, layers = f"{name.rpartition('.')[2]}_layers", dict(part.named_children()).get("layers")
        if field in ("encoder_layers", "decoder_layers") and isinstance(layers, nn.ModuleList):
            setattr(config, field, len(layers))


def _usual(module: nn.Module, fresh: nn.Module, field: str, old: int) -> tuple[int, ...]:
    """What a field says, and what most of the sizes are now that it said; of hidden states also the width of words,
    since heads together are often as wide and may have stayed so."""
    now = Counter[int]()
    for name, part in module.named_modules():
        before = sizes_of(fresh.get_submodule(name))
        now.update(
            size
            for attribute, size in sizes_of(part).items()
            if isinstance(size, int) and before.get(attribute) == old and (attribute == field or field not in before)
        )
    most = [size for size, _ in now.most_common(1)]
    words = [part for part in module.modules() if isinstance(part, nn.Embedding)] if field == HIDDEN else []
    widths = [max(words, key=lambda part: part.weight.numel()).embedding_dim] if words else []
    return tuple(dict.fromkeys([old, *most, *widths]))


def _differences(config: Any, module: nn.Module) -> int:
    """How many sizes of a fresh instance differ from the module's; many where no instance can be made."""
    try:
        return sum(map(len, _resized(module, _fresh(module, config)).values()))
    except (ValueError, RuntimeError, ZeroDivisionError):
        return 1 << 30


def _fresh(module: nn.Module, config: Any) -> nn.Module:
    with torch.device("meta"):
        return type(module)(config)


def _resized(module: nn.Module, fresh: nn.Module) -> dict[str, dict[str, Any]]:
    """The sizes of a module, by the names of its parts, that differ from a fresh instance's."""
    found = other_sizes(fresh, {name: sizes_of(part) for name, part in module.named_modules()})
    real = {name: {key: size for key, size in sizes.items() if key != PLACE} for name, sizes in found.items()}
    return {name: sizes for name, sizes in real.items() if sizes}


def _check_expressible(module: nn.Module, fresh: nn.Module) -> None:
    """Refuse what has other parts than its class makes."""
    graphs = [name for name, part in module.named_modules() if isinstance(part, fx.GraphModule)]
    if graphs:
        raise LissomError(f"{type(module).__name__} cannot express the cut of {graphs[0] or 'the whole model'}")
    ours, theirs = _shapes(module), _shapes(fresh)
    odd = [name for name in ours if name not in theirs] + [name for name in theirs if name not in ours]
    if odd:
        raise LissomError(f"{type(module).__name__} has no place for {odd[0]}: another layer stands in for its own")


def _shapes(module: nn.Module) -> dict[str, torch.Size]:
    return {name: tensor.shape for name, tensor in module.state_dict().items()}


def _write(
    folder: Path, module: nn.Module, described: dict[str, Any], tables: Mapping[str, torch.Tensor], *, shaped: bool
) -> None:
    """Write a configuration, weights, and tables that are no weights.

    Args:
        folder: where to.
        module: has the weights.
        described: the configuration.
        tables: by name.
        shaped: all weights have the shapes that the configuration says: where it does not say all, transformers alone
            would load them, to answer something else, and is kept from it by the name of the file.
    """
    own = shaped and RESIZED in described
    write_json(folder / "config.json", described)
    held = module.state_dict()
    tensors = {name: tensor for name, tensor in tensors_of(module).items() if name in held}
    (folder / (MODEL if own else OWN_MODEL)).unlink(missing_ok=True)
    with whole_file(folder / (OWN_MODEL if own else MODEL)) as temporary:
        temporary.write_bytes(to_bytes({**tensors, **tables}, {"format": "pt"}))


def _merged(sizes: dict[str, dict[str, Any]], scales: Scales) -> dict[str, dict[str, Any]]:
    return {name: {**sizes.get(name, {}), **scales.get(name, {})} for name in dict.fromkeys([*sizes, *scales])}


def _other_tables(module: nn.Module, again: nn.Module) -> dict[str, torch.Tensor]:
    """The tables that a class makes by itself, and so as for a model that was made as narrow: those of positions, of
    which a cut takes places."""
    held, theirs = module.state_dict(), dict(again.named_buffers())
    ours = {name: tensor for name, tensor in module.named_buffers() if name not in held and name in theirs}
    return {name: tensor.contiguous() for name, tensor in ours.items() if not torch.equal(tensor, theirs[name])}


def _check_same(module: nn.Module, again: nn.Module, folder: Path) -> None:
    ours, theirs = module.state_dict(), again.state_dict()
    assert list(ours) == list(theirs), f"{folder} reads back with other names"
    assert all(torch.equal(ours[name], theirs[name]) for name in ours), f"{folder} reads back with other values"
    assert not _other_tables(module, again), f"{folder} reads back with other tables"
    assert not _resized(module, again) and not other_scales(module, again), f"{folder} reads back with other numbers"
