"""The grain follows from timings, is measured once, and is written down. No timing is asserted."""

from pathlib import Path
from typing import Any

import pytest
from torch import nn

from lissom.core.ledger import Ledger
from lissom.engine import grain as module
from lissom.engine.grain import _stack, chosen, grain


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ({32: 100.0, 30: 88.0, 28: 77.0, 24: 56.0}, 2),  # time as multiply-adds: 12 %, 23 % and 44 % less
        ({32: 100.0, 30: 99.0, 28: 77.0, 24: 56.0}, 4),
        ({32: 100.0, 30: 130.0, 28: 125.0, 24: 56.0}, 8),  # part of a block is slower than all of it
        ({32: 100.0, 30: 100.0, 28: 100.0, 24: 100.0}, 8),
        ({32: 100.0, 30: 93.0, 28: 100.0, 24: 100.0}, 2),  # 7 of the promised 12 %
        ({32: 100.0, 30: 95.0, 28: 88.0, 24: 56.0}, 4),  # 5 of 12 % is too little, 12 of 23 % is enough
    ],
)
def test_the_least_step_that_saves_half_of_what_it_promises(times: dict[int, float], expected: int) -> None:
    assert chosen(times) == expected


def test_the_stack_is_as_wide_as_told() -> None:
    widths = [layer.out_channels for layer in _stack(28).children() if isinstance(layer, nn.Conv2d)]
    assert widths == [28] * 5


def test_it_is_measured_once_and_on_the_target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import numpy as np

    from lissom.core.progress import Progress
    from lissom.engine.measuring import Bench
    from lissom.targets import TARGETS

    monkeypatch.setenv("LISSOM_CACHE", str(tmp_path / "cache"))
    asked: list[list[str]] = []

    def timings(runners: dict[str, Any], examples: Any, *, seconds: float) -> dict[str, list[float]]:
        asked.append(list(runners))
        assert all(runner.run(examples[0])[0].shape == (1, int(name), 16, 16) for name, runner in runners.items())
        return {name: [ms] * 9 for name, ms in zip(runners, (4.0, 4.1, 4.2, 2.0), strict=True)}

    monkeypatch.setattr(module, "timings", timings)
    nothing: Any = None
    bench = Bench(TARGETS.get("onnxruntime")(), 1, 1, 1.0, nothing, nothing, ((np.zeros(1),),), Progress(False))
    ledger = Ledger(tmp_path / "run")
    assert grain(bench, ledger) == 8 and asked == [["32", "30", "28", "24"]]
    assert grain(bench, Ledger(tmp_path / "run")) == 8 and ledger.find("grain") == 8
    assert grain(bench, Ledger(tmp_path / "other")) == 8 and len(asked) == 1, "known for this machine"
