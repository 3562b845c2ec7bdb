"""Classifiers of texts of many families of transformers: each answers in a workload what it answers in transformers."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

pytest.importorskip("transformers")

import transformers
from tokenizers import Tokenizer, processors

import lissom
from lissom.core.errors import LissomError
from lissom.graph import capture, couple, prune, verify
from lissom.layers.text_model import TextModel
from lissom.tasks.text.handling import Encoder, Encoding
from lissom.testing.tiny_texts import draw_texts, tokenizer_text
from lissom.workload.workload import Workload

WORDS = 35
SIZES: dict[str, Any] = {
    "vocab_size": WORDS,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 24,
    "initializer_range": 0.4,
    "num_labels": 3,
    "pad_token_id": 0,
}
TEXTS = [text for (text,) in draw_texts(60, 5)[0]]
DRAWN = {"train": TEXTS[:40], "select": TEXTS[40:50], "test": TEXTS[50:]}


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def xlnet() -> Any:
    sizes: dict[str, Any] = {"d_model": 16, "n_layer": 2, "n_head": 2, "d_inner": 24, "initializer_range": 0.4}
    return transformers.XLNetForSequenceClassification(
        transformers.XLNetConfig(vocab_size=WORDS, num_labels=3, pad_token_id=0, **sizes)
    )


def mpnet() -> Any:
    return transformers.MPNetForSequenceClassification(
        transformers.MPNetConfig(max_position_embeddings=14, **{**SIZES, "pad_token_id": 1})
    )


def t5() -> Any:
    sizes: dict[str, Any] = {"d_model": 16, "d_kv": 8, "d_ff": 24, "num_layers": 2, "num_heads": 2}
    ends: dict[str, Any] = {"pad_token_id": 0, "eos_token_id": 3, "decoder_start_token_id": 0}
    return transformers.T5ForSequenceClassification(
        transformers.T5Config(vocab_size=WORDS, num_labels=3, initializer_factor=2.0, **ends, **sizes)
    )


def bart() -> Any:
    sizes: dict[str, Any] = {"d_model": 16, "encoder_layers": 2, "decoder_layers": 2, "init_std": 0.4}
    heads: dict[str, Any] = {"encoder_attention_heads": 2, "decoder_attention_heads": 2}
    inner: dict[str, Any] = {"encoder_ffn_dim": 24, "decoder_ffn_dim": 24, "max_position_embeddings": 24}
    ends: dict[str, Any] = {"pad_token_id": 0, "eos_token_id": 3, "bos_token_id": 2, "decoder_start_token_id": 3}
    return transformers.BartForSequenceClassification(
        transformers.BartConfig(vocab_size=WORDS, num_labels=3, **ends, **sizes, **heads, **inner)
    )


def gpt2(**more: Any) -> Any:
    sizes: dict[str, Any] = {"n_embd": 16, "n_layer": 2, "n_head": 2, "n_positions": 24, "initializer_range": 0.4}
    ends: dict[str, Any] = {"pad_token_id": 0, "bos_token_id": 2, "eos_token_id": 3, **more}
    return transformers.GPT2ForSequenceClassification(
        transformers.GPT2Config(vocab_size=WORDS, num_labels=3, **ends, **sizes)
    )


FAMILIES = {"xlnet": xlnet, "mpnet": mpnet, "t5": t5, "bart": bart, "gpt2": gpt2}


def model_of(name: str) -> Any:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        module = FAMILIES[name]()
        with torch.no_grad():
            for parameter in module.parameters():
                if parameter.dim() == 1:
                    parameter.add_(0.1 * torch.randn_like(parameter))
    return module.eval()


def written(folder: Path, module: Any, told: dict[str, Any] | None = None, tokenizer: str = "") -> Path:
    """A model with a tokenizer, and what is said of that beside it."""
    module.save_pretrained(folder)
    (folder / "tokenizer.json").write_text(tokenizer or padded_with(module.config.pad_token_id), encoding="utf-8")
    if told is not None:
        (folder / "tokenizer_config.json").write_text(json.dumps(told), encoding="utf-8")
    return folder


def padded_with(pad: int) -> str:
    """The tokenizer of the tests, with its padding token at a place."""
    made: Any = json.loads(tokenizer_text())
    order = {0: {}, 1: {"[PAD]": 1, "[UNK]": 0}}[pad]
    made["model"]["vocab"].update(order)
    for token in made["added_tokens"]:
        token["id"] = order.get(token["content"], token["id"])
    return json.dumps(made)


def loaded(folder: Path, data: Any = DRAWN, **options: Any) -> Workload:
    return lissom.load(f"hf:{folder}", data=data, task="text", **options)


def encoder_of(workload: Workload) -> Encoder:
    tokenizer = workload.files["tokenizer.json"].decode("utf-8")
    return Encoder(tokenizer, Encoding.from_json(workload.handling["encoding"]))


@torch.no_grad()
def answered(module: Any, inputs: Any) -> torch.Tensor:
    return module(*map(torch.from_numpy, inputs))


@pytest.mark.parametrize("name", list(FAMILIES))
def test_a_text_is_answered_alone_and_in_a_batch_as_in_transformers(name: str, tmp_path: Path) -> None:
    module = model_of(name)
    workload = loaded(written(tmp_path / name, module))
    assert not [note for note in workload.notes if "padding" in note]
    encode, texts = encoder_of(workload), [(text,) for text in TEXTS[:12]]
    alone = torch.cat([answered(workload.module, encode([text])) for text in texts])
    with torch.no_grad():
        theirs = torch.cat([module(torch.from_numpy(encode([text])[0])).logits for text in texts])
    torch.testing.assert_close(alone, theirs, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(answered(workload.module, encode(texts)), alone, rtol=1e-3, atol=1e-4)
    even = workload.splits.train.even().take(range(12)).inputs
    with torch.no_grad():
        torch.testing.assert_close(workload.module(*even), alone, rtol=1e-3, atol=1e-4)
    assert workload.handling["encoding"]["left"] is (name == "xlnet"), "it alone looks at the last place"


@pytest.mark.parametrize("name", ["t5", "bart"])
def test_an_encoder_decoder_that_judges_texts_is_captured_and_cut(name: str, tmp_path: Path) -> None:
    workload = loaded(written(tmp_path / name, model_of(name)))
    coupling = couple(capture(workload.module, workload.example))
    cut = coupling.cut({g.index: range(g.units // 2) for g in coupling.groups if g.kind != "head size"})
    half = prune(workload.module, cut, coupling=coupling)
    assert half.own_class and isinstance(half.module, TextModel)
    assert verify(workload.module, half.module, cut, workload.example).ok
    encode, texts = encoder_of(workload), [(text,) for text in TEXTS[:6]]
    alone = torch.cat([answered(half.module, encode([text])) for text in texts])
    torch.testing.assert_close(answered(half.module, encode(texts)), alone, rtol=1e-3, atol=1e-4)


def test_as_many_tokens_as_a_model_has_places_for(tmp_path: Path) -> None:
    long = {part: [" ".join([text] * 9) for text in texts] for part, texts in DRAWN.items()}
    mpnet_like = loaded(written(tmp_path / "mpnet", model_of("mpnet")), long)
    assert mpnet_like.example[0].shape == (1, 12), "its places count from behind the padding token's number"
    boundless = loaded(written(tmp_path / "xlnet", model_of("xlnet")), long, length=200)
    assert boundless.example[0].shape == (1, 200), "minus one place is no limit"


def test_token_types_are_told_as_transformers_tells_them(tmp_path: Path) -> None:
    pairs = tmp_path / "pairs.jsonl"
    pairs.write_text(
        "\n".join(json.dumps({"premise": text, "hypothesis": "a film"}) for text in TEXTS), encoding="utf-8"
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        bert = transformers.BertForSequenceClassification(transformers.BertConfig(max_position_embeddings=24, **SIZES))
    for number, (told, types) in enumerate(
        [
            (None, True),
            ({"tokenizer_class": "BertTokenizer"}, True),
            ({"tokenizer_class": "AlbertTokenizer"}, False),
            ({"tokenizer_class": "BertTokenizer", "model_input_names": ["input_ids"]}, False),
            ({"tokenizer_class": "AlbertTokenizer", "model_input_names": ["input_ids", "token_type_ids"]}, True),
            ({"tokenizer_class": "OfNoLibrary"}, True),
        ]
    ):
        workload = loaded(written(tmp_path / str(number), bert, told), str(pairs))
        assert len(workload.example) == 1 + types, told


def test_types_of_a_single_text_are_told_where_a_token_has_one(tmp_path: Path) -> None:
    made = Tokenizer.from_str(tokenizer_text())
    made.post_processor = processors.TemplateProcessing(
        single="$A:0 [SEP]:0 [CLS]:2", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    told = {"tokenizer_class": "XLNetTokenizer", "model_input_names": ["input_ids", "token_type_ids", "attention_mask"]}
    module = model_of("xlnet")
    workload = loaded(written(tmp_path / "xlnet", module, told, made.to_str()))
    tokens, types = encoder_of(workload)([(TEXTS[0],)])
    assert types[0].tolist() == [0] * (types.shape[1] - 1) + [2]
    with torch.no_grad():
        theirs = module(torch.from_numpy(tokens), token_type_ids=torch.from_numpy(types)).logits
    torch.testing.assert_close(answered(workload.module, (tokens, types)), theirs)


def test_without_a_padding_token_both_places_for_one_are_named(tmp_path: Path) -> None:
    module = gpt2(pad_token_id=None)
    without_pad = tokenizer_text().replace("[PAD]", "[NONE]")
    with pytest.raises(LissomError, match="no padding token, and the model's configuration names none") as caught:
        loaded(written(tmp_path / "gpt2", module, tokenizer=without_pad))
    assert "[PAD]" in caught.value.hints[0] and "pad_token_id" in caught.value.hints[1]


def test_that_padding_changes_an_answer_is_told(tmp_path: Path) -> None:
    class Mean(torch.nn.Module):
        """Reads padding as any other word."""

        def __init__(self) -> None:
            super().__init__()
            self.words, self.classes = torch.nn.Embedding(WORDS, 8), torch.nn.Linear(8, 2)

        def forward(self, tokens: torch.Tensor) -> torch.Tensor:
            return self.classes(self.words(tokens).mean(1))

    (tmp_path / "tokenizer.json").write_text(tokenizer_text(), encoding="utf-8")
    workload = lissom.load(Mean(), data=DRAWN, task="text", tokenizer=tmp_path / "tokenizer.json")
    assert "padding changes what the model answers to a text: it is not told where texts end" in workload.notes


def test_a_model_that_takes_no_short_text_is_refused_with_the_length(tmp_path: Path) -> None:
    class Wide(torch.nn.Module):
        """Reads many words at a time, and pads nothing."""

        def __init__(self) -> None:
            super().__init__()
            self.words, self.reads = torch.nn.Embedding(WORDS, 8), torch.nn.Conv1d(8, 2, 60)

        def forward(self, tokens: torch.Tensor) -> torch.Tensor:
            return self.reads(self.words(tokens).transpose(1, 2)).mean(2)

    (tmp_path / "tokenizer.json").write_text(tokenizer_text(), encoding="utf-8")
    with pytest.raises(LissomError, match=r"Wide cannot be run on \d+ tokens: ") as refused:
        lissom.load(Wide(), data=DRAWN, task="text", length=64, tokenizer=tmp_path / "tokenizer.json")
    assert "of any length" in refused.value.hints[0]
