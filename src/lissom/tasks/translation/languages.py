"""Names and codes of languages, as they stand above the columns of a table."""

import re
from collections.abc import Sequence

NAMES = {  # of the usual ones in English, and then as they call themselves
    "ar": ("arabic", "العربية"), "bg": ("bulgarian", "български"), "ca": ("catalan", "català"),
    "cs": ("czech", "čeština"), "da": ("danish", "dansk"), "de": ("german", "deutsch"), "el": ("greek", "ελληνικά"),
    "en": ("english",), "es": ("spanish", "español", "castellano"), "et": ("estonian", "eesti"),
    "fa": ("persian", "farsi", "فارسی"), "fi": ("finnish", "suomi"), "fr": ("french", "français"),
    "he": ("hebrew", "עברית"), "hi": ("hindi", "हिन्दी"), "hr": ("croatian", "hrvatski"), "hu": ("hungarian", "magyar"),
    "id": ("indonesian", "bahasa indonesia"), "it": ("italian", "italiano"), "ja": ("japanese", "日本語"),
    "ko": ("korean", "한국어"), "lt": ("lithuanian", "lietuvių"), "lv": ("latvian", "latviešu"),
    "nl": ("dutch", "nederlands"), "no": ("norwegian", "norsk"), "pl": ("polish", "polski"),
    "pt": ("portuguese", "português"), "ro": ("romanian", "română"), "ru": ("russian", "русский"),
    "sk": ("slovak", "slovenčina"), "sl": ("slovenian", "slovene", "slovenščina"), "sr": ("serbian", "српски"),
    "sv": ("swedish", "svenska"), "th": ("thai", "ไทย"), "tr": ("turkish", "türkçe"),
    "uk": ("ukrainian", "українська"), "vi": ("vietnamese", "tiếng việt"), "zh": ("chinese", "中文"),
}  # fmt: skip
_CODES = {name: code for code, names in NAMES.items() for name in names}
_CODE = re.compile(r"([a-z]{2,3})([-_][A-Za-z0-9]{2,4})?")
_FEW = 0.01  # of all rows, up to which a pair of words as short as codes is no sign of a list of words


def code_of(name: str) -> str | None:
    """The code of a language that is named in English or in itself, whatever the case; ``None`` for other words."""
    return _CODES.get(name.strip().casefold())


def are_names(cells: Sequence[str]) -> bool:
    """Whether these are names of different languages, such as English and Deutsch; German and Deutsch are one pair."""
    codes = [code_of(cell) for cell in cells]
    return None not in codes and len(set(codes)) == len(codes)


def are_codes(cells: Sequence[str], asked: Sequence[str] | None, others: Sequence[Sequence[str]]) -> bool:
    """Whether these are codes of languages, such as en and zh-CN; "Yes" is none.

    Args:
        cells: of the first row of a table.
        asked: the languages that the user says; the codes have to be theirs.
        others: the other rows. Where nothing is asked and some of them look like codes too, all are short words.
    """
    found = [_CODE.fullmatch(cell) for cell in cells]
    codes = [code[1] for code in found if code is not None]
    if len(codes) < len(cells) or len(set(cells)) < len(cells):
        return False
    if asked is None:
        alike = sum(all(_CODE.fullmatch(cell.strip()) for cell in row) for row in others)
        return alike <= _FEW * len(others)
    wanted = [re.split("[-_]", language.lower())[0] for language in asked]
    return any(all(map(_alike, codes, order)) for order in (wanted, wanted[::-1]))


def _alike(one: str, other: str) -> bool:
    """Whether two codes may mean one language, as de and deu do."""
    return one.startswith(other) or other.startswith(one)
