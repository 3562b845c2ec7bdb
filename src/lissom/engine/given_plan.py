"""A plan that was given: nothing is searched, every move of it is tried once."""

import math

from lissom.engine.trials import State, Trials, Tried, best_of
from lissom.plan.move import Plan


def carry_out(trials: Trials, plan: Plan) -> Tried:
    """Try every move in order, each on top of what was kept.

    Until something is kept a move goes on top of what comes nearest to the budget: a cut that is too large may be
    within it in INT8.

    Raises:
        LissomError: the target could make nothing of what was tried.
    """
    stands, overshoot, kept = State(), math.inf, False
    for move in plan.moves:
        tried = trials.try_move(stands, move)
        nearer = tried.state.comparison is not None and tried.overshoot <= overshoot
        if tried.trial.kept or (nearer and not kept):
            stands, overshoot, kept = tried.state, tried.overshoot, kept or tried.trial.kept
    return best_of(trials.tried)
