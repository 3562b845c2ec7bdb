import re
from dataclasses import replace
from pathlib import Path

from lissom.core.records import Curve, Picture, Sight
from lissom.report.curve_chart import curve_chart
from lissom.report.html import page
from lissom.report.view import read

CURVES = (
    Curve("original", (0.1, 0.3, 0.9), (28.0, 31.0, 34.0)),
    Curve("result", (0.11, 0.32, 0.95), (27.5, 30.5, 33.5)),
)


def test_a_chart_says_its_points_in_words_and_draws_each() -> None:
    drawn = curve_chart(CURVES)
    assert "original: 28.0 dB at 0.1 bits a pixel, 31.0 dB at 0.3 bits a pixel" in drawn
    assert drawn.count("<circle") == 6 and drawn.count('class="curve original"') == 2
    assert curve_chart(()) == ""


def test_the_page_shows_pictures_side_by_side_and_escapes_what_is_said(met_run: Path) -> None:
    view = read(met_run)
    sight = Sight("window <1>", (Picture("AAAA", "the frame"), Picture("BBBB", "result: 0.1 bits")))
    shown = page(replace(view, curves=CURVES, sights=(sight,)))
    assert "To look at" in shown and "window &lt;1&gt;" in shown
    assert shown.index("base64,AAAA") < shown.index("base64,BBBB")
    assert re.search(r'http-equiv="Content-Security-Policy" content="[^"]*img-src data:', shown), "they may be shown"
    assert "To look at" not in page(view)
