"""Where a training stands in its one cycle of rates, which ends in time even where steps take longer than planned."""

import math
import time
from collections.abc import Callable

from lissom.core.progress import Deadline

_EVERY = 25  # steps between two looks at the clock
_SPARE = 0.97  # of the time left that is planned with


class Cycle:
    """The steps of a training and the rate of each.

    The rate rises over ``warm_up`` of the steps and falls to nothing along a cosine (Smith and Topin, 2018, section
    3). Where the time left does not suffice for all the steps that were planned, what is left of the cycle is passed
    through in fewer, so that it ends at a rate of nothing and not in the middle.

    Args:
        steps: how many are planned.
        warm_up: part of the cycle, 0 to 1.
        deadline: the time left.
        agree: makes one process's plan that of all which share the steps; by default there is one.
    """

    def __init__(
        self,
        steps: int,
        warm_up: float,
        deadline: Deadline | None = None,
        agree: Callable[[float], float] = lambda left: left,
    ) -> None:
        self.planned, self.step, self.left, self.done = max(1, steps), 0, max(1, steps), 0.0
        self._warm_up, self._deadline = warm_up, deadline or Deadline(None)
        self._agree = agree
        self._began: float | None = None
        self._counted = 0

    @property
    def rate(self) -> float:
        """The share of the highest rate for the next step."""
        return one_cycle(self.done, self._warm_up)

    @property
    def finished(self) -> bool:
        """Whether all steps were taken that the time allows."""
        return self.left == 0

    def advance(self) -> None:
        """One step was taken."""
        self.done += (1 - self.done) / self.left
        self.step, self.left = self.step + 1, self.left - 1
        self._look_at_the_clock()

    def _look_at_the_clock(self) -> None:
        """Plan with the pace of the steps so far. The first one of a start, which prepares much, does not count."""
        now = time.monotonic()
        if self._began is None:
            self._began = now
            return
        self._counted += 1
        if self._counted % _EVERY == 0:
            self.fit(self._deadline.left() * _SPARE, (now - self._began) / self._counted)
            self.left = int(self._agree(self.left))

    def fit(self, seconds: float, step_s: float) -> None:
        """Go on for as many of the planned steps as fit into ``seconds`` when each takes ``step_s``."""
        planned = self.planned - self.step
        if planned > 0:
            self.left = planned if seconds >= planned * step_s else max(1, int(seconds / step_s))

    def state(self) -> dict[str, float]:
        """What a resumed training needs."""
        return {"step": self.step, "left": self.left, "done": self.done}

    def resume(self, state: dict[str, float]) -> None:
        """Go on from :meth:`state`."""
        self.step, self.left, self.done = int(state["step"]), int(state["left"]), state["done"]


def one_cycle(done: float, warm_up: float) -> float:
    """The share of the highest rate at ``done`` (0 to 1) of the training."""
    if done < warm_up:
        return 0.04 + 0.96 * done / warm_up
    return 0.5 * (1 + math.cos(math.pi * (done - warm_up) / (1 - warm_up)))
