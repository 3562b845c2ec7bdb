"""Element by element: every operator that torch tags as pointwise, and the few that it does not."""

import numpy as np

from lissom.graph.maps import Maps, take, view_at
from lissom.graph.meeting import meet
from lissom.graph.rules.table import Call, Result, rule

SAME = ("contiguous", "clone", "alias", "detach", "detach_", "dropout", "dropout_", "feature_dropout", "alpha_dropout",
        "feature_alpha_dropout", "lift_fresh_copy", "lift_fresh", "to", "_to_copy", "type_as", "native_dropout",
        "requires_grad_", "view_as_real_copy", "resolve_conj", "resolve_neg", "_conj", "float", "rrelu",
        "bernoulli")  # fmt: skip


def pointwise(call: Call) -> Maps:
    """Combine all tensors among the arguments."""
    operands = [call.of(node) for node in call.node.all_input_nodes if isinstance(call.values.get(node), Maps)]
    return meet(call.tags, operands, call.shape)


@rule(*SAME)
def _same(call: Call) -> Maps:
    return call.of(call.node.all_input_nodes[0])


for _name in (
    "copy_",
    "fill_",
    "zero_",
    "masked_fill",
    "masked_fill_",
    "where",
    "lerp",
    "relu6",
    "prelu_scalar",
    "hardswish",
    "hardsigmoid",
    "logical_and",
    "logical_or",
    "logical_not",
    "nan_to_num",
    "normal_",
    "uniform_",
):
    rule(_name)(pointwise)


@rule("prelu", "_prelu_kernel")
def _prelu(call: Call) -> Maps:
    maps, weight = call.maps("self"), call.maps("weight")
    if weight.rank == 1 and weight.shape[0] > 1 and maps.rank > 1:
        weight = view_at(weight, 1, maps.rank)
        call.role(weight, 1, "follower")
    return meet(call.tags, [maps, weight], call.shape)


@rule("_assert_tensor_metadata", "_assert_scalar", "sym_size", "_assert_async", "_functional_sym_constrain_range")
def _nothing(call: Call) -> Result:
    return None


@rule("glu")
def _glu(call: Call) -> Maps:
    maps = call.maps("self")
    dim = maps.dim(call.get("dim", -1))
    half = maps.shape[dim] // 2
    halves = [take(maps, dim, np.arange(start, start + half)) for start in (0, half)]
    return meet(call.tags, halves, call.shape)
