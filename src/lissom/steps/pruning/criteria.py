"""The table of criteria: how much each unit of a group matters, by name."""

from lissom.core.tables import Table
from lissom.steps.pruning.gradients import fisher
from lissom.steps.pruning.importance import Criterion, Importance, Sample
from lissom.steps.pruning.ranking import weakest
from lissom.steps.pruning.weights import l2

CRITERIA = Table(
    "criterion",
    {
        "random": "lissom.steps.pruning.weights:random",
        "l1": "lissom.steps.pruning.weights:l1",
        "l2": "lissom.steps.pruning.weights:l2",
        "batchnorm-scale": "lissom.steps.pruning.weights:batchnorm_scale",
        "fpgm": "lissom.steps.pruning.weights:fpgm",
        "lamp": "lissom.steps.pruning.weights:lamp",
        "taylor": "lissom.steps.pruning.gradients:taylor",
        "fisher": "lissom.steps.pruning.gradients:fisher",
        "obd": "lissom.steps.pruning.gradients:obd",
        "wanda": "lissom.steps.pruning.activations:wanda",
    },
)

# Their figures mean the same in every group; those of the others are compared as shares of a group's mean.
COMPARABLE = ("random", "lamp", "taylor", "fisher", "obd")

__all__ = ["COMPARABLE", "CRITERIA", "Criterion", "Importance", "Sample", "fisher", "l2", "weakest"]
