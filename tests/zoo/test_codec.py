import torch

from lissom.cost import profile
from lissom.graph import capture, couple
from lissom.tasks.codec.task import ERROR, PRICE, RATE
from lissom.zoo import build
from lissom.zoo.codec import PACKED, PER_ERROR, QUALITIES, SETTINGS, Codec, bits
from lissom.zoo.inputs import codec_inputs, example_inputs


def test_it_takes_at_most_fifteen_thousand_multiply_adds_a_pixel() -> None:
    inputs = example_inputs("codec")
    pixels = 4 * inputs[0].shape[2] * inputs[0].shape[3]
    macs = profile(build("codec"), inputs).macs / pixels
    assert 7_000 < macs < 15_000


def test_outputs_are_picture_bits_error_and_price() -> None:
    torch.manual_seed(0)
    made = Codec((6, 6, 6), latents=6, hyper=4, hidden=6).eval()
    frame, prediction, _, noise = codec_inputs(made, 64)
    frame = torch.rand_like(frame) - 0.5
    found = made(frame, prediction, torch.eye(SETTINGS)[1:2], noise)
    assert found.shape == (1, 9, 64, 64)
    weights = torch.tensor([1.5, 1.5, 1.5, 1.5, 1, 1])[:, None, None] / 8
    error = ((found[:, :PACKED] - frame).square() * weights).sum(1) * 255**2 / PER_ERROR
    torch.testing.assert_close(found[:, ERROR], error)
    torch.testing.assert_close(found[:, PRICE], torch.full((1, 64, 64), QUALITIES[1] * PER_ERROR))
    assert (found[:, RATE] > 0).all()


def test_without_noise_latents_are_whole_numbers_and_learn_as_if_they_were_not() -> None:
    made = Codec((6, 6, 6), latents=6, hyper=4, hidden=6).eval()
    seen: list[torch.Tensor] = []
    made.synthesis.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].detach()))
    frame, prediction, setting, noise = (torch.cat([part, part]) for part in codec_inputs(made, 64))
    torch.manual_seed(0)
    frame = torch.rand_like(frame) - 0.5
    noise[1] = torch.rand_like(noise[1]) - 0.5
    made(frame, prediction, setting, noise)[:, :PACKED].sum().backward()
    latents, hyper = made.encode(frame, prediction, made.gain(setting))
    mean, _ = made.hyperprior(torch.round(hyper[:1]), setting[:1])
    symbols = seen[0] / made.inverse_gain(setting) - mean
    torch.testing.assert_close(symbols[0], torch.round(latents[:1] - mean)[0], atol=1e-4, rtol=0)
    assert (symbols[1] - torch.round(symbols[1])).abs().mean() > 0.1
    gradient = made.analysis[0].weight.grad
    assert gradient is not None and gradient.abs().sum() > 0


def test_in_training_bits_have_a_slope_where_latents_are_zero_and_pictures_are_those_of_a_stream() -> None:
    made = Codec((6, 6, 6), latents=6, hyper=4, hidden=6).eval()
    with torch.no_grad():
        made.log_gain.weight -= 6  # so small that all are rounded to 0
    frame, prediction, setting, noise = codec_inputs(made, 64)
    frame = torch.rand(frame.shape, generator=torch.Generator().manual_seed(0)) - 0.5
    slopes: list[float] = []
    pictures: list[torch.Tensor] = []
    for training in (False, True):
        made.train(training).zero_grad()
        torch.manual_seed(0)
        found = made(frame, prediction, setting, noise)
        found[:, RATE].sum().backward()
        gradient = made.analysis[0].weight.grad
        assert gradient is not None
        slopes.append(float(gradient.abs().sum()))
        pictures.append(found[:, :PACKED].detach())
    assert torch.equal(*pictures) and slopes[1] > 100 * slopes[0]


def test_bits_are_those_of_probabilities_that_add_up_to_one() -> None:
    numbers = torch.arange(-60.0, 61.0)
    for log_scale in (-4.0, 0.0, 1.5):
        total = torch.exp2(-bits(numbers, torch.full_like(numbers, log_scale)).double()).sum()
        assert abs(float(total) - 1) < 0.003  # nothing is less likely than 2**-16


def test_what_streams_depend_on_is_not_cut() -> None:
    made = build("codec_small").eval()
    found = couple(capture(made, codec_inputs(made, 32)), keep=("hyperprior.*", "log_gain*", "log_inverse_gain*"))
    assert not found.unknown
    members = {member.name for group in found.groups for member in group.members}
    assert not [name for name in members if name.startswith(("hyperprior", "log_"))]
    assert len(found.groups) == 18
