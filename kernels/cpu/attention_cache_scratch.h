#pragma once
#include "kernels/ops/attention_cache.h"
#include <algorithm>

namespace sweetspot {

/// What attention to a cache needs: each (sequence, kv head) is cut into parts along its length,
/// so that all threads have work, and each part leaves a maximum, a sum and an output a head.
struct CachedScratch {
    static constexpr int keys = 64; ///< in a block

    std::int64_t parts;         ///< of each (sequence, kv head)
    std::int64_t part_floats;   ///< what a part leaves for one head
    std::int64_t thread_floats; ///< turned queries and scores of the heads that share keys, and a
                                ///< block of keys or values where they lie in blocks
    std::int64_t floats;        ///< in all

    static CachedScratch of(const CachedAttention& op, int threads) {
        const auto& cache = op.cache.k.shape;
        const std::int64_t pairs = std::max<std::int64_t>(1, cache[0] * cache[1]);
        const std::int64_t group = op.heads / cache[1], d = (op.head_size() + 15) / 16 * 16;
        const bool dense = op.cache.format == WeightFormat::dense;
        CachedScratch s{};
        s.parts = std::clamp<std::int64_t>((2 * threads + pairs - 1) / pairs, 1,
                                           std::max<std::int64_t>(1, cache[2] / 256));
        s.part_floats = d + 16;
        s.thread_floats = group * (d + keys) + (dense ? 0 : keys * d);
        s.floats = cache[0] * op.heads * s.parts * s.part_floats + threads * s.thread_floats;
        return s;
    }
    std::size_t bytes() const { return std::size_t(floats) * sizeof(float); }
};

} // namespace sweetspot
