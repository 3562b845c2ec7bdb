"""Torch-Pruning 1.6.1 on the same models as its first page shows it: L2 over groups, half of the channels, layer by
layer, the layers that make the outputs left alone.

*Pass* is: it ran, the outputs have the shapes they had, and at least 30 % of the parameters are gone. Whether the
result is right is not asked, but for attention it is counted in how many projections the cut straddles the heads.
"""

import copy
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import torch
from torch import nn
from torch.utils import _pytree as pytree

LIMIT_S = 60
RATIO = 0.5
PROJECTIONS = ("qkv", "q", "k", "v", "kv", "query", "key", "value", "q_proj", "k_proj", "v_proj", "qkv_proj", "q_lin",
               "k_lin", "v_lin")  # fmt: skip
HEADS = ("num_heads", "num_attention_heads", "n_heads", "n_head")


def measure(spec: str, report: Any) -> None:
    """Cut one model with Torch-Pruning; ``report`` takes each finding as it becomes known."""
    import coverage_models
    import torch_pruning
    from coverage_isolation import limit_time

    model, args, kwargs = coverage_models.build(spec)
    model.eval().requires_grad_(True)
    before = sum(p.numel() for p in model.parameters())
    shapes = _shapes(model, args, kwargs)
    outputs = coverage_models.output_layers(spec, model)
    heads = dict(_heads(model))
    report(parameters=before, stage="graph")
    limit_time(LIMIT_S)
    start = time.process_time()
    pruner = torch_pruning.pruner.BasePruner(
        model,
        {"args": args, "kwargs": kwargs},
        importance=torch_pruning.importance.GroupMagnitudeImportance(p=2),
        pruning_ratio=RATIO,
        global_pruning=False,
        ignored_layers=outputs,
        forward_fn=lambda m, given: m(*given["args"], **given["kwargs"]),
    )
    report(graph_s=_since(start), stage="step")
    cuts: Counter[str] = Counter()
    for group in pruner.step(interactive=True):
        cuts.update(_straddling(group, pruner.DG, heads))
        group.prune()
    report(seconds=_since(start), stage="forward", attention=cuts.total(), straddling=cuts["straddles"])
    now = _shapes(model, args, kwargs)
    gone = round(1 - sum(p.numel() for p in model.parameters()) / before, 4)
    same = shapes == now or spec.startswith("tvdet:")  # how many boxes come out depends on the weights
    report(gone=gone, verdict=("pass" if gone >= 0.3 else "weak") if same else "shape")


def _since(start: float) -> float:
    return round(time.process_time() - start, 3)


def _shapes(model: nn.Module, args: Any, kwargs: Any) -> list[tuple[int, ...]]:
    with torch.no_grad():
        outputs = model(*copy.deepcopy(args), **copy.deepcopy(kwargs))
    return [tuple(t.shape) for t in pytree.tree_leaves(outputs) if isinstance(t, torch.Tensor)]


def _heads(model: nn.Module) -> Iterator[tuple[nn.Module, int]]:
    """Layers that make queries, keys or values, and how many heads they make them for."""
    for module in model.modules():
        if isinstance(module, nn.MultiheadAttention):
            yield module, module.num_heads
            continue
        count = next((n for name in HEADS for n in (_whole(module, name), _whole(_config(module), name)) if n), None)
        for name in PROJECTIONS if count else ():
            layer = module._modules.get(name)
            if isinstance(layer, nn.Linear) and layer.out_features % count == 0:
                yield layer, count * (3 if name.startswith("qkv") and layer.out_features % (3 * count) == 0 else 1)


def _config(module: nn.Module) -> Any:
    return vars(module).get("config")


def _whole(owner: Any, name: str) -> int | None:
    value = getattr(owner, name, None)
    return value if isinstance(value, int) else None


def _straddling(group: Any, graph: Any, heads: dict[nn.Module, int]) -> Iterator[str]:
    """For each projection of a group whether its cut keeps heads whole or equal, or straddles them."""
    for item in group:
        layer = item.dep.target.module
        if layer not in heads or not graph.is_out_channel_pruning_fn(item.dep.handler):
            continue
        width = layer.embed_dim if isinstance(layer, nn.MultiheadAttention) else layer.out_features
        size = width // heads.pop(layer)
        counts = Counter(int(i) // size for i in set(map(int, item.idxs)) if i < width)
        per_head = {counts.get(head, 0) for head in range(width // size)}
        yield "whole" if per_head <= {0, size} or len(per_head) == 1 else "straddles"
