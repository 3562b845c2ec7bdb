"""A bundle whose answers are others than when it was made is told, whether they decide between classes or not."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lissom.engine import benching

CLASSES = np.asarray([[2.0, 1.0], [0.5, 1.0]], dtype=np.float32)
NUMBERS = np.asarray([[1.0], [2.0]], dtype=np.float32)


@pytest.mark.parametrize(
    ("outputs", "factor", "told"),
    [(CLASSES, 1.05, False), (CLASSES, -1.0, True), (NUMBERS, 1.005, False), (NUMBERS, 1.05, True)],
)
def test_decisions_have_to_stay_and_numbers_have_to_be_near(
    outputs: np.ndarray, factor: float, told: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Runner:
        def run(self, inputs: Any) -> list[np.ndarray]:
            return [outputs * np.float32(factor)]

    monkeypatch.setattr(benching, "_altered", lambda bundle: [])
    monkeypatch.setattr(benching, "_loaded", lambda bundle, threads: Runner())
    monkeypatch.setattr(benching, "_vectors", lambda bundle: ([], outputs, outputs))
    problems, parity = benching.check_bundles([Path("bundle")])
    assert bool(problems["bundle"]) == told and parity["bundle"].distance == pytest.approx(abs(factor - 1), rel=1e-3)
