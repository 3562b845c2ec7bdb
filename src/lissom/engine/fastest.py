"""The fastest of several loaded artefacts, told apart by measuring close ones again."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from lissom.core.statistics import ratio_interval
from lissom.engine.measuring import Examples, in_turn
from lissom.targets.target import Runner

SURE = 0.03
ROUNDS = 7
_NEAR, _LEAST_ROUNDS = 0.08, 4
Load = Callable[[], Runner]
Samples = dict[str, list[float]]


def one_round(load: Mapping[str, Load], examples: Examples, *, seconds: float, seed: int = 0) -> Samples:
    """Latencies in ms of all of them, taken in turn, ``seconds`` for each; each is loaded anew."""
    runners = {name: make() for name, make in load.items()}
    return in_turn(runners, examples, seconds=seconds * len(runners), seed=seed)


def settle(
    load: Mapping[str, Load], examples: Examples, samples: Samples, *, seconds: float, rounds: int = ROUNDS
) -> str:
    """Measure again those that may be the fastest, until one is within 3 % of the fastest for sure.

    How fast an artefact is also depends on where it came to lie in memory, by several percent, which no interval of
    one loading knows of: what is within 8 % is loaded and measured in four rounds at least.

    Args:
        load: what loads each, by name.
        examples: the batches that they are timed with, one after the other.
        samples: of a first round of all; later ones are added to it.
        seconds: for each of them in every round.
        rounds: at most so many.

    Returns:
        The name of the one with the least median.
    """
    contenders = list(load)
    for number in range(rounds):
        near = _NEAR if number < _LEAST_ROUNDS - 1 else -SURE
        contenders = unsettled({name: samples[name] for name in contenders}, near=near)
        if len(contenders) < 2:
            break
        more = one_round({name: load[name] for name in contenders}, examples, seconds=seconds, seed=number + 1)
        for name, values in more.items():
            samples[name] = [*samples[name], *values]
    return _least({name: samples[name] for name in contenders})


def unsettled(samples: Mapping[str, Sequence[float]], *, near: float = -SURE) -> list[str]:
    """The one with the least median, first, and all that may be slower than it by less than ``near``, as a share.

    With ``-SURE`` those are meant than which it may be more than 3 % slower itself. May: the 95 % interval of the
    ratio allows it.
    """
    best = _least(samples)
    others = (name for name in samples if name != best)
    return [best, *(name for name in others if ratio_interval(samples[best], samples[name])[1][1] > 1 - near)]


def _least(samples: Mapping[str, Sequence[float]]) -> str:
    return min(samples, key=lambda name: float(np.median(samples[name])))
