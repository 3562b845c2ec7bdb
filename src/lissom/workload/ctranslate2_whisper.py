"""A Whisper model of CTranslate2 as the ``WhisperForConditionalGeneration`` of transformers: ``ct2:DIR``.

Layout: ``ctranslate2/specs/whisper_spec.py`` and ``transformer_spec.py`` of CTranslate2 4; queries, keys and values
are stacked in one matrix there, and keys have a bias of zeros.
"""

import importlib.util
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from lissom.core.errors import LissomError, MissingExtraError
from lissom.workload.ctranslate2_file import ModelFile, read_ctranslate2
from lissom.workload.weights import fit

KIND = "WhisperSpec"
ACTIVATIONS = {0: "relu", 1: "gelu_new", 2: "silu", 3: "gelu"}  # the numbers of ctranslate2.specs.Activation
MOST_LAYERS = 256
MOST_OF_ENGLISH = 51864  # tokens of a model that knows English alone, whose vocabulary has languages all the same
START, NO_TIMES, END = "<|startoftranscript|>", "<|notimestamps|>", "<|endoftext|>"
TASKS = ("transcribe", "translate")
Arrays = Iterator[tuple[str, Any]]


def from_ctranslate2(folder: Path) -> Any:
    """Build the model of a folder that ``ct2-transformers-converter`` wrote, in float32.

    Args:
        folder: with ``model.bin``, ``config.json`` and ``tokenizer.json``.

    Raises:
        MissingExtraError: transformers is not installed.
        LissomError: a file is missing or damaged, or the model is no Whisper.
    """
    if importlib.util.find_spec("transformers") is None:
        raise MissingExtraError("transformers", "text", f"the model 'ct2:{folder}'")
    if not (folder / "model.bin").is_file():
        raise LissomError(
            f"{folder} has no model.bin", hint="ct2: takes a folder that a converter of CTranslate2 wrote"
        )
    file = read_ctranslate2(folder / "model.bin")
    if file.kind != KIND:
        raise LissomError(f"{folder} holds a {file.kind}", hint=f"of CTranslate2 only {KIND} can be read")
    from transformers import GenerationConfig, WhisperForConditionalGeneration

    tokens = special_tokens(folder / "tokenizer.json")
    module = WhisperForConditionalGeneration(_config(file, tokens))
    state = {name: torch.from_numpy(np.ascontiguousarray(value)) for name, value in _state(file)}
    fit(module, state, str(folder / "model.bin"))
    module.tie_weights()
    module.generation_config = GenerationConfig(**_generation(folder, tokens, module.config))
    return module.eval()


def special_tokens(path: Path) -> dict[str, int]:
    """The numbers of the tokens that are no text, by what stands for them in ``tokenizer.json``.

    Raises:
        LissomError: there is no such file, it is damaged, or lacks one that Whisper needs.
    """
    added = _read(path).get("added_tokens") or []
    try:
        found = {str(token["content"]): int(token["id"]) for token in added if token["special"] or "<|" in str(token)}
    except (KeyError, TypeError, ValueError) as error:
        raise LissomError(f"{path} is damaged: added_tokens", hint="copy it again") from error
    missing = [name for name in (START, NO_TIMES, END) if name not in found]
    if missing:
        raise LissomError(f"{path} has no token {missing[0]}", hint="it has to be the tokenizer of a Whisper model")
    return found


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise LissomError(f"{path} cannot be read: {error.strerror}", hint="it belongs to the model") from error
    except ValueError as error:
        raise LissomError(f"{path} is damaged: {error}", hint="copy it again") from error
    if not isinstance(found, dict):
        raise LissomError(f"{path} is damaged: it is no object", hint="copy it again")
    return found


def _config(file: ModelFile, tokens: dict[str, int]) -> Any:
    from transformers import WhisperConfig

    activation = int(file.value("decoder/activation")) if "decoder/activation" in file.variables else 3
    if activation not in ACTIVATIONS:
        raise LissomError(f"the activation {activation} of this model is not known", hint=str(ACTIVATIONS))
    width, bands, _ = _dimensions(file, "encoder/conv1/weight", 3)
    words, _ = _dimensions(file, "decoder/embeddings/weight", 2)
    sizes: dict[str, Any] = {
        "encoder_layers": _layers(file, "encoder"),
        "decoder_layers": _layers(file, "decoder"),
        "encoder_attention_heads": int(file.value("encoder/num_heads")),
        "decoder_attention_heads": int(file.value("decoder/num_heads")),
        "encoder_ffn_dim": _dimensions(file, "encoder/layer_0/ffn/linear_0/weight", 2)[0],
        "decoder_ffn_dim": _dimensions(file, "decoder/layer_0/ffn/linear_0/weight", 2)[0],
        "max_source_positions": _dimensions(file, "encoder/position_encodings/encodings", 2)[0],
        "max_target_positions": _dimensions(file, "decoder/position_encodings/encodings", 2)[0],
    }
    heads = sizes["encoder_attention_heads"], sizes["decoder_attention_heads"]
    if any(count < 1 or width % count for count in heads):
        raise LissomError(f"a width of {width} cannot have {heads} heads")
    end = tokens[END]
    return WhisperConfig(
        vocab_size=words,
        num_mel_bins=bands,
        d_model=width,
        activation_function=ACTIVATIONS[activation],
        pad_token_id=end,
        bos_token_id=end,
        eos_token_id=end,
        decoder_start_token_id=tokens[START],
        architectures=["WhisperForConditionalGeneration"],
        **sizes,
    )


