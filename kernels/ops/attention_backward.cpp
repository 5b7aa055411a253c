#include "kernels/ops/attention_backward.h"

namespace sweetspot {

namespace {

Out written(const In& t) {
    return {const_cast<void*>(t.data), t.shape, t.dtype, t.row_stride};
}

bool is_like(const In& t, const In& other) {
    return t.shape == other.shape && t.dtype == other.dtype && t.stride() >= t.shape[1];
}

/// Floats that one thread of the CPU needs: a head's keys and values as they are multiplied, in
/// blocks of rows, their gradients, and the keys by rows; of the queries that meet them at once
/// themselves, their outputs' gradients and their own. In whole blocks of channels.
std::int64_t scratch_floats(const AttentionBackward& op) {
    constexpr std::int64_t block = AttentionBackward::block;
    const auto whole = [](std::int64_t n) { return (n + block - 1) / block * block; };
    return (5 * whole(op.segments->longest()) + 3 * block) * whole(op.head_size());
}

} // namespace

Attention AttentionBackward::forward() const {
    return {.q = q,
            .k = k,
            .v = v,
            .cosine = cosine,
            .sine = sine,
            .scores = written(weights),
            .y = written(kind == AttentionKind::naive ? dy : y),
            .log_sum_exp = written(log_sum_exp),
            .segments = segments,
            .heads = heads,
            .kv_heads = kv_heads,
            .causal = causal,
            .window = window,
            .scale = scale,
            .kind = kind};
}

void AttentionBackward::check() const {
    require(kind != AttentionKind::vendor, Failure::bad_shape,
            "gradients are of attention that is flash or naive");
    forward().check(); // which has the same demands on its tensors
    const bool naive = kind == AttentionKind::naive;
    require(naive || (log_sum_exp.shape == Shape{heads, q.shape[0]} &&
                      log_sum_exp.dtype == DType::f32 && log_sum_exp.dense()),
            Failure::bad_shape, "log_sum_exp is dense f32 [heads, rows]");
    require(d_weights.shape == weights.shape && d_weights.dtype == weights.dtype,
            Failure::bad_shape, "d_weights are like weights");
    require(is_like(dy, q), Failure::bad_shape, "dy is like y");
    require(is_like(dq, q) && is_like(dk, k) && is_like(dv, v), Failure::bad_shape,
            "dq, dk and dv are like q, k and v");
}

Cost AttentionBackward::cost() const {
    const Cost before = forward().cost();
    const bool naive = kind == AttentionKind::naive;
    const std::size_t more = naive ? d_weights.bytes() : dy.bytes();
    return {.flops = (naive ? 2 : 2.5) * before.flops,
            .bytes = before.bytes + double(more + dq.bytes() + dk.bytes() + dv.bytes())};
}

std::size_t AttentionBackward::workspace_bytes(int threads) const {
    return std::size_t(threads * scratch_floats(*this)) * sizeof(float);
}

std::size_t AttentionBackward::gpu_workspace_bytes() const {
    const std::size_t sums = std::size_t(heads * q.shape[0]) * 2 * sizeof(float);
    return gpu_turned_bytes() + (kind == AttentionKind::naive ? 0 : sums);
}

std::size_t AttentionBackward::gpu_turned_bytes() const {
    return forward().gpu_turned_bytes();
}

} // namespace sweetspot
