"""Windows of recordings: of any length, one after the other, and nothing is lost between them."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from lissom.tasks.recognition.log_mel import LogMel
from lissom.tasks.recognition.wave_window import Wave
from lissom.tasks.recognition.windows import Hearing, cut, windows


@pytest.mark.parametrize("features", [Wave(0.1), Wave(0.25), Wave(0.39), Wave(2.0), LogMel(seconds=2.0)])
def test_windows_of_any_length_hold_the_whole_sound(features: Hearing) -> None:
    sound = np.random.default_rng(0).normal(0, 0.1, 50000).astype(np.float32)
    found = list(cut([sound[:20000], sound[20000:]], features))
    assert np.array_equal(np.concatenate([samples for _, samples in found]), sound)
    assert all(0 < len(samples) <= features.length for _, samples in found)
    assert [round(begins * features.rate) for begins, _ in found][1] == len(found[0][1])


def test_all_of_a_file_at_another_rate_is_heard(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.random.default_rng(0).normal(0, 0.1, 3 * 48000), 48000)
    found = list(windows(tmp_path / "a.wav", Wave(2.0)))
    assert sum(len(samples) for _, samples in found) == 3 * 16000
