"""Sources: tensors made inside the forward. Constant fills can take any size; what depends on position cannot."""

from lissom.graph.maps import Maps, fresh
from lissom.graph.rules.table import Call, Change, Living, Result, resize, rule

FILLS = ("zeros", "ones", "full", "empty", "new_zeros", "new_ones", "new_full", "new_empty")
LIKE = ("zeros_like", "ones_like", "full_like", "empty_like", "rand_like", "randn_like")
FIXED = ("arange", "linspace", "eye", "rand", "randn", "randint", "randperm", "scalar_tensor", "tensor", "hann_window",
         "tril_indices", "triu_indices", "logspace", "full_none")  # fmt: skip


@rule(*FILLS)
def _filled(call: Call) -> Maps:
    return fresh(call.tags, call.shape)


@resize(*FILLS)
def _fill_size(call: Call, living: Living, result: Result) -> Change:
    assert isinstance(result, Maps)
    return {"size": list(living(result))}


@rule(*LIKE)
def _like(call: Call) -> Maps:
    return call.maps("self")


@rule(*FIXED)
def _fixed(call: Call) -> Maps:
    return Maps(call.shape)
