"""What a run may try besides cutting: names for the command line, and where the steps to try come from.

Each place holds ``levels(workload, seed, progress)``, which gives steps from the strongest to the mildest, and raises
where the next one would save nothing.
"""

from lissom.core.tables import Table

PRUNE = "prune"
METHODS = Table(
    "method",
    {
        "depth": "lissom.steps.depth.drop_layers:levels",
        "separable": "lissom.steps.factorization.separable:levels",
        "low-rank": "lissom.steps.factorization.low_rank:levels",
        "sparsity": "lissom.steps.sparsity.sparsify:levels",
    },
)
