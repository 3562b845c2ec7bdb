"""An embedding in two parts: exact at full information, best for the tokens that occur, refused where it cannot be."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

pytest.importorskip("transformers")

from lissom.core.errors import LissomError
from lissom.steps.factorization.embedding import FactoriseEmbedding
from lissom.tasks.text.split import TextSplit
from lissom.testing import tiny_context, tiny_workload
from lissom.testing.tiny_texts import tiny_text_workload, trained_bert
from lissom.workload.storage import load_model, save_model
from lissom.workload.workload import Workload

NAME = "model.bert.embeddings.word_embeddings"


def factorised(workload: Workload, rank: int, folder: Path) -> Workload:
    return FactoriseEmbedding(rank).apply(workload, tiny_context(folder, workload))


def table(workload: Workload) -> torch.Tensor:
    layer = workload.module.get_submodule(NAME)
    with torch.no_grad():
        return layer(torch.arange(35))


@torch.no_grad()
def test_a_table_of_that_rank_stays_what_it_is(tmp_path: Path) -> None:
    module = trained_bert()
    layer = module.get_submodule(NAME)
    assert isinstance(layer, nn.Embedding)
    layer.weight.copy_(torch.randn(35, 5) @ torch.randn(5, 32))
    workload = tiny_text_workload(module)
    found = factorised(workload, 5, tmp_path)
    torch.testing.assert_close(table(found), table(workload), atol=1e-4, rtol=1e-4)
    tokens = workload.splits.test.take(range(8)).inputs
    torch.testing.assert_close(found.module.eval()(*tokens), module.eval()(*tokens), atol=1e-3, rtol=1e-3)


def test_tokens_that_occur_lose_less_than_those_that_do_not(tmp_path: Path) -> None:
    workload = tiny_text_workload()
    off = (table(factorised(workload, 6, tmp_path)) - table(workload)).square().sum(1)
    shares = off / table(workload).square().sum(1)
    seen = torch.zeros(35, dtype=torch.bool)
    split = workload.splits.train
    assert isinstance(split, TextSplit)
    seen[0] = True  # padding, a row of zeros
    seen[torch.cat([torch.from_numpy(tokens) for tokens in split.tokens])] = True
    assert 0 < int((~seen).sum()) < 5
    shares = shares.nan_to_num()
    assert shares[seen].mean() < 0.5 * shares[~seen].mean()


def test_it_saves_parameters_and_is_read_back(tmp_path: Path) -> None:
    workload = tiny_text_workload()
    found = factorised(workload, 8, tmp_path)
    before, after = (sum(p.numel() for p in it.module.parameters()) for it in (workload, found))
    assert before - after == 35 * 32 - (35 * 8 + 8 * 32)
    save_model(tmp_path / "model.safetensors", found.module, found.changes)
    again, changes = load_model(tmp_path / "model.safetensors", trained_bert)
    assert tuple(changes) == found.changes
    tokens = workload.splits.test.take(range(8)).inputs
    with torch.no_grad():
        torch.testing.assert_close(again.eval()(*tokens), found.module.eval()(*tokens))


def test_what_cannot_be_split_is_said(tmp_path: Path) -> None:
    workload = tiny_text_workload()
    with pytest.raises(LissomError, match="saves nothing"):
        factorised(workload, 32, tmp_path)
    with pytest.raises(LissomError, match="is to be left alone"):
        factorised(replace(workload, keep=("*word_embeddings",)), 8, tmp_path)
    with pytest.raises(LissomError, match="has no embedding"):
        factorised(tiny_workload(), 8, tmp_path)
    with pytest.raises(LissomError, match="not possible"):
        FactoriseEmbedding(0)
    module = trained_bert()
    module.register_module("tied", nn.Linear(32, 35, bias=False))
    module.tied.weight = module.get_submodule(NAME).weight
    with pytest.raises(LissomError, match=r"shares its table with .*tied\.weight"):
        factorised(tiny_text_workload(module), 8, tmp_path)
