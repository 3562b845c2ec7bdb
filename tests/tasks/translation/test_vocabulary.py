import io
import json

import pytest
import sentencepiece
from tokenizers import Tokenizer

from lissom.core.errors import LissomError
from lissom.tasks.translation.vocabulary import find_vocabulary
from lissom.testing.tiny_translation import pair_tokenizer
from lissom.testing.tiny_translators import END, READ, framed_tokenizer

LINES = {
    "source": ["A quiet man reads the paper.", "Two men read books in the park!", "The park is quiet; men sleep."] * 4,
    "target": ["Ein ruhiger Mann liest die Zeitung.", "Zwei Männer lesen im Park Bücher!", "Männer schlafen."] * 4,
}


@pytest.fixture(scope="module")
def marian(tmp_path_factory):
    """The three files of a Marian model, and what sentencepiece itself reads them with."""
    folder, readers, pieces = tmp_path_factory.mktemp("marian"), {}, []
    for side, lines in LINES.items():
        made = io.BytesIO()
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(lines), model_writer=made, vocab_size=32, bos_id=-1, minloglevel=2
        )
        (folder / f"{side}.spm").write_bytes(made.getvalue())
        reader = readers[side] = sentencepiece.SentencePieceProcessor(model_proto=made.getvalue())
        pieces += [reader.IdToPiece(number) for number in range(reader.GetPieceSize())]
    names = ["</s>", "<unk>", *(p for p in dict.fromkeys(pieces) if p not in ("</s>", "<unk>")), "<pad>"]
    numbered = {piece: number for number, piece in enumerate(names)}
    (folder / "vocab.json").write_text(json.dumps(numbered), encoding="utf-8")
    return folder, readers, numbered


def test_marians_files_read_as_sentencepiece_and_the_list_do(marian):
    folder, readers, numbered = marian
    found = find_vocabulary(None, str(folder), "x", len(numbered))
    assert found.unknown == numbered["<unk>"]
    for side, text in (("source", found.source), ("target", found.target)):
        ours = Tokenizer.from_str(text)
        for line in [*LINES[side], "The pärk  is 東", "ﬁx it", "x"]:
            pieces = [numbered.get(piece, numbered["<unk>"]) for piece in readers[side].EncodeAsPieces(line)]
            assert ours.encode(line, add_special_tokens=False).ids == pieces, line
        assert ours.decode(ours.encode(LINES[side][0], add_special_tokens=False).ids) == LINES[side][0]


def test_damaged_and_missing_files_are_errors_for_people(marian, tmp_path):
    folder, _, numbered = marian
    for name in ("source.spm", "target.spm"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    with pytest.raises(LissomError, match="there is no tokenizer in"):
        find_vocabulary(None, str(tmp_path), "x", 999)
    (tmp_path / "vocab.json").write_text('{"a": 5}', encoding="utf-8")
    with pytest.raises(LissomError, match="does not number its pieces"):
        find_vocabulary(None, str(tmp_path), "x", 999)
    (tmp_path / "vocab.json").write_text(json.dumps(numbered), encoding="utf-8")
    (tmp_path / "source.spm").write_bytes(b"\xff" * 40)
    with pytest.raises(LissomError, match="no model of SentencePiece"):
        find_vocabulary(None, str(tmp_path), "x", 999)


@pytest.mark.parametrize(
    ("name", "asked", "hint"),
    [
        ("source.spm", True, "name the folder that holds source.spm, target.spm and vocab.json"),
        ("tokenizer.json", False, "copy it again"),
        ("target.json", False, "copy it again"),
    ],
)
def test_a_tokenizer_that_is_no_text_is_told(tmp_path, name, asked, hint):
    for side in ("source.json", "target.json"):
        (tmp_path / side).write_text(pair_tokenizer(), encoding="utf-8")
    (tmp_path / name).write_bytes(b"\n\x0e\xff\xfe")
    with pytest.raises(LissomError, match=f"{name} is no text") as refused:
        find_vocabulary(tmp_path / name if asked else None, str(tmp_path), "x", 99)
    assert refused.value.hints == (hint,)


def test_a_tokenizer_of_another_model_is_refused(tmp_path):
    path = tmp_path / "tokenizer.json"
    path.write_text(pair_tokenizer(), encoding="utf-8")
    assert find_vocabulary(path, None, "x", 19).unknown == 1
    with pytest.raises(LissomError, match="has 19 tokens, x has embeddings for 12"):
        find_vocabulary(path, None, "x", 12)
    with pytest.raises(LissomError, match="has no tokenizer"):
        find_vocabulary(None, None, "x", 12)


def test_both_tokenizers_of_a_run_are_read_again(tmp_path):
    for name in ("source.json", "target.json"):
        (tmp_path / name).write_text(pair_tokenizer(), encoding="utf-8")
    assert find_vocabulary(None, str(tmp_path), "x", 19).target == pair_tokenizer()


@pytest.mark.parametrize(
    ("before", "behind", "found"),
    [
        ((), (), ((), ())),
        ((), ("</s>",), ((), (END,))),
        (("<s>",), ("</s>",), ((0,), (END,))),
        ((), ("</s>", "en_XX"), ((), (END, READ))),
        (("en_XX",), ("</s>",), ((READ,), (END,))),
    ],
)
def test_what_a_tokenizer_puts_around_a_text_is_known(tmp_path, before, behind, found):
    (tmp_path / "tokenizer.json").write_text(framed_tokenizer(before, behind), encoding="utf-8")
    known = find_vocabulary(None, str(tmp_path), "x", 99)
    assert (known.before, known.behind) == found


def test_a_tokenizer_of_python_code_is_named(tmp_path):
    told = tmp_path / "tokenizer_config.json"
    told.write_text('{"tokenizer_class": "M2M100Tokenizer"}', encoding="utf-8")
    with pytest.raises(LissomError, match="is a M2M100Tokenizer, and none of its files can be read") as caught:
        find_vocabulary(None, str(tmp_path), "x", 99)
    assert "tokenizer.json" in caught.value.hints[0]
    told.write_text("{", encoding="utf-8")
    with pytest.raises(LissomError, match=r"tokenizer_config\.json is damaged"):
        find_vocabulary(None, str(tmp_path), "x", 99)
