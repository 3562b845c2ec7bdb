"""A tiny Whisper with random weights, and the same as a folder of CTranslate2, for tests."""

import atexit
import json
import shutil
import struct
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

WORDS = 60
START, NO_TIMES, END = 57, 58, 59
_TYPES = {"f4": 0, "i1": 1, "i2": 2, "i4": 3, "f2": 4}


def tiny_whisper(seed: int = 0, *, layers: int = 1, positions: int = 20) -> Any:
    """A ``WhisperForConditionalGeneration`` of 8 mel bands that says something at random about each input.

    Args:
        seed: of its weights.
        layers: of the encoder, and of the decoder.
        positions: of the encoder; it hears twice as many frames.
    """
    from transformers import GenerationConfig, WhisperConfig, WhisperForConditionalGeneration

    torch.manual_seed(seed)
    sizes: dict[str, Any] = {"encoder_layers": layers, "decoder_layers": layers, "d_model": 16, "num_mel_bins": 8}
    heads: dict[str, Any] = {"encoder_attention_heads": 2, "decoder_attention_heads": 2, "init_std": 0.8}
    ends: dict[str, Any] = {
        "pad_token_id": END,
        "bos_token_id": END,
        "eos_token_id": END,
        "decoder_start_token_id": START,
    }
    config = WhisperConfig(
        vocab_size=WORDS,
        encoder_ffn_dim=24,
        decoder_ffn_dim=24,
        max_source_positions=positions,
        max_target_positions=24,
        **sizes,
        **heads,
        **ends,
    )
    module = WhisperForConditionalGeneration(config).eval()
    for name, value in module.named_parameters():  # biases and norms of a fresh model are all alike
        if value.ndim == 1:
            value.data += 0.3 * torch.randn_like(value)
        elif "embed_tokens" in name:
            value.data[END] = 2.5 * torch.randn_like(value[END])  # an end that comes now and then
    module.generation_config = GenerationConfig(
        **ends,
        max_length=24,
        suppress_tokens=[3, 4, START],
        begin_suppress_tokens=[7, END],
        forced_decoder_ids=[[1, NO_TIMES]],
        no_timestamps_token_id=NO_TIMES,
        is_multilingual=False,
    )
    return module


