#include "kernels/ops/attention_backward.h"

namespace sweetspot {

namespace {

/// Attention whose gradients these are: it has the same demands on its tensors.
Attention forward_of(const AttentionBackward& op) {
    return {.q = op.q,
            .k = op.k,
            .v = op.v,
            .cosine = op.cosine,
            .sine = op.sine,
            .y = {const_cast<void*>(op.y.data), op.y.shape, op.y.dtype, op.y.row_stride},
            .log_sum_exp = {const_cast<void*>(op.log_sum_exp.data), op.log_sum_exp.shape,
                            op.log_sum_exp.dtype, op.log_sum_exp.row_stride},
            .segments = op.segments,
            .heads = op.heads,
            .kv_heads = op.kv_heads,
            .causal = op.causal,
            .scale = op.scale};
}

bool is_like(const In& t, const In& other) {
    return t.shape == other.shape && t.dtype == other.dtype && t.stride() >= t.shape[1];
}

/// Floats that one thread of the CPU needs: a head's keys and values as they are multiplied, in
/// blocks of rows, and their gradients; of a query a block of partial sums of its gradient, itself,
/// its output's gradient and its own.
std::int64_t scratch_floats(const AttentionBackward& op) {
    constexpr std::int64_t block = AttentionBackward::block;
    const std::int64_t rows = (std::int64_t(op.segments->longest()) + block - 1) / block * block;
    return (4 * rows + block + 3) * op.head_size();
}

} // namespace

void AttentionBackward::check() const {
    forward_of(*this).check();
    require(log_sum_exp.shape == Shape{heads, q.shape[0]} && log_sum_exp.dtype == DType::f32 &&
                log_sum_exp.dense(),
            Failure::bad_shape, "log_sum_exp is dense f32 [heads, rows]");
    require(is_like(dy, y), Failure::bad_shape, "dy is like y");
    require(is_like(dq, q) && is_like(dk, k) && is_like(dv, v), Failure::bad_shape,
            "dq, dk and dv are like q, k and v");
}

Cost AttentionBackward::cost() const {
    const Cost forward = forward_of(*this).cost();
    return {.flops = 2.5 * forward.flops,
            .bytes =
                forward.bytes + double(dy.bytes()) + double(dq.bytes() + dk.bytes() + dv.bytes())};
}

std::size_t AttentionBackward::workspace_bytes(int threads) const {
    return std::size_t(threads * scratch_floats(*this)) * sizeof(float);
}

std::size_t AttentionBackward::gpu_workspace_bytes() const {
    return gpu_turned_bytes() + std::size_t(heads * q.shape[0]) * 2 * sizeof(float); // two sums
}

std::size_t AttentionBackward::gpu_turned_bytes() const {
    return forward_of(*this).gpu_turned_bytes();
}

} // namespace sweetspot
