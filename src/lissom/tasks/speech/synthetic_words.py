"""Sixty-eight words that synthesisers say, to learn from and to choose by, and a real voice says, for the verdict.

Train: espeak-ng in many voices, which are formants, and three voices of flite, which were learnt from recordings of
people. Select: flite's fourth voice, a man who is not among them. Test: Debian's recordings of one real woman, to whom
a first list of words was shortened once: her score is not wholly that of a voice that nothing was chosen by.
"""

import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from lissom.core.cache import cache_folder
from lissom.core.debian import said, unpack_packages
from lissom.core.errors import LissomError
from lissom.core.files import writing
from lissom.core.progress import Progress
from lissom.tasks.listing import Found, Items, Listing
from lissom.tasks.speech.clips import Clip
from lissom.tasks.speech.prompts import FOLDER, PACKAGE, SPEAKER, Prompts
from lissom.tasks.speech.synthesis import SpokenClips, Synthesisers, Utterance

NAME = "synthetic-words"
# Words as Asterisk numbers its recordings of them.
NUMBERS = "zero one two three four five six seven eight nine"
DAYS = "sunday monday tuesday wednesday thursday friday saturday"
MONTHS = "january february march april may june july august september october november december"
LETTERS = (
    "alpha bravo charlie delta echo foxtrot golf hotel india juliet kilo lima mike november oscar papa quebec romeo "
    "sierra tango uniform victor whiskey xray yankee zulu"
)
OTHERS = {
    "goodbye": ("goodbye", "vm-goodbye"),
    "hello": ("hello",),
    "minutes": ("minutes", "queue-minutes", "vm-minutes"),
    "extension": ("extension", "vm-extension"),
    "no": ("vm-no",),
    "password": ("vm-password",),
    "pause": ("dictate/pause",),
    "record": ("dictate/record",),
    "seconds": ("seconds", "queue-seconds"),
    "star": ("digits/star", "letters/ascii42"),
    "today": ("digits/today",),
    "tomorrow": ("digits/tomorrow",),
    "urgent": ("vm-Urgent",),
    "yesterday": ("digits/yesterday",),
}
ACCENTS = ("en-us", "en-us", "en-us-nyc", "en-gb", "en-gb-x-rp", "en-gb-scotland", "en-029")
VARIANTS = (
    "Alex Alicia Andrea Andy Annie Denis Gene Henrique Hugo Lee Marco Michael Mike adam anika belinda benjamin boris "
    "david ed f1 f2 f3 f4 f5 john linda m1 m3 m7 steph victor"
)
FLITE = {"awb": 110.0, "kal16": 100.0, "rms": 95.0, "slt": 170.0}  # hertz, their usual pitch
HELD = "rms"  # the voice to choose by
ONE_PITCH = ("rms",)  # voices that speak at their own pitch whatever they are asked
SPEEDS, PITCHES = (0.9, 1.15, 1.4), (0.85, 1.0, 1.2)  # factors of flite's lengths and pitches
HELD_SPEEDS = (0.8, 0.88, 0.96, 1.04, 1.12, 1.2, 1.28, 1.36, 1.44)
FEATURES = {"rate": 8000, "bands": 20, "window_ms": 40.0, "hop_ms": 20.0}  # close to those of DS-CNN's paper
SEED = 0
PACKAGES = (
    "espeak-ng",
    "espeak-ng-data",
    "libespeak-ng1",
    "libpcaudio0",
    "libsonic0",
    "flite",
    "libflite1",
    "libasound2",
)
PACKAGES += (PACKAGE,)
INSTALLED = Path("/")
HINTS = ("--download fetches Debian's packages (29 MB)", f"or apt-get install espeak-ng flite {PACKAGE}")


def recordings() -> dict[str, tuple[str, ...]]:
    """The names of Asterisk's recordings of each word."""
    words: dict[str, tuple[str, ...]] = {}
    words |= {word: (f"digits/{n}",) for n, word in enumerate(NUMBERS.split())}
    words |= {word: (f"digits/day-{n}",) for n, word in enumerate(DAYS.split())}
    words |= {word: (f"digits/mon-{n}",) for n, word in enumerate(MONTHS.split())}
    for word in LETTERS.split():
        words[word] = (*words.get(word, ()), f"phonetic/{word[0]}_p")
    return words | OTHERS


CLASSES = tuple(sorted(recordings()))


