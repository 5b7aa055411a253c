#pragma once
#include "kernels/ops/attention.h"
#include <algorithm>

namespace sweetspot {

/// What one thread needs for attention: the packed keys and values of one head of one sequence, and
/// one block of queries. The same on every instruction set, so that a plan knows it.
struct AttentionScratch {
    static constexpr int queries = 64; ///< in a block, one a lane
    static constexpr int keys = 128;   ///< in a block, at most

    std::int64_t packed_keys; ///< rows of k and v, rounded up
    std::int64_t width;       ///< head size, rounded up
    std::size_t packed_bytes; ///< of the keys, and of the values
    std::size_t lane_bytes;   ///< [width, queries] f32: the queries, and the output

    static AttentionScratch of(std::int64_t longest, std::int64_t head_size, DType dtype) {
        const std::int64_t n = (longest + 63) / 64 * 64, d = (head_size + 31) / 32 * 32;
        return {n, d, std::size_t(n * d) * size_of(dtype), std::size_t(d * queries) * 4};
    }
    static constexpr std::size_t score_bytes = std::size_t(keys) * queries * 4;
    static constexpr std::size_t weight_bytes = score_bytes / 2; ///< scores as bf16
    static constexpr std::size_t state_bytes = 4 * queries * 4;  ///< maximum, sum, factor a lane
    /// Also room for 64 keys or values in f32, where bf16 is computed in f32.
    std::size_t bytes() const {
        return 2 * packed_bytes + 3 * lane_bytes + score_bytes + weight_bytes + state_bytes;
    }
};

/// What attention to a cache needs: each (sequence, kv head) is cut into parts along its length,
/// so that all threads have work, and each part leaves a maximum, a sum and an output a head.
struct CachedScratch {
    static constexpr int keys = 64; ///< in a block

    std::int64_t parts;         ///< of each (sequence, kv head)
    std::int64_t part_floats;   ///< what a part leaves for one head
    std::int64_t thread_floats; ///< turned queries and scores of the heads that share keys
    std::int64_t floats;        ///< in all

    static CachedScratch of(const CachedAttention& op, int threads) {
        const auto& cache = op.cache.k.shape;
        const std::int64_t pairs = std::max<std::int64_t>(1, cache[0] * cache[1]);
        const std::int64_t group = op.heads / cache[1], d = (cache[3] + 15) / 16 * 16;
        CachedScratch s{};
        s.parts = std::clamp<std::int64_t>((2 * threads + pairs - 1) / pairs, 1,
                                           std::max<std::int64_t>(1, cache[2] / 256));
        s.part_floats = d + 16;
        s.thread_floats = group * (d + keys);
        s.floats = cache[0] * op.heads * s.parts * s.part_floats + threads * s.thread_floats;
        return s;
    }
    std::size_t bytes() const { return std::size_t(floats) * sizeof(float); }
};

} // namespace sweetspot
