"""What pays on the target, case by case."""

import pytest

from lissom.engine.paying import pays
from lissom.plan.budget import parse_budget

BEFORE = {"latency": 0.5, "size": 1000.0, "memory": 100.0, "macs": 1e6, "parameters": 1e5}


@pytest.mark.parametrize(
    ("budget", "changes", "expected", "words"),
    [
        ("latency<=20%", {"latency": 0.4}, True, "1.25x the speed"),
        ("latency<=20%", {"latency": 0.495}, False, "not faster (1.01x the speed)"),
        ("latency<=20%", {"latency": 0.6, "size": 500.0}, False, "not faster (0.83x the speed)"),
        ("latency<=20%", {"size": 500.0}, False, "not faster (1.00x the speed)"),
        ("size<=5%", {"size": 500.0}, True, "size 50% less (1.00x the speed)"),
        ("size<=5%", {"size": 500.0, "latency": 0.6}, True, "size 50% less (0.83x the speed)"),
        ("size<=5%", {"size": 990.0}, False, "not faster"),
        ("size<=5%", {"latency": 0.4}, True, "1.25x the speed"),
        ("size<=5%", {"latency": 0.4, "size": 1100.0}, False, "more size (1.25x the speed)"),
        ("size<=5%, latency<=20%", {"size": 500.0, "latency": 0.6}, False, "not faster"),
        ("size<=5%, latency<=20%", {"size": 500.0, "latency": 0.502}, True, "size 50% less"),
        ("parameters<=9%, macs<=9%", {"macs": 5e5, "parameters": 5e4}, True, "parameters 50% less, macs 50% less"),
        ("drop<=1pt", {"latency": 0.4}, True, "1.25x the speed"),
        ("drop<=1pt", {"size": 10.0}, False, "not faster"),
    ],
)
def test_it_pays_to_need_less_of_what_is_limited(
    budget: str, changes: dict[str, float], expected: bool, words: str
) -> None:
    found = pays(parse_budget(budget), {**BEFORE, **changes}, BEFORE)
    assert found.pays is expected and words in found.words
