"""Write words of the real voice of the data set synthetic-words into one recording, with pauses, to be listened to.

    python training/words_in_a_row.py OUTPUT.wav [WORD ...]

The words that it holds, each with its time, are printed. ``predict.py --stream OUTPUT.wav`` of a bundle hears it.
"""

import sys
from pathlib import Path

import numpy as np
import soundfile

from lissom.core.files import whole_file
from lissom.tasks.speech.prompts import RATE
from lissom.tasks.speech.synthetic_words import find_synthetic_words

WORDS = ("seven", "november", "today", "charlie", "friday", "goodbye")
PAUSE_S = 1.5


def main(output: Path, words: list[str]) -> None:
    """Write the recording, and print when each word begins."""
    found = find_synthetic_words(download=True)
    test = found.parts["test"]
    assert test.labels is not None
    parts, at = [], 0.0
    for word in words:
        row = int(np.flatnonzero(test.labels == found.classes.index(word))[0])
        sound = test.items.read(row).samples(RATE)
        parts += [np.zeros(round(PAUSE_S * RATE), dtype=np.float32), sound]
        print(f"{at + PAUSE_S:8.2f} s  {word}")
        at += PAUSE_S + len(sound) / RATE
    with whole_file(output) as temporary:
        soundfile.write(temporary, np.concatenate(parts), RATE, format="WAV")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:] or list(WORDS))
