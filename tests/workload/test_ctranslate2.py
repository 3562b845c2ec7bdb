"""Whisper models of CTranslate2: the file that the test writes comes back as transformers' model, or is refused."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch

pytest.importorskip("transformers")

from lissom.core.errors import LissomError
from lissom.tasks.rules import rules_of
from lissom.testing.tiny_recognition import ctranslate2_bytes, tiny_whisper, write_ctranslate2
from lissom.workload import ctranslate2_whisper
from lissom.workload.ctranslate2_file import read_ctranslate2
from lissom.workload.ctranslate2_whisper import from_ctranslate2
from lissom.workload.models import load_model

FOUND = "LISSOM_WHISPER"  # the folder of a real model


@pytest.mark.parametrize(("number_format", "far"), [("f4", 0.0), ("f2", 2e-3), ("i2", 2e-3), ("i1", 2e-2)])
def test_a_model_comes_back_from_every_number_format(tmp_path: Path, number_format: str, far: float) -> None:
    module = tiny_whisper(layers=2)
    write_ctranslate2(tmp_path, module, number_format)
    again = from_ctranslate2(tmp_path)
    wanted, found = module.state_dict(), again.state_dict()
    assert list(wanted) == list(found)
    for name, value in wanted.items():
        assert float((found[name] - value).abs().max()) <= far * max(1.0, float(value.abs().max())), name
    assert again.proj_out.weight is again.model.decoder.embed_tokens.weight
    config, said = again.config, again.generation_config
    assert (config.d_model, config.decoder_layers, config.max_target_positions) == (16, 2, 24)
    assert said.begin_suppress_tokens == [7, 59] and rules_of(again) == rules_of(module)


def test_its_languages_are_those_that_it_tells_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_ctranslate2(tmp_path, tiny_whisper())
    config, tokenizer = (json.loads((tmp_path / name).read_text()) for name in ("config.json", "tokenizer.json"))
    (tmp_path / "config.json").write_text(json.dumps({**config, "lang_ids": [50, 51]}))
    for name, number in (("<|en|>", 50), ("<|de|>", 51), ("<|translate|>", 52), ("<|transcribe|>", 53)):
        tokenizer["added_tokens"].append({"content": name, "id": number, "special": True})
    (tmp_path / "tokenizer.json").write_text(json.dumps(tokenizer))
    assert rules_of(from_ctranslate2(tmp_path)).prompt == (57, 58), "English alone has such tokens, too"
    monkeypatch.setattr(ctranslate2_whisper, "MOST_OF_ENGLISH", 59)
    module = from_ctranslate2(tmp_path)
    assert rules_of(module, "de").prompt == (57, 51, 53, 58) and rules_of(module, "en").prompt == (57, 50, 53, 58)
    with pytest.raises(LissomError, match="not told which it hears"):
        rules_of(module)


def test_the_command_line_names_it_and_it_answers_as_before(tmp_path: Path) -> None:
    module = tiny_whisper()
    write_ctranslate2(tmp_path / "small", module)
    loaded = load_model(f"ct2:{tmp_path / 'small'}")
    frames, tokens = torch.randn(2, 8, 40), torch.tensor([[57, 58], [57, 5]])
    with torch.no_grad():
        ours = loaded.module(input_features=frames, decoder_input_ids=tokens).logits
        theirs = module(input_features=frames, decoder_input_ids=tokens).logits
    torch.testing.assert_close(ours, theirs)  # without the key's bias, which says nothing
    assert loaded.name == "small" and loaded.handling == {"folder": str(tmp_path / "small")}


def test_every_cut_is_refused(tmp_path: Path) -> None:
    """Whatever the length of what is there: never more is read than there is."""
    whole = ctranslate2_bytes({"a": np.arange(6, dtype="<f4").reshape(2, 3), "b": np.asarray(7, "<i2")})
    path = tmp_path / "model.bin"
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(LissomError, match="no model file"):
            read_ctranslate2(path)
    path.write_bytes(whole)
    assert read_ctranslate2(path).variables["a"].tolist() == [[0, 1, 2], [3, 4, 5]]


@pytest.mark.parametrize(
    ("place", "value", "said"),
    [
        (0, 99, "version 99"),
        (22, 255, "ends"),
        (26, 40, "no text"),
        (30, 40, "40 dimensions"),
        (31, 3, "24 bytes"),
        (39, 40, "unknown type 40"),
        (40, 255, "ends"),
    ],
)
def test_false_lengths_are_refused(tmp_path: Path, place: int, value: int, said: str) -> None:
    whole = bytearray(ctranslate2_bytes({"a": np.arange(6, dtype="<f4").reshape(2, 3)}))
    whole[place] = value
    (tmp_path / "model.bin").write_bytes(whole)
    with pytest.raises(LissomError, match=said):
        read_ctranslate2(tmp_path / "model.bin")


def test_what_does_not_fit_is_said(tmp_path: Path) -> None:
    with pytest.raises(LissomError, match=r"no model\.bin"):
        from_ctranslate2(tmp_path)
    write_ctranslate2(tmp_path, tiny_whisper())
    (tmp_path / "tokenizer.json").write_text('{"added_tokens": []}')
    with pytest.raises(LissomError, match=r"no token <\|startoftranscript"):
        from_ctranslate2(tmp_path)
    (tmp_path / "tokenizer.json").write_text("{")
    with pytest.raises(LissomError, match="damaged"):
        from_ctranslate2(tmp_path)
    (tmp_path / "model.bin").write_bytes(ctranslate2_bytes({}, kind="TransformerSpec"))
    with pytest.raises(LissomError, match="holds a TransformerSpec"):
        from_ctranslate2(tmp_path)


@pytest.mark.skipif(FOUND not in os.environ, reason=f"{FOUND} names no folder of a Whisper model of CTranslate2")
def test_a_real_model_is_read() -> None:
    module = from_ctranslate2(Path(os.environ[FOUND]))
    assert sum(value.numel() for value in module.parameters()) > 30_000_000
    assert module.config.max_source_positions == 1500