@cache
def exported_whisper() -> tuple[Any, Path]:
    """A tiny Whisper of two layers that hears 200 frames, and the main file of its pair; made once in a process."""
    from lissom.export.sequence_pair import export_pair

    module, folder = tiny_whisper(4, layers=2, positions=100), Path(tempfile.mkdtemp(prefix="lissom-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    export_pair(module, folder / "whisper.onnx", END)
    return module, folder / "whisper.onnx"


def write_tokenizer(folder: Path) -> None:
    """A ``tokenizer.json`` of one letter or two for each token."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    words = {f" {letters([number])}": number for number in range(START)}
    made = Tokenizer(models.WordLevel(words, unk_token=" a0"))
    made.add_special_tokens(["<|startoftranscript|>", "<|notimestamps|>", "<|endoftext|>"])
    made.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_next")
    made.decoder = decoders.Fuse()
    made.save(str(folder / "tokenizer.json"))


def write_ctranslate2(folder: Path, module: Any, number_format: str = "f4") -> None:
    """Write a Whisper as CTranslate2's converter does, its matrices as ``f4``, ``f2``, ``i2`` or ``i1``."""
    folder.mkdir(parents=True, exist_ok=True)
    variables: dict[str, npt.NDArray[Any]] = {}
    for name, value in ctranslate2_variables(module).items():
        if value.ndim == 2 and value.dtype.kind == "f" and "encodings" not in name and number_format[0] == "i":
            most = np.abs(value).max(axis=1) if number_format == "i1" else np.abs(value).max()
            scale = np.asarray((127 if number_format == "i1" else 1000) / np.maximum(most, 1e-9), dtype="<f4")
            variables[f"{name}_scale"] = scale
            value = np.rint(value * scale.reshape(-1, 1)).astype(f"<{number_format}")
        elif value.dtype.kind == "f" and number_format == "f2":
            value = value.astype("<f2")
        variables[name] = value
    (folder / "model.bin").write_bytes(ctranslate2_bytes(variables))
    said = module.generation_config
    config = {"suppress_ids": said.suppress_tokens, "suppress_ids_begin": said.begin_suppress_tokens}
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    write_tokenizer(folder)


def ctranslate2_bytes(variables: Mapping[str, npt.NDArray[Any]], kind: str = "WhisperSpec", version: int = 6) -> bytes:
    """The file of some variables, the output layer an alias of the embedding."""
    parts = [struct.pack("<I", version), _text(kind), struct.pack("<II", 3, len(variables))]
    for name, value in variables.items():
        parts += [_text(name), struct.pack(f"<B{value.ndim}I", value.ndim, *value.shape)]
        parts += [struct.pack("<BI", _TYPES[value.dtype.str[1:]], value.nbytes), value.tobytes()]
    aliases = {"decoder/projection/weight": "decoder/embeddings/weight"} if "decoder/num_heads" in variables else {}
    parts += [struct.pack("<I", len(aliases))]
    return b"".join(parts + [_text(word) for pair in aliases.items() for word in pair])


def _text(word: str) -> bytes:
    raw = word.encode() + b"\0"
    return struct.pack("<H", len(raw)) + raw


def ctranslate2_variables(module: Any) -> dict[str, npt.NDArray[Any]]:
    """The weights of a Whisper by CTranslate2's names; queries, keys and values are stacked."""
    state = {name: value.detach().numpy() for name, value in module.model.state_dict().items()}
    found: dict[str, npt.NDArray[Any]] = {}

    def linear(theirs: str, *ours: str) -> None:
        weights = [state[f"{name}.weight"] for name in ours]
        biases = [state.get(f"{name}.bias", np.zeros(len(weights[0]), "<f4")) for name in ours]
        found[f"{theirs}/weight"], found[f"{theirs}/bias"] = np.concatenate(weights), np.concatenate(biases)

    def norm(theirs: str, ours: str) -> None:
        found[f"{theirs}/gamma"], found[f"{theirs}/beta"] = state[f"{ours}.weight"], state[f"{ours}.bias"]

    for number in (1, 2):
        linear(f"encoder/conv{number}", f"encoder.conv{number}")
    found["decoder/embeddings/weight"] = state["decoder.embed_tokens.weight"]
    for part in ("encoder", "decoder"):
        found[f"{part}/num_heads"] = np.asarray(module.config.encoder_attention_heads, "<i2")
        found[f"{part}/position_encodings/encodings"] = state[f"{part}.embed_positions.weight"]
        norm(f"{part}/layer_norm", f"{part}.layer_norm")
        for number in range(module.config.encoder_layers):
            theirs, ours = f"{part}/layer_{number}", f"{part}.layers.{number}"
            own = f"{ours}.self_attn"
            linear(f"{theirs}/self_attention/linear_0", f"{own}.q_proj", f"{own}.k_proj", f"{own}.v_proj")
            linear(f"{theirs}/self_attention/linear_1", f"{own}.out_proj")
            norm(f"{theirs}/self_attention/layer_norm", f"{ours}.self_attn_layer_norm")
            if part == "decoder":
                other = f"{ours}.encoder_attn"
                linear(f"{theirs}/attention/linear_0", f"{other}.q_proj")
                linear(f"{theirs}/attention/linear_1", f"{other}.k_proj", f"{other}.v_proj")
                linear(f"{theirs}/attention/linear_2", f"{other}.out_proj")
                norm(f"{theirs}/attention/layer_norm", f"{ours}.encoder_attn_layer_norm")
            linear(f"{theirs}/ffn/linear_0", f"{ours}.fc1")
            linear(f"{theirs}/ffn/linear_1", f"{ours}.fc2")
            norm(f"{theirs}/ffn/layer_norm", f"{ours}.final_layer_norm")
    return found


def tiny_recognition_workload(seed: int = 4) -> Any:
    """A tiny Whisper on tones, which are to be heard as another Whisper hears them."""
    from lissom.layers.sequence_model import SequenceModel
    from lissom.layers.sequence_runner import ModuleRunner
    from lissom.tasks.generating import said, spoken
    from lissom.tasks.recognition.log_mel import LogMel
    from lissom.tasks.recognition.measure import Transcripts
    from lissom.tasks.recognition.split import RecordingSplit
    from lissom.tasks.rules import rules_of
    from lissom.tasks.text_out import TextOut
    from lissom.workload.workload import Splits, Workload

    with torch.random.fork_rng(devices=[]):
        module, other = tiny_whisper(seed), tiny_whisper(seed + 1)
    rules, features = rules_of(module), LogMel(bands=8, seconds=0.4)
    handling: dict[str, Any] = {"features": features.to_json(), "rules": rules.to_json()}

    def split(count: int, first: int) -> RecordingSplit:
        sounds = [np.rint(tones(first + row, 0.3) * 32767).astype(np.int16) for row in range(count)]
        made = RecordingSplit(sounds, [str(row) for row in range(count)], None, [[]] * count, features, rules)
        runner = ModuleRunner(SequenceModel(other, END))
        answers = spoken(said(runner, [tensor.numpy() for tensor in made.take(range(count)).inputs], handling))
        return replace(made, texts=[letters(answer) for answer in answers], answers=answers)

    splits = Splits(split(16, 0), split(6, 16), split(16, 22))
    task = TextOut("recognition", letters, Transcripts(), "recordings")
    return Workload(
        "tiny whisper", SequenceModel(module, END), splits.train.take([0]).inputs, task, splits, handling=handling
    )


def letters(tokens: Sequence[int]) -> str:
    """What :func:`write_tokenizer` makes of some tokens."""
    known = "abcdefghijklmnopqrstuvwxyz"
    return " ".join(f"{known[token % 26]}{token}" for token in tokens if token < START)


def write_recordings(folder: Path, module: Any, count: int, *, seed: int = 0) -> Path:
    """A manifest of recordings of tones, and what a model says of each as their texts.

    Args:
        folder: is made.
        module: of :func:`tiny_whisper`; its tokenizer is that of :func:`write_tokenizer`.
        count: of recordings, of which every fifth is for ``select`` and every fifth for ``test``.
        seed: of the tones.
    """
    import soundfile

    from lissom.layers.sequence_model import SequenceModel
    from lissom.layers.sequence_runner import ModuleRunner
    from lissom.tasks.generating import said, spoken
    from lissom.tasks.recognition.log_mel import LogMel
    from lissom.tasks.rules import rules_of

    folder.mkdir(parents=True, exist_ok=True)
    features = LogMel(bands=8, seconds=2 * module.config.max_source_positions / 100)
    runner, told = ModuleRunner(SequenceModel(module, END)), {"rules": rules_of(module).to_json()}
    lines: list[str] = []
    for number in range(count):
        sound = tones(seed + number, 0.8 * features.seconds)
        heard = np.rint(sound * 32767).astype(np.float32) / np.float32(32767)
        tokens = spoken(said(runner, [features(heard)[None], np.zeros((1, 1), np.int64)], told))[0]
        soundfile.write(folder / f"{number}.wav", sound, 16000)
        text = letters(tokens)
        part = {3: "select", 4: "test"}.get(number % 5, "train")
        lines.append(json.dumps({"audio": f"{number}.wav", "text": text, "split": part}))
    (folder / "manifest.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder / "manifest.jsonl"


def tones(seed: int, seconds: float) -> npt.NDArray[np.float32]:
    """Four tones with some noise, ``(samples,)`` at 16 kHz."""
    draw, time = np.random.default_rng(seed), np.arange(round(16000 * seconds)) / 16000
    found = sum(0.1 * np.sin(2 * np.pi * frequency * time) for frequency in draw.uniform(100, 4000, 4))
    return (found + draw.normal(0, 0.01, len(time))).astype(np.float32)


def write_speller(folder: Path, seed: int = 0) -> Any:
    """Write a tiny Wav2Vec2 with random weights as transformers does, and give it."""
    from transformers import Wav2Vec2Config, Wav2Vec2ForCTC

    known = ["<pad>", "<s>", "</s>", "<unk>", "|", *"ABCDEFGHIJKLMNOPQRSTUVWXYZ'"]
    sizes: dict[str, Any] = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
    convolution: dict[str, Any] = {"conv_dim": (8, 8), "conv_stride": (10, 32), "conv_kernel": (10, 32)}
    config = Wav2Vec2Config(
        vocab_size=len(known),
        intermediate_size=24,
        num_conv_pos_embeddings=4,
        num_conv_pos_embedding_groups=2,
        initializer_range=0.8,
        pad_token_id=0,
        **sizes,
        **convolution,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        module = Wav2Vec2ForCTC(config).eval()
    module.save_pretrained(folder)
    (folder / "vocab.json").write_text(json.dumps({word: place for place, word in enumerate(known)}), encoding="utf-8")
    (folder / "preprocessor_config.json").write_text('{"sampling_rate": 16000, "do_normalize": true}', encoding="utf-8")
    return module
