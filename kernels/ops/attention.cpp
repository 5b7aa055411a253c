#include "kernels/ops/attention.h"
#include "kernels/cpu/attention_scratch.h"
#include "kernels/ops/attention_checks.h"
#include <algorithm>

namespace sweetspot {

std::int64_t score_count(const Segments& segments, int heads) {
    return score_count(segments, heads, segments.count());
}

std::int64_t score_count(const Segments& segments, int heads, int sequences) {
    std::int64_t pairs = 0;
    for (int s = 0; s < sequences; ++s)
        pairs += std::int64_t(segments.rows_of(s)) * segments.rows_of(s);
    return pairs * heads;
}

void Attention::check() const {
    require_shape(q.shape.rank == 2 && heads > 0 && q.shape[1] > 0 && q.shape[1] % heads == 0,
                  "q is [rows, heads * head_size]");
    require_shape(kv_heads > 0 && heads % kv_heads == 0, "heads is a multiple of kv_heads");
    require_shape(is_computed(q.dtype), "q is f32, bf16 or f16");
    require_shape(k.dtype == q.dtype && v.dtype == q.dtype && y.dtype == q.dtype,
                  "k, v and y have q's type");
    const std::int64_t rows = q.shape[0];
    require_shape(is_matrix(q, rows, q.shape[1]) && is_matrix(y, rows, q.shape[1]), "y is like q");
    require_shape(is_matrix(k, rows, kv_heads * head_size()) &&
                      is_matrix(v, rows, kv_heads * head_size()),
                  "k and v are [rows, kv_heads * head_size]");
    check_segments(segments, rows);
    check_rotary(cosine, sine, segments->longest(), head_size());
    require_shape(scale > 0, "the scale of scores is positive");
    require_shape(window >= 0 && (causal || !window), "only causal attention has a window");
    if (kind != AttentionKind::naive)
        require_shape(!scores.present(), "only naive attention stores scores");
    else
        require_shape(scores.dtype == DType::f32 && scores.present() &&
                          scores.shape.count() == score_count(*segments, heads),
                      "naive attention has room for f32 scores of each sequence and head");
    if (!log_sum_exp.present()) return;
    require_shape(kind == AttentionKind::flash, "flash attention alone gives log_sum_exp");
    require_shape(log_sum_exp.dtype == DType::f32 && log_sum_exp.shape == Shape{heads, rows} &&
                      log_sum_exp.dense(),
                  "log_sum_exp is dense f32 [heads, rows]");
}

Cost Attention::cost() const {
    double pairs = 0;
    for (int s = 0; s < segments->count(); ++s) {
        const double n = segments->rows_of(s), beyond = window ? std::max(0.0, n - window) : 0;
        pairs += causal ? n * (n + 1) / 2 - beyond * (beyond + 1) / 2 : n * n;
    }
    const double written = y.present() ? double(In(y).bytes()) : 0; // absent in a fused kernel
    const double stored = (scores.present() ? 2.0 * double(scores.bytes()) : 0) +
                          (log_sum_exp.present() ? double(log_sum_exp.bytes()) : 0);
    return {4 * pairs * double(q.shape[1]), double(q.bytes() + k.bytes() + v.bytes()) + written +
                                                stored + table_bytes(cosine, segments->longest())};
}

std::size_t Attention::workspace_bytes(int threads) const {
    return std::size_t(threads) *
           AttentionScratch::of(segments->longest(), head_size(), q.dtype).bytes();
}

std::size_t Attention::gpu_turned_bytes() const {
    return cosine.present() ? rounded(q.bytes() + k.bytes()) : 0;
}

std::size_t Attention::gpu_workspace_bytes() const {
    // The vendor's library also wants to know where the sequences are in each of four tensors.
    const std::size_t offsets = 4 * (std::size_t(segments->count()) + 1) * sizeof(std::int64_t);
    // Flash attention counts the tiles that were taken.
    const std::size_t own = kind == AttentionKind::vendor  ? library_workspace_bytes + offsets
                            : kind == AttentionKind::flash ? sizeof(unsigned)
                                                           : 0;
    return gpu_turned_bytes() + own;
}

} // namespace sweetspot
