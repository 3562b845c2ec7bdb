"""Let a captured graph train: dropout and batch normalisation follow train() and eval() again."""

import torch
import torch.nn.functional as F
from torch import fx, nn

SWITCH = "lissom_switch"


def dropout(x: torch.Tensor, p: float, switch: nn.Module) -> torch.Tensor:
    """Dropout while the model trains."""
    return F.dropout(x, p, switch.training)


def feature_dropout(x: torch.Tensor, p: float, switch: nn.Module) -> torch.Tensor:
    """Dropout of whole channels while the model trains."""
    return torch.feature_dropout(x, p, switch.training)


def batch_norm(
    x: torch.Tensor,
    weight: torch.Tensor | None,
    bias: torch.Tensor | None,
    mean: torch.Tensor,
    var: torch.Tensor,
    momentum: float,
    eps: float,
    switch: nn.Module,
) -> torch.Tensor:
    """Batch normalisation that takes its statistics from the batch while the model trains."""
    return F.batch_norm(x, mean, var, weight, bias, switch.training, momentum, eps)


def add_modes(graph: fx.Graph) -> None:
    """Replace what was captured in evaluation mode by what looks at the mode, wherever the graph has it."""
    switch: fx.Node | None = None
    for node in list(graph.nodes):
        name = str(getattr(node.target, "overloadpacket", "")).rpartition(".")[2].rstrip("_")
        if node.op != "call_function" or name not in ("dropout", "feature_dropout", "batch_norm"):
            continue
        if name == "batch_norm" and (node.args[5] or node.args[3] is None):
            continue
        if switch is None:
            with graph.inserting_before(next(iter(graph.nodes))):
                switch = graph.get_attr(SWITCH)
        if name == "batch_norm":
            node.target, node.args = batch_norm, (*node.args[:5], node.args[6], node.args[7], switch)
        else:
            node.target, node.args = (dropout if name == "dropout" else feature_dropout), (*node.args[:2], switch)
        node.kwargs = {}
