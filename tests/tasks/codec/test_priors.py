import numpy as np
import pytest
import torch

from lissom.core.errors import LissomError
from lissom.export.codec_files import prior_arrays
from lissom.tasks.codec import priors
from lissom.tasks.codec.priors import BITS, read_prior, write_prior
from lissom.tasks.codec.symbols import scale_of
from lissom.zoo.codec import SETTINGS, SMALLEST_SCALE, Codec


def in_python(weight: np.ndarray, bias: np.ndarray, maps: np.ndarray) -> np.ndarray:
    """A convolution in Python's own whole numbers, which know no rounding."""
    size = weight.shape[2]
    filled = np.pad(maps, ((0, 0), (size // 2, size // 2), (size // 2, size // 2))).astype(object)
    found = np.empty((len(weight), *maps.shape[1:]), dtype=object)
    for out, row, column in np.ndindex(found.shape):
        window = filled[:, row : row + size, column : column + size]
        total = int((window * weight[out].astype(int).astype(object)).sum()) + int(bias[out])
        found[out, row, column] = (total + (1 << 11)) >> 12
    return found.astype(np.int64)


def test_sums_are_those_of_whole_numbers() -> None:
    generator = np.random.default_rng(0)
    weight = generator.integers(-(1 << 15), 1 << 15, (3, 4, 3, 3)).astype(np.float64)
    bias = generator.integers(-(1 << 24), 1 << 24, 3).astype(np.float64)
    maps = generator.integers(-(1 << 20), 1 << 20, (4, 3, 5)).astype(np.float64)
    found = priors._convolved(maps, weight, bias)
    expected = in_python(weight, bias, maps.astype(np.int64).astype(object).astype(int))
    np.testing.assert_array_equal(found.astype(np.int64), expected)


def test_the_fixed_point_prior_says_what_the_trained_one_says(module: Codec) -> None:
    prior = read_prior(write_prior(prior_arrays(module, module.synthesis)))
    hyper = np.random.default_rng(0).integers(-5, 6, (4, 2, 3)).astype(np.int32)
    for setting in (0, SETTINGS - 1):
        means, tables = prior.of(hyper, setting)
        with torch.inference_mode():
            mean, log_scale = module.hyperprior(torch.from_numpy(hyper)[None].float(), torch.eye(SETTINGS)[[setting]])
        np.testing.assert_allclose(means / (1 << BITS), mean[0].numpy(), atol=0.03)
        expected = log_scale[0].exp().numpy() + SMALLEST_SCALE
        within = (expected > scale_of(0)) & (expected < scale_of(64))
        found = np.vectorize(scale_of)(tables)
        np.testing.assert_allclose(found[within], expected[within], rtol=0.09)  # half a step is 6.5 %


def test_a_file_of_the_same_prior_has_the_same_name_and_another_one_another(module: Codec) -> None:
    arrays = prior_arrays(module, module.synthesis)
    name = read_prior(write_prior(arrays)).name
    assert read_prior(write_prior(arrays)).name == name
    arrays["second.bias"] = arrays["second.bias"] + 1
    assert read_prior(write_prior(arrays)).name != name


def test_weights_that_sums_would_not_be_exact_with_are_refused(module: Codec) -> None:
    arrays = prior_arrays(module, module.synthesis)
    arrays["mean.weight"] = np.full_like(arrays["mean.weight"], 2**31 - 1)
    with pytest.raises(LissomError, match="too large for exact sums"):
        read_prior(write_prior(arrays))


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 and no more", b"nonsense"])
def test_a_damaged_file_is_refused(content: bytes) -> None:
    with pytest.raises(LissomError, match="damaged"):
        read_prior(content)
