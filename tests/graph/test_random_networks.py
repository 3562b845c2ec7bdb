"""Random networks from all kinds of operators: whatever is removed, the pruned output equals the masked one."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lissom.testing.operators import FAMILIES, network

KINDS = [(family, name) for family in FAMILIES for name in FAMILIES[family][2] if family != "words"]


def proven(cutting, family, names, seed, ratio):
    torch.manual_seed(seed)
    model, x = network(family, names)
    pruned, verification, coupling = cutting(model, x, seed=seed, ratio=ratio)
    assert verification.ok, f"{names}: {verification}\n{coupling}"
    assert not coupling.unknown
    assert coupling.groups
    return pruned, coupling


@pytest.mark.parametrize("family, name", KINDS, ids=[f"{family}-{name}" for family, name in KINDS])
def test_each_kind_alone_is_cut(cutting, count, family, name):
    model, _ = network(family, [name])
    pruned, coupling = proven(cutting, family, [name], 0, 0.5)
    assert count(pruned.module) < 0.85 * count(model), str(coupling)


@pytest.mark.parametrize("family", FAMILIES)
@settings(max_examples=10)
@given(data=st.data(), seed=st.integers(0, 99), ratio=st.sampled_from([0.2, 0.5, 0.8]))
def test_random_networks(cutting, family, data, seed, ratio):
    kinds = sorted(FAMILIES[family][2])
    proven(cutting, family, data.draw(st.lists(st.sampled_from(kinds), min_size=1, max_size=5)), seed, ratio)
