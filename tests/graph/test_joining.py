"""Captured modules that hand tensors straight to one another are cut as one; what anything else looks at stays."""

import pytest
import torch
from torch import nn

from lissom.core.errors import LissomError
from lissom.graph import capture, couple, prune, verify

X = torch.randn(2, 3, 8, 8)


class Head(nn.Module):
    """Answers for each of two levels."""

    def __init__(self):
        super().__init__()
        self.inner, self.out = nn.Conv2d(6, 5, 1), nn.Conv2d(5, 2, 1)

    def forward(self, levels, scale: float = 1.0):
        return {"answers": [self.out(torch.relu(self.inner(level))) * scale for level in levels]}


class Backbone(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Conv2d(3, 6, 3, 2, padding=1), nn.Conv2d(6, 6, 3, 2, padding=1)

    def forward(self, x):
        one = torch.relu(self.a(x))
        return one, torch.relu(self.b(one))


class Detector(nn.Module):
    """Looks at the height of what goes from one part to the other, and answers what is large enough."""

    def __init__(self):
        super().__init__()
        self.backbone, self.head = Backbone(), Head()

    def between(self, levels):
        return self.head(list(levels), scale=0.5)["answers"]

    def forward(self, x):
        levels = self.backbone(x)
        grids = [torch.arange(level.shape[-2]) for level in levels]
        answers = self.between(levels)
        return [answer[answer > answer.mean()] * len(grid) for answer, grid in zip(answers, grids, strict=True)]


class Reading(Detector):
    def between(self, levels):
        return [answer + levels[1].mean() for answer in super().between(levels)]


class Giving(Detector):
    def forward(self, x):
        levels = self.backbone(x)
        return [level for level in levels if self.between(levels)[0].sum() > -1e9]


class Measuring(Detector):
    def between(self, levels):
        return [answer / level.shape[1] for answer, level in zip(super().between(levels), levels, strict=True)]


class Twice(Detector):
    def between(self, levels):
        again = self.head(list(levels), scale=2.0)["answers"]
        return [one + two for one, two in zip(self.head(list(levels))["answers"], again, strict=True)]


def test_what_goes_straight_from_part_to_part_is_cut(removal):
    model = Detector().eval()
    captured = capture(model, (X,), parts=True)
    coupling = couple(captured)
    assert sorted(g.units for g in coupling.groups) == [5, 6]
    assert "backbone, head are cut as one" in coupling.notes[1]
    cut = coupling.cut(removal(coupling))
    pruned = prune(model, cut, capture=captured)
    assert type(pruned.module) is Detector and pruned.own_class
    assert pruned.module.head.inner.in_channels == 3 and pruned.module.backbone.b.out_channels == 3
    assert verify(model, pruned.module, cut, (X,), capture=captured).ok
    assert verify(model, pruned.module, cut, (X,)).ok
    assert len(pruned.module(X)) == 2


def test_a_wrong_place_between_the_parts_is_noticed(removal):
    model = Detector().eval()
    captured = capture(model, (X,), parts=True)
    coupling = couple(captured)
    cut = coupling.cut(removal(coupling))
    pruned = prune(model, cut, capture=captured)
    kept = {name: dict(dims) for name, dims in cut.kept.items()}
    gone = next(place for place in range(6) if place not in kept["head.inner.weight"][1])
    kept["head.inner.weight"][1] = tuple(sorted({*kept["head.inner.weight"][1][1:], gone}))
    wrong = type(cut)(kept, cut.architecture)
    assert not verify(model, pruned.module, wrong, (X,), capture=captured).ok


@pytest.mark.parametrize("kind", [Reading, Giving, Measuring, Twice])
def test_what_anything_else_looks_at_stays(kind, removal):
    model = kind().eval()
    captured = capture(model, (X,), parts=True)
    coupling = couple(captured)
    assert [g.name for g in coupling.groups] == ["head.inner"]
    cut = coupling.cut(removal(coupling))
    assert verify(model, prune(model, cut, capture=captured).module, cut, (X,), capture=captured).ok


def test_the_model_is_left_as_it_was():
    model = Detector()
    capture(model, (X,), parts=True)
    assert not any("forward" in vars(module) for module in model.modules())
    assert model.training and model.head.inner.training


def test_parts_cut_as_one_are_not_delivered_as_graphs(removal):
    class Written(Head):
        def forward(self, levels, scale: float = 1.0):
            return super().forward([level.reshape(len(level), 6, *level.shape[2:]) for level in levels], scale)

    model = Detector()
    model.head = Written()
    captured = capture(model, (X,), parts=True)
    coupling = couple(captured)
    cut = coupling.cut(removal(coupling))
    with pytest.raises(LissomError, match="backbone, head are cut as one") as caught:
        prune(model, cut, capture=captured)
    assert "keep=('backbone*', 'head*')" in caught.value.hints[0]
