"""Operators that are known to cost little beside convolutions and matrix products.

They move, make, compare, add or reduce: at most a few operations for each element. Elementwise operators and
reductions that torch tags as such need no entry. What is neither here nor in ``counters`` is reported.
"""

from typing import Any

import torch

_LAYOUT = """
    _reshape_alias _unsafe_view alias alias_copy as_strided as_strided_ atleast_1d atleast_2d atleast_3d
    broadcast_tensors cat chunk clone constant_pad_nd contiguous detach detach_ diagonal diagonal_copy
    expand expand_as flatten flip im2col col2im lift lift_fresh lift_fresh_copy movedim narrow
    narrow_copy pad permute permute_copy pixel_shuffle pixel_unshuffle channel_shuffle native_channel_shuffle
    reflection_pad1d reflection_pad2d reflection_pad3d repeat repeat_interleave replication_pad1d
    replication_pad2d replication_pad3d reshape resize_ roll rot90 select select_copy set_ slice slice_copy
    split split_copy split_with_sizes split_with_sizes_copy squeeze squeeze_ squeeze_copy stack swapaxes t t_
    t_copy tensor_split transpose transpose_ transpose_copy tril triu unbind unbind_copy unflatten unfold
    unfold_copy unsafe_chunk unsafe_split unsafe_split_with_sizes unsqueeze unsqueeze_ unsqueeze_copy view
    view_as view_as_complex view_as_real view_copy _conj _neg_view block_diag
"""
_LOOKUP = """
    embedding _embedding_bag _embedding_bag_forward_only gather index index_add index_copy index_copy_
    index_fill index_fill_ index_put index_put_ index_select masked_fill masked_fill_ masked_scatter
    masked_scatter_ masked_select nonzero one_hot put_ scatter scatter_ scatter_add scatter_add_
    scatter_reduce searchsorted bucketize select_scatter slice_scatter take take_along_dim where
    _index_put_impl_ _unsafe_index _unsafe_index_put
"""
_MAKING = """
    _efficientzerotensor arange bernoulli bernoulli_ complex copy copy_ empty empty_like empty_permuted
    empty_strided exponential_ eye fill fill_ full full_like linspace logspace multinomial new_empty
    new_empty_strided new_full new_ones new_zeros normal normal_ ones ones_like rand rand_like randint
    randint_like randn randn_like randperm scalar_tensor tril_indices triu_indices uniform uniform_ zero_
    zeros zeros_like _to_copy to
"""
_REDUCTION = """
    aminmax argmax argmin argsort bincount count_nonzero cummax cummin cumprod cumsum cumsum_ dist
    equal is_nonzero item _local_scalar_dense kthvalue linalg_vector_norm logcumsumexp logsumexp max median
    min mode norm nanmedian prod sort std std_mean topk unique
    _unique2 unique_consecutive unique_dim var var_mean
    _linalg_check_errors _assert_async _assert_tensor_metadata _is_all_true _is_any_true
    sym_size sym_numel sym_stride sym_storage_offset
"""
_NORMALISATION = """
    _batch_norm_no_update _batch_norm_with_update _batch_norm_with_update_functional _fused_rms_norm
    _log_softmax _native_batch_norm_legit _native_batch_norm_legit_functional
    _native_batch_norm_legit_no_training _safe_softmax _softmax _weight_norm_interface batch_norm
    cudnn_batch_norm group_norm instance_norm layer_norm log_softmax miopen_batch_norm native_batch_norm
    native_dropout native_group_norm native_layer_norm rms_norm softmax _masked_softmax
"""
_POOLING = """
    _adaptive_avg_pool2d _adaptive_avg_pool3d adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d
    adaptive_max_pool1d adaptive_max_pool2d adaptive_max_pool3d avg_pool1d avg_pool2d avg_pool3d
    fractional_max_pool2d max_pool1d max_pool2d max_pool2d_with_indices max_pool3d max_pool3d_with_indices
    mkldnn_max_pool2d upsample_bicubic2d upsample_bilinear2d upsample_linear1d upsample_nearest1d
    upsample_nearest2d upsample_nearest3d upsample_trilinear3d _upsample_bicubic2d_aa _upsample_bilinear2d_aa
    _upsample_nearest_exact1d _upsample_nearest_exact2d _upsample_nearest_exact3d grid_sampler_2d
    grid_sampler_3d affine_grid_generator
"""
_ELEMENTWISE = """
    addcdiv addcdiv_ addcmul addcmul_ dropout feature_dropout alpha_dropout gelu gelu_ glu
    hardsigmoid hardsigmoid_ hardswish hardswish_ hardtanh hardtanh_ lerp lerp_ prelu _prelu_kernel rrelu
    rrelu_with_noise rrelu_with_noise_ polar _thnn_fused_gru_cell _thnn_fused_lstm_cell
    fake_quantize_per_channel_affine
    fake_quantize_per_channel_affine_cachemask fake_quantize_per_tensor_affine
    fake_quantize_per_tensor_affine_cachemask
    _fake_quantize_per_tensor_affine_cachemask_tensor_qparams
"""
_GROUPS = (_LAYOUT, _LOOKUP, _MAKING, _REDUCTION, _NORMALISATION, _POOLING, _ELEMENTWISE)
FREE = frozenset(f"aten.{name}" for group in _GROUPS for name in group.split()) | {
    "torchvision.roi_align",
    "torchvision.roi_pool",
    "torchvision.nms",
    "prim.device",
    "profiler._record_function_enter_new",
    "profiler._record_function_exit",
}


def is_free(name: str, operator: Any) -> bool:
    """Whether the operator called ``name`` (such as ``"aten.add"``) is known to cost little."""
    if name in FREE:
        return True
    tags: list[torch.Tag] = operator.tags
    return torch.Tag.pointwise in tags or torch.Tag.reduction in tags
