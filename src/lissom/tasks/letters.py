"""The script of a letter. A bundle that has to tell scripts has this file too."""

import unicodedata


def script(letter: str) -> str:
    """The first word of its name in Unicode, which is its script's, such as ``"LATIN"``; empty where it has none."""
    return unicodedata.name(letter, "").partition(" ")[0]
