"""Words spoken by the synthesisers espeak-ng and flite: each a run of its program, kept as a file."""

import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lissom.core.errors import LissomError
from lissom.core.files import whole_file
from lissom.tasks.speech.clips import Clip

TIMEOUT_SECONDS = 60


@dataclass(frozen=True)
class Utterance:
    """One word as a synthesiser is asked to say it.

    Args:
        word: what is said.
        program: ``"espeak-ng"`` (formants; its speed is in words a minute, its pitch goes from 0 to 99) or ``"flite"``
            (voices learnt from recordings; its speed is a factor of the length, its pitch a mean in hertz).
        voice: as the program calls it.
        speed: in the program's own terms.
        pitch: in the program's own terms.
    """

    word: str
    program: str
    voice: str
    speed: float
    pitch: float

    @property
    def name(self) -> str:
        """Its path: program, voice and word with how it is said."""
        return f"{self.program}/{self.voice}/{self.word}-{self.speed:g}-{self.pitch:g}.wav"

    def words(self, file: Path) -> list[str]:
        """The command's arguments that write it to ``file``."""
        if self.program == "espeak-ng":
            return ["-v", self.voice, "-s", f"{self.speed:g}", "-p", f"{self.pitch:g}", "-w", str(file), self.word]
        settings = (f"duration_stretch={self.speed:g}", f"int_f0_target_mean={self.pitch:g}")
        options = [word for setting in settings for word in ("--setf", setting)]
        return ["-voice", self.voice, *options, "-t", self.word, "-o", str(file)]


@dataclass(frozen=True)
class Synthesisers:
    """The programs below a root: the system's, or a folder that packages were unpacked in.

    Args:
        root: has ``usr/bin``.
    """

    root: Path

    def has(self, program: str) -> bool:
        """Whether it is there."""
        return self._place(program).is_file()

    def say(self, utterance: Utterance, file: Path) -> None:
        """Write an utterance as a WAV.

        Raises:
            LissomError: the program is not there or fails.
        """
        command = [str(self._place(utterance.program)), *utterance.words(file)]
        try:
            subprocess.run(command, check=True, capture_output=True, env=self._environment(), timeout=TIMEOUT_SECONDS)
        except (OSError, subprocess.SubprocessError) as error:
            text = getattr(error, "stderr", None) or str(error).encode()
            raise LissomError(
                f"{utterance.program} could not say {utterance.word!r}: {text.decode(errors='replace').strip()[:200]}",
                hint=f"apt-get install {utterance.program}",
            ) from error
        if not file.is_file():
            raise LissomError(f"{utterance.program} wrote nothing for {utterance.word!r} by {utterance.voice}")

    def _place(self, program: str) -> Path:
        return self.root / "usr/bin" / program

    def _environment(self) -> dict[str, str]:
        """Where the programs' libraries and voices are, if not in the system's own folders."""
        if self.root == Path("/"):
            return dict(os.environ)
        libraries = sorted((self.root / "usr/lib").glob("*-linux-gnu*"))
        data = [place for place in libraries if (place / "espeak-ng-data").is_dir()]
        found = {"LD_LIBRARY_PATH": ":".join(map(str, libraries))}
        return {**os.environ, **found, **({"ESPEAK_DATA_PATH": str(data[0] / "espeak-ng-data")} if data else {})}


@dataclass(frozen=True)
class SpokenClips:
    """Clips that are spoken when they are first read, and kept.

    Args:
        utterances: one each.
        synthesisers: say them.
        folder: where their files are.
    """

    utterances: Sequence[Utterance]
    synthesisers: Synthesisers
    folder: Path

    def __len__(self) -> int:
        return len(self.utterances)

    def read(self, row: int) -> Clip:
        """One clip."""
        utterance = self.utterances[row]
        file = self.folder / utterance.name
        if not file.is_file():
            with whole_file(file) as temporary:
                self.synthesisers.say(utterance, temporary)
        return Clip(file)

    def name(self, row: int) -> str:
        """Program, voice and word."""
        return self.utterances[row].name
