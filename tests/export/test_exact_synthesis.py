"""The synthesis in whole numbers gives levels near to those of the one in floats, the same in any precision."""

import pytest
import torch

pytest.importorskip("constriction", reason="the extra codec is not installed")

from lissom.export.exact_synthesis import LEVELS, exact_synthesis
from lissom.layers.low_rank import LowRankChannels
from lissom.layers.passed import Passed
from lissom.layers.replacement import put
from lissom.testing.tiny_codec import tiny_codec, tiny_examples
from lissom.zoo.codec import Codec


def decoded(module: Codec) -> tuple[torch.Tensor, torch.Tensor]:
    """Latents of the examples as the decoder gets them, and predictions."""
    seen: list[tuple[torch.Tensor, ...]] = []
    hook = module.synthesis.register_forward_pre_hook(lambda _module, inputs: seen.append(inputs))
    with torch.no_grad():
        module(*tiny_examples(module))
    hook.remove()
    return seen[0][0], seen[0][1]


def changed(what: str) -> Codec:
    """A codec as steps may leave it."""
    module = tiny_codec()
    torch.manual_seed(0)
    for change in what.split(", "):
        if change == "a block left out":
            put(module, "synthesis.deep.3", Passed())
        if change == "all shallow blocks left out":
            put(module, "synthesis.shallow.0", Passed())
            put(module, "synthesis.shallow.1", Passed())
        if change == "low rank":
            for name in ("synthesis.join", "synthesis.deep.4.expand", "synthesis.deep.4.project"):
                layer = module.get_submodule(name)
                assert isinstance(layer, torch.nn.Conv2d)
                walk = {"kernel": (1, 1), "stride": (1, 1), "padding": (0, 0), "dilation": (1, 1)}
                put(module, name, LowRankChannels(layer.in_channels, layer.out_channels, 4, **walk))
    return module.eval()


@pytest.mark.parametrize("what", ["whole", "a block left out", "all shallow blocks left out, low rank"])
def test_it_gives_levels_near_those_of_the_codec(what: str) -> None:
    module = changed(what)
    latents, prediction = decoded(module)
    exact = exact_synthesis(module, tiny_examples(module))
    with torch.inference_mode():
        found = exact(latents, prediction)
        expected = module.synthesis(latents, prediction).clamp(-0.5, 0.5)
    levels = (found + 0.5) * LEVELS
    assert (levels - levels.round()).abs().max() < 1e-4
    assert (found - expected).abs().max() * LEVELS < 2.5
    assert (found - expected).abs().mean() * LEVELS < 0.5
    assert found.std() > 0.02, "there is something to see"


@pytest.mark.parametrize("what", ["whole", "all shallow blocks left out, low rank"])
def test_both_precisions_find_the_same(what: str) -> None:
    module = changed(what)
    latents, prediction = decoded(module)
    exact = exact_synthesis(module, tiny_examples(module))
    with torch.inference_mode():
        single = exact(latents, prediction)
        double = exact.double()(latents.double(), prediction.double())
    assert torch.equal(((single + 0.5) * LEVELS).round(), ((double + 0.5) * LEVELS).round().float())


def test_larger_latents_than_any_before_are_cut_off() -> None:
    module = tiny_codec()
    latents, prediction = decoded(module)
    exact = exact_synthesis(module, tiny_examples(module))
    with torch.inference_mode():
        found = exact(latents * 1e6, prediction)
    assert found.abs().max() <= 0.5 and bool(found.isfinite().all())


def test_the_codec_stays_as_it_is() -> None:
    module = tiny_codec()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    exact_synthesis(module, tiny_examples(module))
    assert all(torch.equal(before[name], value) for name, value in module.state_dict().items())
    assert not module.synthesis._forward_hooks and not module.synthesis.look._forward_hooks