def find_synthetic_words(*, download: bool = False, progress: Progress | None = None) -> Found[Clip]:
    """The data set; words are spoken as they are first read.

    Args:
        download: fetch the packages where they are neither installed nor in the cache.
        progress: shows what is waited for.

    Raises:
        LissomError: the packages are not there and may not be, or could not be, fetched.
    """
    root = programs(download=download, progress=progress or Progress(enabled=False))
    speakers, folder = Synthesisers(root), cache_folder() / NAME / "clips"
    made = {
        "train": [*made_by_formants(), *made_from_recordings(voice for voice in FLITE if voice != HELD)],
        "select": made_from_recordings([HELD], HELD_SPEEDS),
    }
    spoken = {part: SpokenClips(utterances, speakers, folder) for part, utterances in made.items()}
    names = [(name, word) for word, listed in recordings().items() for name in listed]
    parts = {
        part: _listing(items, [item.word for item in items.utterances], [_voice(item) for item in items.utterances])
        for part, items in spoken.items()
    }
    prompts = Prompts(root / FOLDER, [name for name, _ in names])
    parts["test"] = _listing(prompts, [word for _, word in names], [SPEAKER] * len(names))
    return Found(NAME, parts, CLASSES, preprocessing=FEATURES, notes=(_told(parts),), grouped_by="voices")


def _told(parts: dict[str, Listing[Clip]]) -> str:
    return (
        f"train and select are synthetic speech: the {len(parts['train'])} clips of train are espeak-ng's and of "
        f"three voices of flite, the {len(parts['select'])} of select of its fourth, {HELD}; test is a real voice: "
        f"{len(parts['test'])} recordings of Allison Smith out of Debian's Asterisk prompts (CC-BY-SA 3.0), "
        "one to three of each word; a first list of words was shortened once after they had been heard"
    )


def made_by_formants() -> list[Utterance]:
    """Every word by every voice, each with a speed and a pitch of its own."""
    draw = np.random.default_rng(SEED)
    made: list[Utterance] = []
    for number, variant in enumerate(VARIANTS.split()):
        voice = f"{ACCENTS[number % len(ACCENTS)]}+{variant}"
        for word in CLASSES:
            speed, pitch = draw.integers(110, 220), draw.integers(20, 85)
            made.append(Utterance(word, "espeak-ng", voice, int(speed), int(pitch)))
    return made


def made_from_recordings(
    voices: Iterable[str] = FLITE, speeds: Sequence[float] = SPEEDS, pitches: Sequence[float] = PITCHES
) -> list[Utterance]:
    """Every word by voices of flite, at each speed and each share of its usual pitch where that can be changed."""
    return [
        Utterance(word, "flite", voice, speed, round(FLITE[voice] * share))
        for voice in voices
        for word in CLASSES
        for speed in speeds
        for share in (pitches if voice not in ONE_PITCH else (1.0,))
    ]


def _voice(utterance: Utterance) -> str:
    return f"{utterance.program} {utterance.voice}"


def _listing(items: Items[Clip], words: list[str], groups: list[str]) -> Listing[Clip]:
    number = {word: k for k, word in enumerate(CLASSES)}
    labels = np.asarray([number[word] for word in words], dtype=np.int64)
    return Listing(items, np.arange(len(words)), labels, np.asarray(groups))


def programs(*, download: bool, progress: Progress) -> Path:
    """Below which folder the programs and recordings are.

    Raises:
        LissomError: they are not there and may not be, or could not be, fetched.
    """
    kept = cache_folder() / NAME / "debian"
    for root in (INSTALLED, kept):
        if _complete(root):
            return root
    if not download:
        raise LissomError(f"the programs and recordings of {NAME} are neither installed nor in {kept}", hint=HINTS)
    with progress.waiting("fetching espeak-ng, flite and Asterisk's prompts (29 MB)"), writing(kept):
        kept.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=kept.parent) as temp:
            try:
                root = unpack_packages(PACKAGES, Path(temp))
            except (OSError, subprocess.SubprocessError, LissomError) as error:
                raise LissomError(
                    f"{NAME}: the packages could not be fetched: {said(error)}", hint=HINTS[1:]
                ) from error
            if not kept.exists():
                root.rename(kept)
    if not _complete(kept):
        raise LissomError(f"{kept} lacks programs or recordings", hint="remove it and run again with --download")
    return kept


def _complete(root: Path) -> bool:
    speakers = Synthesisers(root)
    return all(speakers.has(program) for program in ("espeak-ng", "flite")) and (root / FOLDER).is_dir()
