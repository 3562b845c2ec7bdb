"""Windows of recordings: of any length, one after the other, and nothing is lost between them."""

import numpy as np
import pytest

from lissom.tasks.recognition.log_mel import LogMel
from lissom.tasks.recognition.wave_window import Wave
from lissom.tasks.recognition.windows import Hearing, cut


@pytest.mark.parametrize("features", [Wave(0.1), Wave(0.25), Wave(0.39), Wave(2.0), LogMel(seconds=2.0)])
def test_windows_of_any_length_hold_the_whole_sound(features: Hearing) -> None:
    sound = np.random.default_rng(0).normal(0, 0.1, 50000).astype(np.float32)
    found = list(cut([sound[:20000], sound[20000:]], features))
    assert np.array_equal(np.concatenate([samples for _, samples in found]), sound)
    assert all(0 < len(samples) <= features.length for _, samples in found)
    assert [round(begins * features.rate) for begins, _ in found][1] == len(found[0][1])
