import pytest
import torch
from torch import fx, nn

from lissom.graph import capture
from lissom.graph.landmarks import Landmarks, OtherAnswerError


@pytest.fixture
def model() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(16, 5)).double().eval()


def noted(model: nn.Module, x: torch.Tensor) -> Landmarks:
    """The landmarks of a run of the captured graph."""
    (part,) = capture(model, (x,)).parts
    landmarks = Landmarks(part)

    class Noting(fx.Interpreter):
        def run_node(self, n: fx.Node):
            answer = super().run_node(n)
            landmarks.note(n, answer)
            return answer

    state = model.state_dict()
    values = [state[spec.target] if spec.target else x for spec in part.program.graph_signature.input_specs]
    with torch.no_grad():
        Noting(part.program.graph_module).run(*values)
    return landmarks


def test_the_same_answers_pass_and_nothing_stays_on_the_model(model):
    x = torch.randn(2, 3, 4, 4, dtype=torch.float64)
    landmarks = noted(model, x)
    with landmarks.guard(model):
        assert len(model[0]._forward_hooks) == len(model[3]._forward_hooks) == 1
        model(x)
    assert not any(layer._forward_hooks for layer in model)


@pytest.mark.parametrize("layer", [0, 3])
def test_the_first_layer_that_differs_ends_the_forward(model, layer):
    x = torch.randn(2, 3, 4, 4, dtype=torch.float64)
    landmarks = noted(model, x)
    with torch.no_grad():
        model[layer].bias[1] += 1e-3
    with landmarks.guard(model), pytest.raises(OtherAnswerError, match=f"^{layer}$"):
        model(x)
    assert not any(layer._forward_hooks for layer in model)


def test_a_layer_that_is_called_twice_is_left_alone():
    shared = nn.Linear(4, 4)
    model = nn.Sequential(shared, nn.ReLU(), shared, nn.Linear(4, 2)).double().eval()
    with noted(model, torch.randn(2, 4, dtype=torch.float64)).guard(model):
        assert not shared._forward_hooks and model[3]._forward_hooks
