"""A recovery has to pay: where the cut lost less before it than after, what stands is the cut with its repair alone."""

from lissom.engine.ladder import Rung
from lissom.engine.moves import Mover
from lissom.engine.trials import State, Trials, Tried
from lissom.plan.move import Move
from lissom.steps.step import ArtefactStep


def try_cut(
    trials: Trials,
    mover: Mover,
    state: State,
    move: Move,
    rung: Rung,
    formats: tuple[ArtefactStep, ...] = (),
    *,
    rewritten: bool = False,
) -> Tried:
    """Try a cut with its recovery, and without it where the recovery cost score.

    Args:
        trials: tries both.
        mover: makes the move without a recovery.
        state: what they are tried on.
        move: the cut, its repair and its recovery.
        rung: the cut, and what it loses when repaired alone.
        formats: that end either.
        rewritten: whether other layers were made of those that are there.

    Returns:
        The one that loses less.
    """
    tried = trials.try_move(state, move, rewritten=rewritten)
    if tried.state.comparison is None or tried.trial.drop <= rung.drop:
        return tried
    repaired = trials.try_move(state, mover.repaired(rung, formats), rewritten=rewritten, instead=tried)
    if repaired.state.comparison is None or repaired.trial.drop >= tried.trial.drop:
        return tried
    return tried if tried.trial.kept and not repaired.trial.kept else repaired
