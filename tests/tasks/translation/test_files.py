import gzip
import json
from pathlib import Path

import pytest

from lissom.core.errors import LissomError
from lissom.tasks.translation.sources import find

ROWS = [("one two", "eins zwei"), ("three", "drei")]


def rows(found, part="all"):
    listing = found.parts[part]
    return [listing.items.read(int(row)) for row in listing.rows]


def written(path: Path, text: str) -> str:
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_two_aligned_files_are_read_packed_or_not(tmp_path):
    first, second = tmp_path / "a.en", tmp_path / "a.de.gz"
    first.write_text("one two\nthree\n", encoding="utf-8")
    second.write_bytes(gzip.compress(b"eins zwei\ndrei\n"))
    assert rows(find(f"{first},{second}")) == ROWS


@pytest.mark.parametrize("header", ["source,target\n", "en,de\n", ""])
def test_a_csv_with_and_without_names(tmp_path, header):
    assert rows(find(written(tmp_path / "a.csv", f"{header}one two,eins zwei\nthree,drei\n"))) == ROWS


def test_columns_are_chosen_and_exchanged_by_their_languages(tmp_path):
    path = written(tmp_path / "a.tsv", "id\ten\tde\n1\tone two\teins zwei\n2\tthree\tdrei\n")
    assert rows(find(path, ("en", "de"))) == ROWS
    assert rows(find(path, ("de", "en"))) == [(b, a) for a, b in ROWS]
    with pytest.raises(LissomError, match="has no column 'fr'"):
        find(path, ("en", "fr"))
    with pytest.raises(LissomError, match="3 columns: id, en, de"):
        find(path)


def test_json_lines_flat_and_as_data_sets_nest_them(tmp_path):
    nested = [{"id": 1, "translation": {"en": a, "de": b}} for a, b in ROWS]
    path = written(tmp_path / "a.jsonl", "\n".join(map(json.dumps, nested)))
    assert rows(find(path, ("en", "de"))) == ROWS


def test_a_folder_has_parts_by_name_and_repeats_are_not_judged_by(tmp_path):
    for name, text in {
        "train.en": "one two\nthree\n\n",
        "train.de": "eins zwei\ndrei\nvier\n",
        "val.en": "four\n",
        "val.de": "vier\n",
        "test_2016.en": "Three \nfive\n",
        "test_2016.de": "drei\nfuenf\n",
    }.items():
        written(tmp_path / name, text)
    found = find(tmp_path, ("en", "de"))
    assert (rows(found, "train"), rows(found, "select")) == (ROWS, [("four", "vier")])
    assert rows(found, "test") == [("five", "fuenf")]
    assert found.notes == (
        "1 pairs of which one side is empty were left out",
        "1 sentences to judge by that are also learnt from were left out",
    )
    with pytest.raises(LissomError, match="--languages de-en or en-de"):
        find(tmp_path)
    with pytest.raises(LissomError, match="no file in 'fr'"):
        find(tmp_path, ("en", "fr"))


def test_files_that_do_not_go_together_are_refused(tmp_path):
    first, second = written(tmp_path / "a.en", "one\ntwo\n"), written(tmp_path / "a.de", "eins\n")
    with pytest.raises(LissomError, match=r"2 lines and .* has 1: they are not aligned"):
        find(f"{first},{second}")
    with pytest.raises(LissomError, match="there is no file"):
        find(f"{first},{tmp_path / 'gone.de'}")


def test_damaged_files_are_named_with_their_line(tmp_path):
    (tmp_path / "latin.tsv").write_bytes("one\teins\nfive\tf\xfcnf\n".encode("latin-1"))
    with pytest.raises(LissomError, match="not UTF-8: line 2 has the byte 0xfc"):
        find(str(tmp_path / "latin.tsv"))
    (tmp_path / "cut.tsv.gz").write_bytes(gzip.compress(b"one\teins\n" * 50)[:-12])
    with pytest.raises(LissomError, match="cannot be unpacked"):
        find(str(tmp_path / "cut.tsv.gz"))
    with pytest.raises(LissomError, match="row 2: 3 columns"):
        find(written(tmp_path / "a.csv", "one,eins\ntwo, too,zwei\n"))
    with pytest.raises(LissomError, match="line 2"):
        find(written(tmp_path / "a.jsonl", '{"source": "a", "target": "b"}\n{"source"\n'))
    with pytest.raises(LissomError, match="no pair of which both sides have text"):
        find(written(tmp_path / "b.csv", "one,\n,zwei\n"))


def test_pairs_of_a_program():
    found = find({"train": ROWS, "test": [("four", "vier")]})
    assert rows(found, "test") == [("four", "vier")]
    with pytest.raises(LissomError, match="no list of pairs"):
        find({"train": ["one"], "test": ROWS})


