"""An encoder-decoder of transformers as two ONNX files: an encoder, and one step of the decoder with its cache.

The encoder's file also computes the keys and values that the decoder attends to, once for each input.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import onnx
import torch
from torch import Tensor, nn

from lissom.core.errors import LissomError, first_line
from lissom.core.files import whole_file
from lissom.export.onnx_file import OPSET, quiet, strip
from lissom.export.onnx_operators import kept_operators
from lissom.export.pair_files import decoder_of
from lissom.export.plain_attention import attend_plainly
from lissom.workload.encoders import HEADS, say_heads
from lissom.workload.transformers_folder import renumbered

END = "end"  # under which the decoder's file tells the token that ends an answer
WHOLE_ATTENTION = 23  # the first opset in which attention is one node, that a runtime can put its own in the place of
_FREE = torch.export.Dim.DYNAMIC
_ROWS, _SOURCE, _PAST = 2, 6, 3  # of the examples that are captured: all differ, and none is one
_SCALED = ("umt5", "switch_transformers")  # which do not say so in a field of their own
_WANTED = ("get_encoder", "get_decoder", "get_output_embeddings")


def export_pair(module: nn.Module, path: Path, end: int) -> None:
    """Write the encoder to ``path`` and the decoder beside it, in float32, for any number of rows.

    Both are made before one is written, and the encoder comes last: where its file is, the pair is whole.

    The encoder takes ``input``: tokens ``(batch, length)`` with ``mask`` ``(batch, length)``, or features ``(batch,
    bands, frames)`` of the one length that the model hears. It gives ``cross_0``, ``cross_1``, ...: keys and values of
    each decoder layer, ``(batch, heads, length, head size)``. The decoder takes ``tokens`` ``(batch, 1)``, where the
    source is text ``mask``, those of the encoder, and ``past_0``, ... ``(batch, heads, said, head size)``, of which
    ``said`` is 0 at first. It gives ``scores`` ``(batch, words)`` and ``present_0``, ..., one longer than the past.

    Args:
        module: a model like Whisper, Marian or T5 of transformers, as it came out of cuts and left out layers; it
            stays as it is.
        path: of the encoder's file; see :func:`lissom.export.pair_files.decoder_of`. Its folder is made.
        end: the token that ends an answer; the decoder's file tells it.

    Raises:
        LissomError: it is no such model, or the exporter refuses it.
    """
    module = renumbered(module).eval()
    say_heads(module)
    _check(module)
    encoder = _Encoder(module)
    if encoder.texts:  # sounds are so long that the runtime's own attention, block by block, is better
        attend_plainly(module)
    example = encoder.example()
    with torch.no_grad(), _refused("encoder"):
        cross = encoder(*example)
    mask = example[1:]
    names = ["input", *["mask" for _ in mask]]
    free = [{0: _FREE, 1: _FREE} if encoder.texts else {0: _FREE} for _ in example]
    crosses = [f"cross_{number}" for number in range(len(cross))]
    opset = OPSET if encoder.texts else WHOLE_ATTENTION
    heard = _made(_Graph(encoder, example, free, names, crosses, opset), "encoder")
    decoder = _Step(module, plain=attend_plainly(module))
    past = decoder.past()
    source = {0: _FREE, 2: _FREE} if encoder.texts else {0: _FREE}
    free = [{0: _FREE}, *free[1:], *[source for _ in cross], *[{0: _FREE, 2: _FREE} for _ in past]]
    pasts = [f"past_{number}" for number in range(len(past))]
    given = (torch.zeros(_ROWS, 1, dtype=torch.int64), *mask, *cross, *past)
    graph = _Graph(decoder, given, free, ["tokens", *names[1:], *crosses, *pasts], ["scores"])
    graph.outputs.extend(f"present_{number}" for number in range(len(past)))
    graph.told[END] = str(end)
    step = _made(graph, "decoder")
    path.parent.mkdir(parents=True, exist_ok=True)
    for model, file in ((step, decoder_of(path)), (heard, path)):
        with whole_file(file) as temporary:
            onnx.save(model, temporary)


def _check(module: nn.Module) -> None:
    known = all(callable(getattr(type(module), name, None)) for name in _WANTED)
    layers = _layers(module) if known else []
    if not layers or not all(map(_is_known, layers)) or not isinstance(_head(module), nn.Linear):
        raise LissomError(
            f"a {type(module).__name__} is no encoder-decoder that can be exported with its loop",
            hint="models like Whisper, Marian, BART and T5 of transformers can",
        )


def _head(module: Any) -> Any:
    return module.get_output_embeddings()


@dataclass(frozen=True)
class _Layer:
    """A layer of a decoder: how it attends to what was said, and to the source; ``None`` where it does not."""

    own: Any
    cross: Any


def _layers(module: Any) -> list[_Layer]:
    """The layers of a decoder, as Whisper and Marian have them (``layers``), or T5 (``block``)."""
    children = dict(module.get_decoder().named_children())
    if "block" in children:
        parts = [dict(part for sub in block.layer for part in sub.named_children()) for block in children["block"]]
        return [_Layer(part.get("SelfAttention"), part.get("EncDecAttention")) for part in parts]
    parts = [dict(layer.named_children()) for layer in children.get("layers", ())]
    return [_Layer(part.get("self_attn"), part.get("encoder_attn")) for part in parts]


def _is_known(layer: _Layer) -> bool:
    """Whether both attentions have keys, values and a number of heads."""
    known = [None not in (_keys_values(part), _heads(part)) for part in (layer.own, layer.cross) if part is not None]
    return known == [True, True]


def _keys_values(attention: Any) -> tuple[Any, Any] | None:
    children = dict(attention.named_children())
    names = next((names for names in (("k_proj", "v_proj"), ("k", "v")) if all(n in children for n in names)), None)
    return None if names is None else (children[names[0]], children[names[1]])


def _heads(attention: Any) -> int | None:
    return next((vars(attention)[name] for name in HEADS if name in vars(attention)), None)


class _Encoder(nn.Module):
    """The encoder, and what each layer of the decoder attends to."""

    def __init__(self, module: Any) -> None:
        super().__init__()
        self.encoder = module.get_encoder()
        self.attentions = nn.ModuleList([layer.cross for layer in _layers(module)])
        self.config = module.config
        self.texts = "conv1" not in dict(self.encoder.named_children())

    def example(self) -> tuple[Tensor, ...]:
        if self.texts:
            return torch.ones(_ROWS, _SOURCE, dtype=torch.int64), torch.ones(_ROWS, _SOURCE, dtype=torch.int64)
        return (torch.zeros(_ROWS, self.config.num_mel_bins, 2 * self.config.max_source_positions),)

    def forward(self, source: Tensor, mask: Tensor | None = None) -> list[Tensor]:
        hidden = self.encoder(source, attention_mask=mask).last_hidden_state
        return [_split(part(hidden), item) for item in self.attentions for part in _keys_values(item) or ()]


def _split(states: Tensor, attention: Any) -> Tensor:
    heads = _heads(attention)
    assert heads is not None
    return states.view(states.shape[0], states.shape[1], heads, states.shape[2] // heads).transpose(1, 2)


class _Step(nn.Module):
    """One token of each row through the decoder; ``plain`` where all that was said is seen without a mask."""

    def __init__(self, module: Any, plain: bool) -> None:
        super().__init__()
        self.plain = plain
        self.decoder, self.head = module.get_decoder(), _head(module)
        self.layers = _layers(module)
        for number, layer in enumerate(self.layers):  # a cache is found by the place of a layer
            layer.own.layer_idx = layer.cross.layer_idx = number
        self.texts = "conv1" not in dict(module.get_encoder().named_children())
        self.bias = dict(module.named_buffers()).get("final_logits_bias")
        self.width = module.config.d_model
        self.scale = _scale(module)

    def past(self) -> list[Tensor]:
        """Keys and values of each layer of some tokens that were said, all zero."""
        found: list[Tensor] = []
        for layer in self.layers:
            heads = _heads(layer.own)
            assert heads is not None
            for part in _keys_values(layer.own) or ():
                found.append(torch.zeros(_ROWS, heads, _PAST, part.out_features // heads))
        return found

    def forward(self, tokens: Tensor, *states: Tensor) -> tuple[Tensor, ...]:
        from transformers.cache_utils import DynamicCache, EncoderDecoderCache

        mask, states = (states[0], states[1:]) if self.texts else (None, states)
        cross, past = states[: len(states) // 2], states[len(states) // 2 :]
        own = _cache(DynamicCache(), past)
        cache = EncoderDecoderCache(own, _cache(DynamicCache(), cross))
        cache.is_updated = dict.fromkeys(range(len(cross) // 2), True)
        # what the keys and values were made of is not read any more, only its sizes are
        sizes = cross[0][:, 0, :, :1].expand(-1, -1, self.width)
        told = {} if mask is None else {"encoder_attention_mask": mask}
        if not self.plain:  # or a mask is worked out of the cache's sizes
            told["attention_mask"] = past[0].new_zeros(tokens.shape[0], 1, 1, past[0].shape[2] + 1)
        hidden = self.decoder(
            tokens, encoder_hidden_states=sizes, past_key_values=cache, use_cache=True, **told
        ).last_hidden_state[:, -1]
        scores = self.head(hidden if self.scale == 1 else hidden * self.scale)
        if self.bias is not None:
            scores = scores + self.bias
        return (scores, *[value for layer in own.layers for value in (layer.keys, layer.values)])


def _scale(module: Any) -> float:
    """What scores are multiplied by, as T5 has it where words are read and said by one table."""
    config = module.config
    usual = config.model_type in _SCALED and config.tie_word_embeddings
    return vars(module)["model_dim"] ** -0.5 if getattr(config, "scale_decoder_outputs", usual) else 1


def _cache(cache: Any, values: tuple[Tensor, ...]) -> Any:
    from transformers.cache_utils import DynamicLayer

    for keys, states in zip(values[::2], values[1::2], strict=True):
        layer = DynamicLayer()
        layer.lazy_initialization(keys, states)
        layer.keys, layer.values = keys, states
        cache.layers.append(layer)
    return cache


@dataclass(frozen=True)
class _Graph:
    """What is exported, on which example, with which sizes free, under which names."""

    module: nn.Module
    example: tuple[Tensor, ...]
    free: list[dict[int, Any]]
    inputs: list[str]
    outputs: list[str]
    opset: int = OPSET
    told: dict[str, str] = field(default_factory=dict[str, str])


@contextmanager
def _refused(part: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        raise LissomError(
            f"the {part} cannot be exported to ONNX: {first_line(error)}",
            hint="an operator that ONNX lacks, or control flow that depends on values, is the usual cause",
        ) from error


def _made(graph: _Graph, part: str) -> onnx.ModelProto:
    shapes = tuple(graph.free) if len(graph.free) < 3 else (graph.free[0], tuple(graph.free[1:]))
    with _refused(part), quiet(), kept_operators(), torch.no_grad():
        program = torch.onnx.export(
            graph.module,
            graph.example,
            dynamo=True,
            opset_version=graph.opset,
            dynamic_shapes=shapes,
            input_names=graph.inputs,
            output_names=graph.outputs,
            external_data=False,
            verbose=False,
        )
    assert program is not None
    model = program.model_proto
    for value, sizes in zip(model.graph.input, graph.free, strict=True):
        fixed = [place for place in sizes if not value.type.tensor_type.shape.dim[place].dim_param]
        if fixed:  # the exporter gives up a free size without a word
            raise LissomError(f"the {part} cannot be exported: dimension {fixed[0]} of {value.name} is fixed")
    strip(model)
    onnx.helper.set_model_props(model, graph.told)
    onnx.checker.check_model(model)
    return model
