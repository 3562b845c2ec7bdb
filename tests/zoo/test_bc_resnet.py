"""BC-ResNet: the published counts, norms of their own for each sub-band, and frames that stay."""

import pytest
import torch
from torch import nn

from lissom import graph
from lissom.zoo import build, entry
from lissom.zoo.bc_resnet import SubSpectralNorm


# Kim et al. 2021, table 1, in thousands as printed.
@pytest.mark.parametrize(
    ("name", "thousands"),
    [("bc_resnet_1", 9.2), ("bc_resnet_2", 27.3), ("bc_resnet_3", 54.2), ("bc_resnet_6", 188), ("bc_resnet_8", 321)],
)
def test_parameters_are_those_printed(name: str, thousands: float) -> None:
    found = entry(name).parameters / 1e3
    assert round(found, 1 if thousands < 100 else 0) == thousands


def test_each_sub_band_is_normalised_by_itself() -> None:
    torch.manual_seed(0)
    norm = SubSpectralNorm(3, 5).train()
    maps = torch.randn(8, 3, 10, 7) * torch.arange(1.0, 6).repeat_interleave(2)[:, None]
    found = norm(maps).unflatten(2, (5, 2))
    theirs = nn.functional.batch_norm(maps.unflatten(2, (5, 2)).flatten(1, 2), None, None, training=True)
    torch.testing.assert_close(found, theirs.unflatten(1, (3, 5)))
    assert found.std((0, 3, 4)).sub(1).abs().max() < 0.02


def test_every_frame_counts_and_the_frequencies_end_in_one() -> None:
    model = build("bc_resnet_1", num_classes=4).eval()
    features = torch.randn(2, 1, 40, 55, generator=torch.Generator().manual_seed(0))
    assert model.get_submodule("tail")(model.get_submodule("blocks")(model.get_submodule("head")(features))).shape == (
        2,
        32,
        1,
        55,
    )
    assert model(features).shape == (2, 4)


def test_a_cut_of_half_is_proven() -> None:
    """Norms by sub-band, averages that are added back and the shortcuts are all coupled."""
    torch.manual_seed(0)
    model, inputs = build("bc_resnet_1").eval(), (torch.randn(2, 1, 40, 24),)
    captured = graph.capture(model, inputs, {}, parts=True)
    coupling = graph.couple(captured)
    cut = coupling.cut({group.index: list(range(0, group.units, 2)) for group in coupling.groups})
    pruned = graph.prune(model, cut, capture=captured)
    assert pruned.own_class and not coupling.unknown
    assert sum(p.numel() for p in pruned.module.parameters()) < 0.5 * entry("bc_resnet_1").parameters
    assert graph.verify(model, pruned.module, cut, inputs, {}, capture=captured).ok