def test_what_is_missing_in_pairs_of_a_program_is_empty_and_no_word():
    found = find(
        {"train": [*ROWS, ("five", None), (None, "sechs"), ("seven", float("nan"))], "test": [("four", "vier")]}
    )
    assert rows(found, "train") == ROWS
    assert found.notes == ("3 pairs of which one side is empty were left out",)


@pytest.mark.parametrize(
    ("first", "languages"), [("Yes\tJa", None), ("Go\tLos", ("en", "de")), ("no\tna", ("en", "de"))]
)
def test_a_short_first_pair_is_no_header(tmp_path, first, languages):
    found = rows(find(written(tmp_path / "a.tsv", f"{first}\none two\teins zwei\n"), languages))
    assert found == [tuple(first.split("\t")), ROWS[0]]


@pytest.mark.parametrize(
    ("header", "languages"),
    [("en\tde", None), ("en\tzh-CN", None), ("eng_Latn\tdeu_Latn", ("en", "de")), ("EN\tDE", ("en", "de"))],
)
def test_codes_of_languages_are_a_header(tmp_path, header, languages):
    assert rows(find(written(tmp_path / "a.tsv", f"{header}\none two\teins zwei\nthree\tdrei\n"), languages)) == ROWS


def test_a_column_says_the_split(tmp_path):
    lines = ["Split,en,de", "train,one two,eins zwei", "dev,three,drei", " Test ,four,vier"]
    nested = [{"translation": {"en": a, "de": b}, "subset": part} for a, b, part in (
        ("one two", "eins zwei", "train"), ("three", "drei", "validation"), ("four", "vier", "test"))]  # fmt: skip
    for path in (
        written(tmp_path / "a.csv", "\n".join(lines)),
        written(tmp_path / "a.jsonl", "\n".join(map(json.dumps, nested))),
    ):
        for languages in (None, ("en", "de")):
            found = find(path, languages)
            assert [rows(found, part) for part in ("train", "select", "test")] == [
                *([row] for row in ROWS),
                [("four", "vier")],
            ]
    with pytest.raises(LissomError, match=r"a\.csv, line 3: a split 'later'"):
        find(written(tmp_path / "a.csv", "source,target,split\none,eins,train\ntwo,zwei,later\n"))
    with pytest.raises(LissomError, match="line 3 has no split"):
        find(written(tmp_path / "a.csv", "source,target,split\none,eins,train\ntwo,zwei,\n"))
    whole = tmp_path / "whole"
    whole.mkdir()
    written(whole / "train.csv", "source,target,split\none two,eins zwei,1\nthree,drei,2\n")
    assert rows(find(whole), "train") == ROWS, "the name of the file says it"
    assert rows(find(written(tmp_path / "b.csv", "part,target\none two,eins zwei\nthree,drei\n"))) == [
        ("part", "target"), *ROWS
    ], "there are no other two columns"  # fmt: skip


def test_half_of_a_letter_is_told_with_its_line(tmp_path):
    path = written(
        tmp_path / "a.jsonl", '{"source": "a \\ud83d\\ude00", "target": "b"}\n{"source": "a \\ud83d", "target": "b"}\n'
    )
    with pytest.raises(LissomError, match=r"a\.jsonl, line 2 holds half of a letter, \\ud83d"):
        find(path)
    with pytest.raises(LissomError, match=r"pair 1 of the part test of data holds half of a letter, \\ude00"):
        find({"train": ROWS, "test": [("a \U0001f600", "b"), ("c", "d \ude00")]})


@pytest.mark.parametrize(
    ("header", "languages", "exchanged"),
    [
        ("English,German", None, False),
        ("english,Deutsch", ("en", "de"), False),
        ("English,German", ("de", "en"), True),
        ("Deutsch,中文", None, False),
    ],
)
def test_names_of_languages_are_a_header(tmp_path, header, languages, exchanged):
    found = rows(find(written(tmp_path / "a.csv", f"{header}\none two,eins zwei\nthree,drei\n"), languages))
    assert found == ([(b, a) for a, b in ROWS] if exchanged else ROWS)


def test_a_list_of_short_words_has_no_header_and_a_text_with_a_few_has_one(tmp_path):
    short = ["no\tna", "so\tso", "one two\teins zwei"]
    assert len(rows(find(written(tmp_path / "a.tsv", "\n".join(short))))) == 3
    assert rows(find(written(tmp_path / "b.tsv", "so\tso\none two\teins zwei\n")))[0] == ("so", "so")
    text = ["en\tde", "yes\tja", *(f"sentence {n}\tSatz {n}" for n in range(120))]
    assert rows(find(written(tmp_path / "c.tsv", "\n".join(text))))[0] == ("yes", "ja")
    assert rows(find(written(tmp_path / "d.tsv", "en\tde\nyes\tja\n"), ("en", "de"))) == [("yes", "ja")]
