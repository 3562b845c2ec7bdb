import copy

import pytest
import torch
from torch import fx, nn

from lissom.core.errors import LissomError
from lissom.graph import capture, couple, load, prune, save


class Reshaping(nn.Module):
    """Keeps a width in an attribute."""

    def __init__(self):
        super().__init__()
        self.width = 8
        self.a, self.b = nn.Conv2d(3, 8, 1), nn.Linear(8, 2)

    def forward(self, x):
        return self.b(self.a(x).view(-1, self.width, 64).mean(-1))


class Fixed(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Conv2d(3, 8, 1), nn.Linear(8, 2)

    def forward(self, x):
        return self.b(self.a(x).view(-1, 8, 64).mean(-1))


def pruned_and_cut(model, picture, removal):
    captured = capture(model, (picture,))
    coupling = couple(captured)
    cut = coupling.cut(removal(coupling))
    return prune(model, cut, capture=captured), cut


@pytest.mark.parametrize("build", [Reshaping, Fixed])
def test_a_saved_model_loads_into_a_fresh_instance(build, tmp_path, picture, removal):
    pruned, cut = pruned_and_cut(build(), picture, removal)
    assert pruned.own_class == (build is Reshaping)
    save(tmp_path / "model.safetensors", cut, pruned.module)
    again = load(tmp_path / "model.safetensors", build)
    assert isinstance(again, build if pruned.own_class else fx.GraphModule)
    assert torch.equal(again.eval()(picture), pruned.module.eval()(picture))


class FixedNorm(Fixed):
    def __init__(self):
        super().__init__()
        self.norm, self.drop = nn.BatchNorm2d(8), nn.Dropout(0.5)

    def forward(self, x):
        return self.b(self.drop(self.norm(self.a(x)).view(-1, 8, 64).mean(-1)))


def test_a_graph_that_was_loaded_switches_between_training_and_evaluation(tmp_path, picture, removal):
    pruned, cut = pruned_and_cut(FixedNorm(), picture, removal)
    assert not pruned.own_class
    save(tmp_path / "m", cut, pruned.module)
    again = load(tmp_path / "m", FixedNorm).eval()
    assert torch.equal(again(picture), pruned.module.eval()(picture))
    before = again.state_dict()["norm.running_mean"].clone()
    again(picture)
    assert torch.equal(again.state_dict()["norm.running_mean"], before)
    again.train()(picture)
    assert not torch.equal(again.state_dict()["norm.running_mean"], before)


def test_a_model_that_the_cut_does_not_leave_is_not_saved(tmp_path, picture, removal):
    _, cut = pruned_and_cut(Reshaping(), picture, removal)
    with pytest.raises(LissomError, match="the cut leaves 4 of"):
        save(tmp_path / "m", cut, Reshaping())
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("build", "said"), [(Reshaping(), "is a model"), (lambda: (1, 2), "returned a tuple")])
def test_what_builds_no_model_is_refused(build, said, tmp_path, picture, removal):
    pruned, cut = pruned_and_cut(Reshaping(), picture, removal)
    save(tmp_path / "m", cut, pruned.module)
    with pytest.raises(LissomError, match=said):
        load(tmp_path / "m", build)


def test_a_user_attribute_is_found_and_stored(tmp_path, picture, removal):
    pruned, cut = pruned_and_cut(Reshaping(), picture, removal)
    assert pruned.module.width == 4 and pruned.attributes[""] == {"width": 4}
    save(tmp_path / "m", cut, pruned.module)
    assert load(tmp_path / "m", Reshaping).width == 4


def test_tied_weights_stay_tied(tmp_path, removal):
    class Tied(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b, self.out = nn.Embedding(11, 8), nn.Linear(8, 8), nn.Linear(8, 11, bias=False)
            self.out.weight = self.a.weight

        def forward(self, x):
            return self.out(torch.relu(self.b(self.a(x))))

    x = torch.arange(5)[None]
    pruned, cut = pruned_and_cut(Tied(), x, removal)
    assert pruned.own_class and pruned.module.out.weight is pruned.module.a.weight
    save(tmp_path / "m", cut, pruned.module)
    again = load(tmp_path / "m", Tied)
    assert again.out.weight is again.a.weight
    assert torch.equal(again(x), pruned.module(x))


def test_what_is_not_ours_is_refused(tmp_path, picture, removal):
    (tmp_path / "bad").write_bytes(b"nothing")
    with pytest.raises(LissomError, match="cannot read"):
        load(tmp_path / "bad", Fixed)
    with pytest.raises(LissomError, match="cannot read"):
        load(tmp_path / "missing", Fixed)
    pruned, cut = pruned_and_cut(Reshaping(), picture, removal)
    save(tmp_path / "m", cut, pruned.module)
    with pytest.raises(LissomError, match="another architecture"):
        load(tmp_path / "m", lambda: nn.Linear(1, 1))


def test_the_original_is_untouched(picture, removal):
    model = Reshaping()
    before = copy.deepcopy(model)
    pruned_and_cut(model, picture, removal)
    assert model.width == 8
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), before.parameters(), strict=True))
