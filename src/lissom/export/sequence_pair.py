"""An encoder-decoder of transformers as two ONNX files: an encoder, and one step of the decoder with its cache.

The encoder's file also computes the keys and values that the decoder attends to, once for each input.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnx
import torch
from torch import Tensor, nn

from lissom.core.errors import LissomError, first_line
from lissom.core.files import whole_file
from lissom.export.onnx_file import OPSET, quiet, strip
from lissom.export.onnx_operators import kept_operators
from lissom.tasks.generating import Rules

ENCODER, DECODER = "encoder.onnx", "decoder.onnx"
WHOLE_ATTENTION = 23  # the first opset in which attention is one node, that a runtime can put its own in the place of
_FREE = torch.export.Dim.DYNAMIC
_ROWS, _SOURCE, _PAST = 2, 6, 3  # of the examples that are captured: all differ, and none is one
_WANTED = ("get_encoder", "get_decoder", "get_output_embeddings")


def export_pair(module: nn.Module, folder: Path) -> None:
    """Write ``encoder.onnx`` and ``decoder.onnx``, in float32, for any number of rows.

    The encoder takes ``input``: tokens ``(batch, length)`` with ``mask`` ``(batch, length)``, or features ``(batch,
    bands, frames)`` of the one length that the model hears. It gives ``cross_0``, ``cross_1``, ...: keys and values of
    each decoder layer, ``(batch, heads, length, head size)``. The decoder takes ``tokens`` ``(batch, 1)``, where the
    source is text ``mask``, those of the encoder, and ``past_0``, ... ``(batch, heads, said, head size)``, of which
    ``said`` is 0 at first. It gives ``scores`` ``(batch, words)`` and ``present_0``, ..., one longer than the past.

    Args:
        module: a model like Whisper or Marian of transformers; its mode is restored.
        folder: is made.

    Raises:
        LissomError: it is no such model, or the exporter refuses it.
    """
    _check(module)
    training = module.training
    module.eval()
    try:
        encoder, decoder = _Encoder(module), _Step(module)
        example = encoder.example()
        with torch.no_grad():
            cross = encoder(*example)
        past = [value[:, :, :_PAST].contiguous() for value in cross]
        folder.mkdir(parents=True, exist_ok=True)
        mask = example[1:]
        names = ["input", *["mask" for _ in mask]]
        free = [{0: _FREE, 1: _FREE} if encoder.texts else {0: _FREE} for _ in example]
        crosses = [f"cross_{number}" for number in range(len(cross))]
        opset = OPSET if encoder.texts else WHOLE_ATTENTION
        _write(_Graph(encoder, example, free, names, crosses, opset), folder / ENCODER)
        source = {0: _FREE, 2: _FREE} if encoder.texts else {0: _FREE}
        free = [{0: _FREE}, *free[1:], *[source for _ in cross], *[{0: _FREE, 2: _FREE} for _ in past]]
        pasts = [f"past_{number}" for number in range(len(past))]
        given = (torch.zeros(_ROWS, 1, dtype=torch.int64), *mask, *cross, *past)
        graph = _Graph(decoder, given, free, ["tokens", *names[1:], *crosses, *pasts], ["scores"])
        graph.outputs.extend(f"present_{number}" for number in range(len(past)))
        _write(graph, folder / DECODER)
    finally:
        module.train(training)


def rules_of(module: Any) -> Rules:
    """How a model of transformers makes text, out of its generation configuration; times of words are left out.

    Raises:
        LissomError: it says neither how text begins nor how it ends.
    """
    said = module.generation_config
    end = said.eos_token_id[0] if isinstance(said.eos_token_id, list) else said.eos_token_id
    if end is None or said.decoder_start_token_id is None:
        raise LissomError(
            f"the generation configuration of this {type(module).__name__} names no first or no last token",
            hint="generation_config.json needs decoder_start_token_id and eos_token_id",
        )
    forced = [int(token) for _, token in said.to_dict().get("forced_decoder_ids") or () if token is not None]
    banned = [words[0] for words in said.bad_words_ids or () if len(words) == 1]
    return Rules(
        prompt=(int(said.decoder_start_token_id), *forced),
        end=int(end),
        longest=int(said.max_length or module.config.max_length),
        suppressed=tuple(dict.fromkeys([*(said.suppress_tokens or ()), *banned])),
        suppressed_first=tuple(said.begin_suppress_tokens or ()),
        forced_end=said.forced_eos_token_id is not None,
        length_penalty=float(1.0 if said.length_penalty is None else said.length_penalty),
    )


def _check(module: nn.Module) -> None:
    layers: Any = ()
    if all(callable(getattr(type(module), name, None)) for name in _WANTED):
        layers = dict(module.get_decoder().named_children()).get("layers", ())  # pyright: ignore[reportCallIssue]
    if not len(layers) or any("encoder_attn" not in dict(layer.named_children()) for layer in layers):
        raise LissomError(
            f"a {type(module).__name__} is no encoder-decoder that can be exported with its loop",
            hint="models like Whisper and Marian of transformers can",
        )


class _Encoder(nn.Module):
    """The encoder, and what each layer of the decoder attends to."""

    def __init__(self, module: Any) -> None:
        super().__init__()
        self.encoder = module.get_encoder()
        self.attentions = nn.ModuleList([layer.encoder_attn for layer in module.get_decoder().layers])
        self.config = module.config
        self.texts = "conv1" not in dict(self.encoder.named_children())

    def example(self) -> tuple[Tensor, ...]:
        if self.texts:
            return torch.ones(_ROWS, _SOURCE, dtype=torch.int64), torch.ones(_ROWS, _SOURCE, dtype=torch.int64)
        return (torch.zeros(_ROWS, self.config.num_mel_bins, 2 * self.config.max_source_positions),)

    def forward(self, source: Tensor, mask: Tensor | None = None) -> list[Tensor]:
        hidden = self.encoder(source, attention_mask=mask).last_hidden_state
        return [_split(part(hidden), attention) for attention in self.attentions for part in _keys_values(attention)]


def _keys_values(attention: Any) -> tuple[nn.Module, nn.Module]:
    return attention.k_proj, attention.v_proj


def _split(states: Tensor, attention: Any) -> Tensor:
    heads = attention.num_heads
    return states.view(states.shape[0], states.shape[1], heads, states.shape[2] // heads).transpose(1, 2)


class _Step(nn.Module):
    """One token of each row through the decoder."""

    def __init__(self, module: Any) -> None:
        super().__init__()
        self.decoder, self.head = module.get_decoder(), module.get_output_embeddings()
        self.texts = "conv1" not in dict(module.get_encoder().named_children())
        self.bias = dict(module.named_buffers()).get("final_logits_bias")
        self.width = module.config.d_model

    def forward(self, tokens: Tensor, *states: Tensor) -> tuple[Tensor, ...]:
        from transformers.cache_utils import DynamicCache, EncoderDecoderCache

        mask, states = (states[0], states[1:]) if self.texts else (None, states)
        cross, past = states[: len(states) // 2], states[len(states) // 2 :]
        own = _cache(DynamicCache(), past)
        cache = EncoderDecoderCache(own, _cache(DynamicCache(), cross))
        cache.is_updated = dict.fromkeys(range(len(cross) // 2), True)
        # what the keys and values were made of is not read any more, only its sizes are
        sizes = cross[0][:, 0, :, :1].expand(-1, -1, self.width)
        told = {"encoder_attention_mask": mask} if self.texts else {}
        seen = past[0].new_zeros(tokens.shape[0], 1, 1, past[0].shape[2] + 1)  # a token sees all before it
        hidden = self.decoder(
            tokens, attention_mask=seen, encoder_hidden_states=sizes, past_key_values=cache, use_cache=True, **told
        ).last_hidden_state[:, -1]
        scores = self.head(hidden)
        if self.bias is not None:
            scores = scores + self.bias
        return (scores, *[value for layer in own.layers for value in (layer.keys, layer.values)])


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


def _write(graph: _Graph, path: Path) -> None:
    shapes = tuple(graph.free) if len(graph.free) < 3 else (graph.free[0], tuple(graph.free[1:]))
    try:
        with quiet(), kept_operators(), torch.no_grad():
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
    except Exception as error:
        raise LissomError(
            f"{path.stem} cannot be exported to ONNX: {first_line(error)}",
            hint="an operator that ONNX lacks, or control flow that depends on values, is the usual cause",
        ) from error
    assert program is not None
    model = program.model_proto
    for value, sizes in zip(model.graph.input, graph.free, strict=True):
        fixed = [place for place in sizes if not value.type.tensor_type.shape.dim[place].dim_param]
        if fixed:  # the exporter gives up a free size without a word
            raise LissomError(f"{path.stem} cannot be exported: dimension {fixed[0]} of {value.name} is fixed")
    strip(model)
    onnx.checker.check_model(model)
    with whole_file(path) as temporary:
        onnx.save(model, temporary)
