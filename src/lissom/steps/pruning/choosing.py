"""Choose what to prune: a criterion, a ranking and a share make a step that is pure data."""

from lissom.graph import capture, couple
from lissom.steps.pruning.criteria import COMPARABLE, CRITERIA
from lissom.steps.pruning.importance import Sample
from lissom.steps.pruning.prune import Prune
from lissom.steps.pruning.ranking import check, weakest, widths
from lissom.workload.workload import Workload


def choose(
    workload: Workload,
    share: float,
    *,
    criterion: str = "fisher",
    ranking: str = "global",
    round_to: int = 1,
    sample: Sample | None = None,
) -> Prune:
    """The step that removes a share of all units, those that matter least.

    Args:
        workload: model, task and data.
        share: of the units, between 0 and 1.
        criterion: a name in :data:`lissom.steps.pruning.criteria.CRITERIA`.
        ranking: ``"local"``, ``"global"`` or ``"isomorphic"`` (see :func:`lissom.steps.pruning.ranking.widths`).
        round_to: widths are multiples of this where a group is wide enough.
        sample: what criteria that look at data look at, by default the usual one.

    Raises:
        LissomError: no criterion or ranking is called that, the criterion lacks the data it needs, or the share
            would leave layers empty.
    """
    check(share, ranking, round_to)
    measure = CRITERIA.get(criterion)
    coupling = couple(capture(workload.module, workload.example), keep=workload.keep)
    importance = measure(workload, coupling, sample or Sample())
    keep = widths(
        importance, coupling.groups, share, ranking=ranking, round_to=round_to, relative=criterion not in COMPARABLE
    )
    removed = weakest(importance, keep)
    return Prune(tuple((index, coupling.groups[index].name, units) for index, units in sorted(removed.items())))
