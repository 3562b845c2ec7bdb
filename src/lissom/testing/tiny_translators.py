"""Tiny translators of several families with random weights, and their tokenizer, for tests.

They say something else to each sentence, and nothing that makes sense.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from lissom.testing.tiny_translation import ENGLISH, GERMAN

BEGIN, PAD, END, UNKNOWN, READ, WRITTEN = range(6)
SPECIAL = ("<s>", "<pad>", "</s>", "<unk>", "en_XX", "de_DE")
WORDS = len(SPECIAL) + len(ENGLISH) + len(GERMAN)
_SIZES: dict[str, Any] = {
    "d_model": 16,
    "encoder_layers": 2,
    "decoder_layers": 2,
    "encoder_attention_heads": 4,
    "decoder_attention_heads": 4,
    "encoder_ffn_dim": 24,
    "decoder_ffn_dim": 24,
    "max_position_embeddings": 24,
    "init_std": 0.6,
}


def framed_tokenizer(before: Sequence[str] = (), behind: Sequence[str] = ("</s>",)) -> str:
    """A ``tokenizer.json`` of whole words of both languages that puts tokens around each text, as it is saved by
    tokenizers of transformers."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    numbers = {word: number for number, word in enumerate((*SPECIAL, *ENGLISH, *GERMAN))}
    made = Tokenizer(models.WordLevel(numbers, unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    made.add_special_tokens(list(SPECIAL))
    if before or behind:
        around = [(token, numbers[token]) for token in dict.fromkeys((*before, *behind))]
        made.post_processor = processors.TemplateProcessing(
            single=" ".join((*before, "$A", *behind)), special_tokens=around
        )
    return made.to_str()


def tiny_translator(kind: str, seed: int = 0, **said: Any) -> Any:
    """A model of transformers with noise in all that begins as a constant; the global random state stays.

    Args:
        kind: ``"bart"``, ``"mbart"``, ``"m2m100"`` or ``"t5"``.
        seed: of its weights.
        said: of the generation configuration.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        module = _BUILDERS[kind]()
        with torch.no_grad():
            for parameter in module.parameters():
                if parameter.dim() == 1:
                    parameter.add_(0.1 * torch.randn_like(parameter))
            for name, buffer in module.named_buffers():
                if name == "final_logits_bias":
                    buffer.normal_()
    module.generation_config.update(max_length=12, **said)
    return module.eval()


def _bart() -> Any:
    from transformers import BartConfig, BartForConditionalGeneration

    return BartForConditionalGeneration(BartConfig(vocab_size=WORDS, forced_eos_token_id=END, **_SIZES))


def _mbart() -> Any:
    from transformers import MBartConfig, MBartForConditionalGeneration

    return MBartForConditionalGeneration(MBartConfig(vocab_size=WORDS, decoder_start_token_id=END, **_SIZES))


def _m2m100() -> Any:
    from transformers import M2M100Config, M2M100ForConditionalGeneration

    drops: dict[str, Any] = {"encoder_layerdrop": 0.0, "decoder_layerdrop": 0.0}
    config = M2M100Config(vocab_size=WORDS, decoder_start_token_id=END, **drops, **_SIZES)
    return M2M100ForConditionalGeneration(config)


def _t5() -> Any:
    from transformers import T5Config, T5ForConditionalGeneration

    sizes: dict[str, Any] = {"d_model": 16, "d_kv": 4, "d_ff": 24, "num_layers": 2, "num_heads": 4}
    ends: dict[str, Any] = {"pad_token_id": PAD, "eos_token_id": END, "decoder_start_token_id": PAD}
    module = T5ForConditionalGeneration(T5Config(vocab_size=WORDS, initializer_factor=3.0, **ends, **sizes))
    with torch.no_grad():  # positions count for as much as words
        for name, parameter in module.named_parameters():
            if "relative_attention_bias" in name:
                parameter.normal_()
    return module


_BUILDERS = {"bart": _bart, "mbart": _mbart, "m2m100": _m2m100, "t5": _t5}


def write_translator(folder: Path, module: Any, tokenizer: str) -> Path:
    """A model as ``save_pretrained`` writes it, with its tokenizer."""
    folder.mkdir(parents=True, exist_ok=True)
    module.save_pretrained(folder)
    (folder / "tokenizer.json").write_text(tokenizer, encoding="utf-8")
    return folder


def write_said(path: Path, module: Any, sentences: Sequence[str], tokenizer: str) -> Path:
    """A JSON lines file of sentences, and what transformers says to each with a model."""
    from tokenizers import Tokenizer

    words, rows = Tokenizer.from_str(tokenizer), list[str]()
    for sentence in sentences:
        numbers = torch.tensor([words.encode(sentence).ids])
        with torch.no_grad():
            said = module.generate(numbers, attention_mask=torch.ones_like(numbers), num_beams=1, do_sample=False)
        rows.append(json.dumps({"source": sentence, "target": words.decode(said[0].tolist()) or "eins"}))
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path
