"""Where the embeddings, layers, queries, keys and values of an encoder are, found by what its modules are called."""

from dataclasses import dataclass

from torch import nn

from lissom.core.errors import LissomError

TRIPLES = (
    ("query", "key", "value"),
    ("q_lin", "k_lin", "v_lin"),
    ("q_proj", "k_proj", "v_proj"),
    ("to_q", "to_k", "to_v"),
    ("q", "k", "v"),
)
HEADS = ("num_attention_heads", "n_heads", "num_heads", "heads")
WIDTH = "embed_dim"
HEAD_SIZES = ("attention_head_size", "head_dim", "key_value_proj_dim")


@dataclass(frozen=True)
class EncoderLayer:
    """One layer: the names of its block, whose output is the hidden state, and of its projections."""

    name: str
    query: str
    key: str
    value: str
    heads: int


@dataclass(frozen=True)
class Encoder:
    """The module that puts out the embeddings, and the layers in order."""

    embeddings: str
    layers: tuple[EncoderLayer, ...]


def find_encoder(module: nn.Module) -> Encoder:
    """Where things are in a model of texts.

    Raises:
        LissomError: it has no attention with separate projections, or no embedding.
    """
    modules = dict(module.named_modules())
    layers = [found for name, owner in modules.items() if (found := _layer(modules, name, owner)) is not None]
    if not layers:
        known = ", ".join("/".join(triple) for triple in TRIPLES)
        raise LissomError(
            f"no attention with separate projections was found in this {type(module).__name__}",
            hint=f"they have to be called {known}; or pair layers by name",
        )
    tables = [(layer.num_embeddings, name) for name, layer in modules.items() if isinstance(layer, nn.Embedding)]
    if not tables:
        raise LissomError(f"this {type(module).__name__} has no embedding", hint="pair layers by name")
    return Encoder(max(tables)[1].rpartition(".")[0], tuple(layers))


def say_heads(module: nn.Module) -> None:
    """Correct, in place, the numbers of heads that attention layers hold beside their projections.

    Some classes never read them, so that they are out of date after a cut.
    """
    for owner in module.modules():
        values = vars(owner)
        _say_width(owner)
        query = next(
            (child for triple in TRIPLES if isinstance(child := getattr(owner, triple[0], None), nn.Linear)), None
        )
        heads = next((name for name in HEADS if isinstance(values.get(name), int)), None)
        if not isinstance(query, nn.Linear) or heads is None:
            continue
        setattr(owner, heads, _heads(owner, query))
        if "all_head_size" in values:
            setattr(owner, "all_head_size", query.out_features)  # noqa: B010, a module's attributes have no such type


def _say_width(owner: nn.Module) -> None:
    """The same for the width of what an attention or a layer around it reads."""
    children = dict(owner.named_children())
    reads = next((children[triple[0]] for triple in TRIPLES if triple[0] in children), None)
    norm = next((child for child in children.values() if isinstance(child, nn.LayerNorm)), None)
    if isinstance(vars(owner).get(WIDTH), int) and (isinstance(reads, nn.Linear) or norm is not None):
        width = reads.in_features if isinstance(reads, nn.Linear) else norm.normalized_shape[-1]  # pyright: ignore[reportOptionalMemberAccess]
        setattr(owner, WIDTH, width)


def _layer(modules: dict[str, nn.Module], name: str, owner: nn.Module) -> EncoderLayer | None:
    children = dict(owner.named_children())
    triple = next((t for t in TRIPLES if all(isinstance(children.get(part), nn.Linear) for part in t)), None)
    block = _block(modules, name)
    if triple is None or block is None:
        return None
    query, key, value = (f"{name}.{part}" for part in triple)
    heads = _heads(owner, modules[query])
    return None if heads is None else EncoderLayer(block, query, key, value, heads)


def _block(modules: dict[str, nn.Module], name: str) -> str | None:
    """The innermost element of a list of modules that a module is in."""
    while name:
        parent = name.rpartition(".")[0]
        if isinstance(modules.get(parent), nn.ModuleList):
            return name
        name = parent
    return None


def _heads(owner: nn.Module, query: nn.Module) -> int | None:
    """As many as the projection has room for, where the size of a head is known: heads may have been pruned."""
    assert isinstance(query, nn.Linear)
    values = vars(owner)
    size = next((values[name] for name in HEAD_SIZES if isinstance(values.get(name), int)), None)
    if size:
        return query.out_features // size
    return next((values[name] for name in HEADS if isinstance(values.get(name), int)), None)
