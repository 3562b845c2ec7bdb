"""Rounding on the grid never loses to the nearest integers, and the corrected network is nearer to the original."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lissom.export.onnx_file import export_onnx
from lissom.targets.quantizing.correction import Moments, correct, round_on_grid
from lissom.targets.quantizing.layers import prepared, weighted_layers
from lissom.targets.quantizing.ranges import ranges
from lissom.targets.quantizing.running import outputs
from lissom.targets.quantizing.writing import quantized
from lissom.testing import tiny_workload


def loss(target: np.ndarray, found: np.ndarray, products: np.ndarray) -> float:
    off = target - found
    return float(np.einsum("gof,gfh,goh->", off, products, off))


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 3), st.integers(1, 5), st.integers(1, 9), st.integers(0, 2**31))
def test_what_comes_out_is_on_the_grid(groups: int, wide: int, features: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    read = rng.normal(size=(groups, 40, features))
    products = read.transpose(0, 2, 1) @ read / 40 + 1e-3 * np.eye(features)
    target = rng.normal(size=(groups, wide, features)) * 20
    found = round_on_grid(target, products, 31)
    assert np.array_equal(found, found.round()) and np.abs(found).max() <= 31
    assert found.shape == target.shape


def test_with_inputs_that_go_together_it_beats_the_nearest_integers() -> None:
    rng = np.random.default_rng(0)
    read = rng.normal(size=(1, 500, 4)) @ rng.normal(size=(4, 24)) + 0.05 * rng.normal(size=(1, 500, 24))
    products = read.transpose(0, 2, 1) @ read / 500
    target = rng.normal(size=(1, 16, 24)) * 10
    nearest = target.round().clip(-127, 127)
    assert loss(target, round_on_grid(target, products, 127), products) < 0.5 * loss(target, nearest, products)


def test_moments_are_those_of_all_rows_together() -> None:
    rng = np.random.default_rng(0)
    now, before = (rng.normal(size=(2, 30, 5)).astype(np.float32) for _ in range(2))
    moments = Moments.empty(2, 5)
    for part in (slice(0, 10), slice(10, 30)):
        moments.add(now[:, part], before[:, part])
    covariance, _, mean, _ = moments.centred()
    for group in range(2):
        assert np.allclose(covariance[group], np.cov(now[group].T, bias=True), atol=1e-5)
        assert np.allclose(mean[group], now[group].mean(0), atol=1e-6)


@pytest.mark.parametrize("noise", [1e-3, 0.0])
def test_what_hardly_varies_beside_its_mean_still_has_moments(noise: float) -> None:
    rng = np.random.default_rng(0)
    line = (100 + 20 * rng.normal(size=(1, 1, 6))).astype(np.float32)
    now = line + (noise * rng.normal(size=(1, 4000, 6))).astype(np.float32)
    before = 2 * now
    moments = Moments.empty(1, 6)
    for part in range(0, 4000, 1000):
        moments.add(now[:, part : part + 1000], before[:, part : part + 1000])
    covariance, across, mean, other = moments.centred()
    exact = np.cov(now[0].astype(np.float64).T, bias=True)
    assert np.allclose(covariance[0], exact, rtol=1e-3, atol=1e-3 * noise**2)
    assert np.allclose(across[0], 2 * exact, rtol=1e-3, atol=1e-3 * noise**2)
    assert np.allclose(mean, now.mean(1, dtype=np.float64)) and np.allclose(other, 2 * mean)
    assert np.linalg.eigvalsh(covariance).min() >= -1e-3 * noise**2


def test_the_corrected_network_answers_nearer_to_the_original(tmp_path_factory: pytest.TempPathFactory) -> None:
    workload = tiny_workload()
    path = tmp_path_factory.mktemp("made") / "model.onnx"
    export_onnx(workload.module, workload.example, path)
    plain = prepared(path)
    calibration = [[workload.splits.train.take(range(128)).inputs[0].numpy()]]
    test = [[workload.splits.test.take(range(120)).inputs[0].numpy()]]
    wanted = outputs(plain, test)
    made = quantized(plain, ranges(plain, calibration, "minmax"), seven_bits=True)
    before = np.square(outputs(made, test) - wanted).mean()
    left = correct(made, plain, weighted_layers(plain), calibration)
    assert left == []
    assert np.square(outputs(made, test) - wanted).mean() < before
