"""Recordings of a real voice: the prompts of the telephone exchange Asterisk, as Debian packages them.

Spoken by Allison Smith for Digium; CC-BY-SA 3.0. One recording of most words, 16 kHz in G.722, which PyAV decodes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from lissom.core.errors import LissomError, MissingExtraError
from lissom.tasks.speech.clips import Clip
from lissom.tasks.speech.handling import Samples

PACKAGE = "asterisk-core-sounds-en-g722"
FOLDER = "usr/share/asterisk/sounds/en_US_f_Allison"
SPEAKER = "Allison Smith (Asterisk)"
RATE = 16000


@dataclass(frozen=True)
class Prompts:
    """Recordings by their names.

    Args:
        folder: that of the voice.
        names: such as ``digits/7``.
    """

    folder: Path
    names: Sequence[str]

    def __len__(self) -> int:
        return len(self.names)

    def read(self, row: int) -> Clip:
        """One recording."""
        return Clip((decoded(self.folder / f"{self.names[row]}.g722"), RATE))

    def name(self, row: int) -> str:
        """The package's name for it."""
        return f"asterisk/{self.names[row]}"


def decoded(path: Path) -> Samples:
    """The sound of a file in G.722, ``(samples,)`` at 16 kHz.

    Raises:
        LissomError: it is not there or damaged.
        MissingExtraError: PyAV is not installed.
    """
    try:
        av: Any = import_module("av")
    except ModuleNotFoundError as error:
        raise MissingExtraError("av", "speech", "recordings in G.722") from error
    try:
        with av.open(str(path), format="g722") as file:
            parts = [frame.to_ndarray().ravel() for frame in file.decode(audio=0)]
    except (OSError, ValueError) as error:  # PyAV's errors are of both
        raise LissomError(f"{path} cannot be decoded: {error}") from error
    if not parts:
        raise LissomError(f"{path} holds no sound")
    return np.divide(np.concatenate(parts), 32768, dtype=np.float32)
