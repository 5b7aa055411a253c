#pragma once
#include "kernels/cpu/attention_scratch.h"
#include "kernels/ops/attention.h"

namespace sweetspot {

/// One query head of one sequence on its way through attention, with the scratch of one thread.
/// Scores and outputs lie with the queries in the lanes: [key or channel][query], so that maxima,
/// sums and masks need nothing across lanes.
struct AttentionHead {
    const void *q, *k, *v; ///< first row of the sequence, at this head
    void* y;
    float* log_sum_exp;                                  ///< of the sequence's first query, or null
    std::int64_t q_stride, k_stride, v_stride, y_stride; ///< elements from row to row
    const float *cosine, *sine;                          ///< [positions, size/2], or null
    std::int64_t size;                                   ///< channels
    std::int64_t rows, real;                             ///< padding included, and without
    float scale;
    bool causal;
    std::int64_t window; ///< keys that a query sees, or 0 for all before it

    // Scratch: packed keys and values stay from block to block.
    std::int64_t width;           ///< size rounded up, as AttentionScratch
    void *packed_k, *packed_v;    ///< zeros beyond `real` and beyond `size`
    float *queries, *out, *spare; ///< [width, 64]
    float* scores;                ///< [AttentionScratch::keys, 64]
    void* weights;                ///< [AttentionScratch::keys, 64] bf16
    float *most, *sum, *factor;   ///< [64]
    float* largest_key;           ///< [1]: the largest norm of a packed key, squared
};

/// The steps that depend on the machine and the type. `first` is the first query of a block of at
/// most 64, `count` their number.
struct AttentionKernel {
    /// Lays out keys, turned by their positions, and values.
    void (*pack)(const AttentionHead&);
    /// y of these queries and if wanted log_sum_exp, with an online softmax over blocks of packed
    /// keys.
    void (*flash)(const AttentionHead&, std::int64_t first, int count);
    /// Stores masked scores of these queries at [key][count], in powers of two.
    void (*store_scores)(const AttentionHead&, std::int64_t first, int count, float* to);
    /// Turns n stored scores of each query into weights that sum to one.
    void (*normalise)(float* scores, std::int64_t n, int count);
    /// y of these queries from their weights and the packed values.
    void (*combine)(const AttentionHead&, std::int64_t first, int count, const float* weights);
};

/// How many keys a block of queries looks at: all, or up to its last query.
inline std::int64_t keys_of(const AttentionHead& head, std::int64_t first, int count) {
    return head.causal ? std::min(head.rows, first + count) : head.rows;
}

/// The first key that a block of queries looks at. Queries that are padding see what the last real
/// one does, so that none sees nothing.
inline std::int64_t first_key_of(const AttentionHead& head, std::int64_t first) {
    if (!head.window) return 0;
    return std::max<std::int64_t>(0, std::min(first, head.real - 1) + 1 - head.window);
}

/// The fastest for this machine and type.
const AttentionKernel& attention_kernel(DType);

} // namespace sweetspot