def _dimensions(file: ModelFile, name: str, rank: int) -> tuple[int, ...]:
    shape = file.value(name).shape
    if len(shape) != rank:
        raise LissomError(f"{name} has {len(shape)} dimensions, not {rank}")
    return shape


def _layers(file: ModelFile, part: str) -> int:
    count = 0
    while f"{part}/layer_{count}/ffn/linear_0/weight" in file.variables and count < MOST_LAYERS:
        count += 1
    if not count:
        raise LissomError(f"the {part} of this model has no layers")
    return count


def _generation(folder: Path, tokens: dict[str, int], config: Any) -> dict[str, Any]:
    """How text is made: what is never said, what is not said first, and which languages it may be in."""
    said = _read(folder / "config.json")
    spoken = set(_numbers(said, "lang_ids", config.vocab_size)) if config.vocab_size > MOST_OF_ENGLISH else ()
    languages = {name: token for name, token in tokens.items() if token in spoken}
    tasks = {name: tokens[f"<|{name}|>"] for name in TASKS if f"<|{name}|>" in tokens}
    many = {"lang_to_id": languages, "task_to_id": tasks} if languages and tasks else {}
    return {
        "decoder_start_token_id": tokens[START],
        "eos_token_id": tokens[END],
        "bos_token_id": tokens[END],
        "pad_token_id": tokens[END],
        "max_length": config.max_target_positions,
        "suppress_tokens": _numbers(said, "suppress_ids", config.vocab_size),
        "begin_suppress_tokens": _numbers(said, "suppress_ids_begin", config.vocab_size),
        "no_timestamps_token_id": tokens[NO_TIMES],
        "is_multilingual": bool(many),
        **many,
    }


def _numbers(said: dict[str, Any], name: str, below: int) -> list[int]:
    found = said.get(name) or []
    if not isinstance(found, list) or not all(isinstance(item, int) and item < below for item in found):
        raise LissomError(f"config.json: {name} is no list of tokens below {below}")
    return [item for item in found if item >= 0]


def _state(file: ModelFile) -> Arrays:
    """The weights by transformers' names."""
    for number in (1, 2):
        yield f"model.encoder.conv{number}.weight", file.weight(f"encoder/conv{number}/weight")
        yield f"model.encoder.conv{number}.bias", file.weight(f"encoder/conv{number}/bias")
    yield "model.decoder.embed_tokens.weight", file.weight("decoder/embeddings/weight")
    yield "proj_out.weight", file.weight("decoder/projection/weight")
    for part in ("encoder", "decoder"):
        yield f"model.{part}.embed_positions.weight", file.weight(f"{part}/position_encodings/encodings")
        yield from _norm(file, f"{part}/layer_norm", f"model.{part}.layer_norm")
        for number in range(_layers(file, part)):
            yield from _layer(file, f"{part}/layer_{number}", f"model.{part}.layers.{number}")


def _layer(file: ModelFile, theirs: str, ours: str) -> Arrays:
    stacked, out = f"{theirs}/self_attention/linear_0", f"{theirs}/self_attention/linear_1"
    yield from _projections(file, stacked, f"{ours}.self_attn", ("q_proj", "k_proj", "v_proj"))
    yield from _linear(file, out, f"{ours}.self_attn.out_proj")
    yield from _norm(file, f"{theirs}/self_attention/layer_norm", f"{ours}.self_attn_layer_norm")
    if f"{theirs}/attention/linear_0/weight" in file.variables:
        yield from _projections(file, f"{theirs}/attention/linear_0", f"{ours}.encoder_attn", ("q_proj",))
        yield from _projections(file, f"{theirs}/attention/linear_1", f"{ours}.encoder_attn", ("k_proj", "v_proj"))
        yield from _linear(file, f"{theirs}/attention/linear_2", f"{ours}.encoder_attn.out_proj")
        yield from _norm(file, f"{theirs}/attention/layer_norm", f"{ours}.encoder_attn_layer_norm")
    yield from _linear(file, f"{theirs}/ffn/linear_0", f"{ours}.fc1")
    yield from _linear(file, f"{theirs}/ffn/linear_1", f"{ours}.fc2")
    yield from _norm(file, f"{theirs}/ffn/layer_norm", f"{ours}.final_layer_norm")


def _linear(file: ModelFile, theirs: str, ours: str) -> Arrays:
    yield f"{ours}.weight", file.weight(f"{theirs}/weight")
    yield f"{ours}.bias", file.weight(f"{theirs}/bias")


def _norm(file: ModelFile, theirs: str, ours: str) -> Arrays:
    yield f"{ours}.weight", file.weight(f"{theirs}/gamma")
    yield f"{ours}.bias", file.weight(f"{theirs}/beta")


def _projections(file: ModelFile, theirs: str, ours: str, names: tuple[str, ...]) -> Arrays:
    weight, bias = file.weight(f"{theirs}/weight"), file.weight(f"{theirs}/bias")
    if len(weight) % len(names) or len(bias) != len(weight):
        raise LissomError(f"{theirs} of {weight.shape} cannot hold {', '.join(names)}")
    parts = zip(names, np.split(weight, len(names)), np.split(bias, len(names)), strict=True)
    for name, rows, offset in parts:
        yield f"{ours}.{name}.weight", rows
        if name != "k_proj":  # a constant added to all scores of a query changes nothing
            yield f"{ours}.{name}.bias", offset
