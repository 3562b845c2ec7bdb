"""Is a text whole? Half of a letter, as an escape of JSON may leave, is none that a tokenizer or a file can hold."""

import re

from lissom.core.errors import LissomError

_HALF = re.compile("[\ud800-\udfff]")  # surrogates: two together are a letter, and one by itself is not


def check_whole(text: str, where: str) -> None:
    """Refuse a text with half of a letter in it.

    Args:
        text: to be looked at.
        where: it stands, for the message.

    Raises:
        LissomError: it has one.
    """
    half = _HALF.search(text)
    if half is not None:
        raise LissomError(
            f"{where} holds half of a letter, \\u{ord(half[0]):04x}, which is no text",
            hint="an emoji takes two such halves in JSON, as \\ud83d\\ude00; mend the text or leave it out",
        )
