"""What a model hears that takes samples as they are: a window of them, of one loudness, with numpy alone.

A bundle carries this file as it is.
"""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.float32]
_LEAST = 1e-7  # of the variance


@dataclass(frozen=True)
class Wave:
    """From a window of sound, ``(samples,)`` in -1..1, to ``(length,)``: filled up with silence.

    Args:
        seconds: length of the window that the model hears.
        rate: samples a second.
        even: bring sound to mean 0 and variance 1, as Wav2Vec2 is fed (Baevski et al. 2020, section 2).
    """

    seconds: float
    rate: int = 16000
    even: bool = True

    @property
    def length(self) -> int:
        """Samples in a window."""
        return round(self.rate * self.seconds)

    def __call__(self, samples: Samples) -> Samples:
        """What the model is fed of at most :attr:`length` samples."""
        assert samples.ndim == 1 and len(samples) <= self.length, "longer sound comes in windows"
        fed = np.zeros(self.length, dtype=np.float32)
        heard = samples.astype(np.float64)
        if self.even and len(heard):
            heard = (heard - heard.mean()) / np.sqrt(heard.var() + _LEAST)
        fed[: len(heard)] = heard
        return fed

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)

    @staticmethod
    def from_json(data: dict[str, Any]) -> "Wave":
        """The inverse of :meth:`to_json`."""
        return Wave(**data)
