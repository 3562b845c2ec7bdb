import pytest

from lissom.core.errors import LissomError
from lissom.tasks.translation import libreoffice_help
from lissom.tasks.translation.libreoffice_help import find_english_chinese, find_english_german, read_pages

PAGES = 60
SHARED = "Click the OK button to close the dialog."


def page(number: int, language: str) -> str:
    said = {"en-US": f"Opens the menu number {number} &amp; more.", "zh-CN": f"打开第 {number} 个菜单。"}[language]
    common = {"en-US": SHARED, "zh-CN": "单击「确定」按钮。"}[language]
    return (
        f'<h1 id="h{number}"><b>LibreOffice</b></h1><p class="x" id="p1">{said}</p>'
        f'<p id="p2">{common}</p><p>no id</p><p id="p1">a second of that id</p>'
    )


@pytest.fixture
def installed(tmp_path, monkeypatch):
    for language in ("en-US", "zh-CN"):
        for number in range(PAGES):
            place = tmp_path / "help" / language / "text" / "shared" / f"{number}.html"
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(page(number, language), encoding="utf-8")
    monkeypatch.setattr(libreoffice_help, "INSTALLED", tmp_path / "help")
    monkeypatch.setenv("LISSOM_CACHE", str(tmp_path / "cache"))
    return tmp_path / "help"


def test_pages_are_read_without_tags_the_first_of_an_id(installed):
    found = read_pages(installed / "en-US")
    assert found["text/shared/3.html", "p1"] == "Opens the menu number 3 & more."
    assert found["text/shared/3.html", "h3"] == "LibreOffice"


def test_pairs_are_divided_by_page_and_nothing_learnt_is_judged_by(installed):
    found = find_english_chinese()
    rows = {name: [part.items.read(int(row)) for row in part.rows] for name, part in found.parts.items()}
    assert ("Opens the menu number 3 & more.", "打开第 3 个菜单。") in [pair for part in rows.values() for pair in part]
    assert SHARED in [source for source, _ in rows["train"]]
    judged = {source for name in ("select", "test") for source, _ in rows[name]}
    assert judged and not judged & {source for source, _ in rows["train"]}
    assert sum(map(len, rows.values())) == PAGES + 1  # the heading is the same in both and a word alone
    again = find_english_chinese()  # out of the cache
    assert len(again.parts["test"]) == len(found.parts["test"])


def test_a_language_that_is_not_there_may_be_fetched(installed):
    with pytest.raises(LissomError, match="LibreOffice's help in de is not in") as refused:
        find_english_german()
    assert "--download" in str(refused.value)
