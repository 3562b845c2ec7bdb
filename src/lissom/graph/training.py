"""Whether a cut module of the user's class also runs while it trains, where it may read what was not cut.

A graph is what a module computes in evaluation mode. Auxiliary heads, which only training reads, are not in it, so
that nothing of them goes with the channels that they take.
"""

import torch
from torch import nn
from torch.export.graph_signature import InputKind

from lissom.graph.batching import doubled
from lissom.graph.capturing import Part
from lissom.graph.exciting import double_by_default, in_double, inputs_in_double


def fails_in_training(cut: nn.Module, part: Part) -> str:
    """Why the forward of a cut module fails in training mode, in words; empty where it does not, or did before.

    Args:
        cut: the cut module, in double precision; its statistics may change, and it is in evaluation mode afterwards.
        part: what it was cut from.
    """
    if not _unread(part):
        return ""
    why = _failure(cut, part)
    if not why or _failure(in_double(part.module), part):
        return ""
    return f"in training its forward reads layers that evaluation does not, and fails ({why})"


def _unread(part: Part) -> bool:
    """Whether there are parameters that the graph does not read."""
    given = {spec.arg.name for spec in part.program.graph_signature.input_specs if spec.kind == InputKind.PARAMETER}
    return any(node.name in given and not node.users for node in part.graph.nodes)


def _failure(module: nn.Module, part: Part) -> str:
    """What a forward raises in training mode, on two examples where one is of no use to batch normalisation."""
    args, kwargs = inputs_in_double(*doubled(part))
    try:
        with torch.random.fork_rng(devices=[]), torch.no_grad(), double_by_default():
            module.train()(*args, **kwargs)
    except Exception as error:  # whatever the user's forward raises
        return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
    finally:
        module.eval()
    return ""
