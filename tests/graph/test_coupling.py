import pytest
import torch
from torch import nn

from lissom.core.errors import LissomError
from lissom.graph import capture, couple, prune, verify


@pytest.fixture
def coupling(small, picture):
    return couple(capture(small, (picture,)))


def test_groups_of_a_residual_network(coupling):
    found = {g.name: g.units for g in coupling.groups}
    assert found == {"stem": 8, "body.0.conv1": 12, "body.0.conv2": 12, "body.1.conv1": 16, "body.1.conv2": 16}
    assert all(g.kind == "channels" for g in coupling.groups)


def test_members_say_what_goes_with_a_unit(coupling):
    group = next(g for g in coupling.groups if g.name == "body.1.conv2")
    names = {(m.name, m.dim): m for m in group.members}
    assert {(m.name, m.dim) for m in group.producers} == {
        ("body.1.conv2.weight", 0), ("body.1.conv2.bias", 0), ("body.1.short.weight", 0), ("body.1.short.bias", 0),
    }  # fmt: skip
    assert {m.module for m in group.followers} == {"body.1.bn2"}
    assert {m.name.rpartition(".")[2] for m in group.followers} == {"weight", "bias", "running_mean", "running_var"}
    head = names["head.weight", 1]
    assert head.role == "consumer"
    assert head.indices[3].tolist() == list(range(48, 64)), "16 places of the picture per channel"


def test_a_printed_group_teaches(coupling):
    text = str(coupling.groups[0])
    assert "8 channels of stem" in text
    assert "removing one channel removes, together:" in text
    assert "stem.weight: 1 index along dimension 0" in text
    assert "body.0.conv1.weight: 1 index along dimension 1" in text


def test_kept_layers_stay(small, picture):
    coupling = couple(capture(small, (picture,)), keep=("body.0.*", "stem.weight"))
    assert {g.name for g in coupling.groups} == {"body.1.conv1", "body.1.conv2"}
    with pytest.raises(LissomError, match="no module or parameter"):
        couple(capture(small, (picture,)), keep=("nothing*",))


def test_a_layer_cannot_be_emptied(coupling):
    with pytest.raises(LissomError, match="would empty stem"):
        coupling.cut({0: range(8)})


def test_unknown_groups_and_units_are_refused(coupling):
    with pytest.raises(LissomError, match="no group 99"):
        coupling.cut({99: [0]})
    with pytest.raises(LissomError, match="units 0 to 7"):
        coupling.cut({0: [8]})


def test_cut_keeps_the_same_positions_everywhere(coupling):
    kept = coupling.cut({0: [1, 5]}).kept
    stay = (0, 2, 3, 4, 6, 7)
    assert kept["stem.weight"] == {0: stay} == kept["stem.bias"]
    assert kept["body.0.conv1.weight"] == {1: stay} == kept["body.0.short.weight"]
    assert len(kept) == 4


class Odd(nn.Module):
    """Uses an operator that nobody has a rule for."""

    def __init__(self):
        super().__init__()
        self.a, self.b, self.c = nn.Linear(4, 6), nn.Linear(6, 6), nn.Linear(6, 2)

    def forward(self, x):
        x = self.b(torch.relu(self.a(x)))
        return self.c(torch.linalg.matrix_exp(x.unsqueeze(-1) * x.unsqueeze(-2)).sum(-1))


def test_unknown_operators_pin_what_they_touch_and_are_named():
    coupling = couple(capture(Odd(), (torch.randn(1, 4),)))
    assert coupling.unknown == {"linalg_matrix_exp": 1}
    assert [g.name for g in coupling.groups] == ["a"]
    assert any("linalg_matrix_exp" in note for note in coupling.notes)


