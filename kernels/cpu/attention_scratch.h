#pragma once
#include "kernels/core/tensor.h"

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

} // namespace sweetspot
