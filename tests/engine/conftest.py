"""No test asserts a timing, so that nothing is timed for long."""

from collections.abc import Iterator

import pytest

from lissom.engine import floor, grain, layer_times, probing


@pytest.fixture(scope="session", autouse=True)
def short_timings() -> Iterator[None]:
    """What is measured on the way of a run is measured as briefly as can be."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (floor, grain, layer_times, probing):
            patch.setattr(module, "_SECONDS", 0.02)
        yield
