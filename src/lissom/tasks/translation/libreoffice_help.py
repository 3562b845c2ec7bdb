"""LibreOffice's help in two languages, out of Debian's packages: pages of the same name hold paragraphs of one id.

Translated by people, of a narrow field, and full of repetition: it is divided by page, and what is judged by is no
sentence that is also learnt from. Licence: MPL-2.0.
"""

import hashlib
import html
import json
import re
import subprocess
import tempfile
from pathlib import Path

from lissom.core.cache import cache_folder
from lissom.core.debian import said, unpack_packages
from lissom.core.errors import LissomError
from lissom.core.files import whole_file
from lissom.core.progress import Progress
from lissom.tasks.listing import Found
from lissom.tasks.translation.pairs import Pair, listing, without_known

INSTALLED = Path("/usr/share/libreoffice/help")  # where Debian's packages put it
PACKAGES = {"en-US": "libreoffice-help-en-us", "de": "libreoffice-help-de", "zh-CN": "libreoffice-help-zh-cn"}
WORDS = (3, 40)  # of the English sentence, the fewest and the most
SHARES = {"test": 6, "select": 4}  # of a hundred pages
_PARAGRAPH = re.compile(r'<(p|h[1-6])\b[^>]*\bid="([^"]+)"[^>]*>(.*?)</\1>', re.DOTALL)
Segments = dict[tuple[str, str], str]  # by page and id


def find_english_german(*, download: bool = False, progress: Progress | None = None) -> Found[Pair]:
    """English to German (see :func:`find_help`)."""
    return find_help("de", download=download, progress=progress)


def find_english_chinese(*, download: bool = False, progress: Progress | None = None) -> Found[Pair]:
    """English to simplified Chinese (see :func:`find_help`)."""
    return find_help("zh-CN", download=download, progress=progress)


def find_help(language: str, *, download: bool = False, progress: Progress | None = None) -> Found[Pair]:
    """Pairs of English and another language, divided by page.

    Args:
        language: in ``PACKAGES``.
        download: fetch the packages where they are not on disk.
        progress: shows what is waited for.

    Raises:
        LissomError: it is not on disk and may not be, or could not be, fetched.
    """
    english, other = _segments(["en-US", language], download, progress or Progress(enabled=False))
    parts: dict[str, dict[Pair, None]] = {"train": {}, "select": {}, "test": {}}
    for key, sentence in english.items():
        translated = other.get(key, sentence)
        if translated != sentence and WORDS[0] <= len(sentence.split()) <= WORDS[1]:
            parts[_part(key[0])].setdefault((sentence, translated))
    train = list(parts["train"])
    select = without_known(list(parts["select"]), train)
    test = without_known(list(parts["test"]), [*train, *select])
    dropped = sum(map(len, parts.values())) - len(train) - len(select) - len(test)
    note = f"divided by page; {dropped} sentences to judge by that others also hold were left out"
    made = {"train": listing(train), "select": listing(select), "test": listing(test)}
    return Found(f"libreoffice-help-en-{language[:2]}", made, notes=(note,))


def _part(page: str) -> str:
    place = int(hashlib.sha256(page.encode()).hexdigest(), 16) % 100
    if place < SHARES["test"]:
        return "test"
    return "select" if place < SHARES["test"] + SHARES["select"] else "train"


def _segments(languages: list[str], download: bool, progress: Progress) -> list[Segments]:
    cache = cache_folder() / "libreoffice-help"
    missing = [language for language in languages if not (cache / f"{language}.jsonl").is_file()]
    for language in missing:
        if (INSTALLED / language).is_dir():
            _keep(read_pages(INSTALLED / language), cache / f"{language}.jsonl")
    missing = [language for language in missing if not (cache / f"{language}.jsonl").is_file()]
    if missing and not download:
        raise LissomError(
            f"LibreOffice's help in {' and '.join(missing)} is not in {cache}",
            hint=("--download fetches it (2 to 4 MB each)", "or install libreoffice-help-en-us and its like"),
        )
    if missing:
        _fetch(missing, cache, progress)
    return [_kept(cache / f"{language}.jsonl") for language in languages]


def _fetch(languages: list[str], cache: Path, progress: Progress) -> None:
    names = [PACKAGES[language] for language in languages]
    with progress.waiting(f"fetching {' and '.join(names)}"), tempfile.TemporaryDirectory() as folder:
        try:
            root = unpack_packages(names, Path(folder)) / INSTALLED.relative_to("/")
        except (OSError, subprocess.SubprocessError, LissomError) as error:
            raise LissomError(
                f"LibreOffice's help could not be fetched: {said(error)}",
                hint=f"copy the folders {', '.join(languages)} of it to {INSTALLED}",
            ) from error
        for language in languages:
            _keep(read_pages(root / language), cache / f"{language}.jsonl")


def read_pages(folder: Path) -> Segments:
    """The paragraphs and headings of all pages in a language's folder, the first where an id is there twice."""
    found: Segments = {}
    for page in sorted((folder / "text").rglob("*.html")):
        name = page.relative_to(folder).as_posix()
        for _, number, inner in _PARAGRAPH.findall(page.read_text(encoding="utf-8")):
            sentence = html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", inner))).strip()
            if sentence:
                found.setdefault((name, number), sentence)
    if not found:
        raise LissomError(f"{folder} holds no page of LibreOffice's help")
    return found


def _keep(segments: Segments, path: Path) -> None:
    lines = [json.dumps([*key, sentence], ensure_ascii=False) + "\n" for key, sentence in segments.items()]
    with whole_file(path) as temporary:
        temporary.write_text("".join(lines), encoding="utf-8")


def _kept(path: Path) -> Segments:
    try:
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        return {(str(page), str(number)): str(sentence) for page, number, sentence in rows}
    except (ValueError, TypeError) as error:
        raise LissomError(f"{path} is damaged", hint="remove it and run again with --download") from error
