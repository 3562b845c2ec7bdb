import numpy as np
import pytest
from sacrebleu.metrics import BLEU, CHRF

from lissom.core.errors import LissomError
from lissom.tasks.translation.measures import Bleu, measure_of

SAID = ["the cat sat on the mat", "a dog ran past two men", "", "nothing of this is right"]
WANTED = ["the cat sat on the mat .", "a dog runs past two men", "a bird", "quite another sentence"]


@pytest.mark.parametrize(("metric", "theirs"), [("bleu", BLEU()), ("chrf", CHRF())])
def test_summed_grades_score_as_sacrebleu_does(metric, theirs):
    measure = measure_of(metric, WANTED)
    grades = measure.grade(SAID, WANTED)
    assert measure.score(grades) == pytest.approx(theirs.corpus_score(SAID, [WANTED]).score, abs=1e-9)
    assert measure.signature == str(theirs.get_signature())
    drawn = [1, 1, 3, 0]
    again = theirs.corpus_score([SAID[row] for row in drawn], [[WANTED[row] for row in drawn]]).score
    assert measure.score(grades[drawn]) == pytest.approx(again, abs=1e-9)


def test_grades_of_nothing_are_no_error():
    assert Bleu().score(np.zeros((2, 10))) == 0
    assert Bleu().grade([], []).shape == (0, 10)


def test_words_are_cut_as_the_language_has_them():
    assert measure_of(None, ["单击文件菜单并选择打开然后选择一个文档。"]).tokenize == "zh"
    assert measure_of(None, ["ファイルメニューをクリックしてください"]).tokenize == "char"
    assert measure_of(None, ["Klicken Sie auf das Menü"]).tokenize == "13a"
    with pytest.raises(LissomError, match="unknown metric 'ter'"):
        measure_of("ter", WANTED)