class Neighbours(nn.Module):
    """Gates its channels by their neighbours, as ECA does, and adds them to others."""

    def __init__(self, depth=1):
        super().__init__()
        self.first, self.wide, self.gate = nn.Conv2d(3, 8, 1), nn.Conv2d(8, 8, 1), nn.Conv1d(1, 1, 3, padding=1)
        self.blocks, self.last = nn.ModuleList(nn.Conv2d(8, 8, 1) for _ in range(depth)), nn.Linear(8, 2)

    def forward(self, x):
        x = self.first(x)
        x = x * torch.sigmoid(self.gate(x.mean((2, 3))[:, None]))[:, 0, :, None, None]
        x = torch.relu(self.wide(x))
        for block in self.blocks:
            x = x * torch.sigmoid(self.gate(block(x).mean((2, 3))[:, None]))[:, 0, :, None, None]
        return self.last(x.mean((2, 3)))


@pytest.mark.parametrize(
    "depth, said",
    [
        (0, "conv1d: needs all that first makes, so it stays as wide as it is"),
        (1, "conv1d: needs all that first, blocks.0 make, so they stay as wide as they are"),
        (4, "conv1d: needs all that first, blocks.0, blocks.1 and 2 more make, so they stay as wide as they are"),
    ],
)
def test_layers_that_can_lose_nothing_are_named_with_what_needs_them(depth, said):
    coupling = couple(capture(Neighbours(depth), (torch.randn(1, 3, 4, 4),)))
    assert coupling.notes[0] == said
    assert [g.name for g in coupling.groups] == ([] if depth else ["wide"])


def test_of_outputs_and_of_what_is_kept_as_asked_nothing_is_said(small, picture):
    captured = capture(small, (picture,))
    assert couple(captured).notes == ()
    assert couple(captured, keep=("stem*",)).notes == ("stem*: kept as asked",)


class Rolling(nn.Module):
    """Writes into slices of a buffer, some of which are empty, as shifted windows do at small sizes."""

    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(4, 6), nn.Linear(6, 2)

    def forward(self, x):
        mask = x.new_zeros(4, 4)
        mask[0:-4, 0:2] = 1
        mask[2:, 0:2] = 2
        return self.b(torch.relu(self.a(x)) * mask.mean())


def test_slices_that_are_empty_from_the_start_are_not_emptied():
    coupling = couple(capture(Rolling(), (torch.randn(1, 4),)))
    assert coupling.cut({0: [0, 1, 2]}).kept["b.weight"][1] == (3, 4, 5)


class Picking(nn.Module):
    """Reads single channels by number."""

    def __init__(self, *places):
        super().__init__()
        self.places = places
        self.a, self.b = nn.Linear(4, 8), nn.Linear(8, 2)

    def forward(self, x):
        x = torch.relu(self.a(x))
        return self.b(x) + sum(x[:, place] for place in self.places)[:, None]


@pytest.mark.parametrize("places, after", [((-1,), (-1,)), ((7, -1), (4, -1)), ((3,), (0,))])
def test_what_is_read_by_number_stays_and_the_rest_is_free(places, after):
    model, x = Picking(*places), torch.randn(3, 4)
    coupling = couple(capture(model, (x,)))
    assert [g.units for g in coupling.groups] == [7]
    cut = coupling.cut({0: [0, 1, 2]})
    assert all(place % 8 in cut.kept["a.weight"][0] for place in places)
    pruned = prune(model, cut, args=(x,))
    assert pruned.own_class and pruned.module.places == after
    assert verify(model, pruned.module, cut, (x,)).ok


class Gathering(nn.Module):
    """Gathers along one dimension with an index that is shorter along another."""

    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(4, 8), nn.Linear(6, 2)

    def forward(self, x):
        found = torch.relu(self.a(x)).gather(0, torch.zeros(1, 6, dtype=torch.long))
        return self.b(found)


def test_a_gather_by_a_shorter_index_is_left_whole_and_named():
    coupling = couple(capture(Gathering(), (torch.randn(3, 4),)))
    assert coupling.unknown == {"gather": 1}
    assert not coupling.groups
