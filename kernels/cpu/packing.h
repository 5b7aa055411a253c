#pragma once
#include "kernels/core/float_types.h"
#include "kernels/cpu/tile_product.h"
#include <cstring>

/// The order of packed_shape() on a CPU: blocks of 64 output columns, in each one row of the inner
/// dimension after the other; in bf16, two rows side by side.
namespace sweetspot::SWEETSPOT_TARGET {

/// Rows of the inner dimension that are packed at once: a cache line of f32 from each source row.
constexpr std::int64_t chunk = 16;

/// Rows k, k + 1, … of a block, of f32 numbers.
using Chunk = float[chunk * block_columns];

inline void write_chunk(const Chunk& weights, float* to) {
    std::memcpy(to, weights, sizeof weights);
}

/// Two rows of the inner dimension side by side.
inline void write_chunk(const Chunk& weights, BFloat16* to) {
    for (std::int64_t k = 0; k < chunk; k += 2)
        for (std::int64_t n = 0; n < block_columns; ++n) {
            *to++ = to_bfloat16(weights[k * block_columns + n]);
            *to++ = to_bfloat16(weights[(k + 1) * block_columns + n]);
        }
}

/// to[i · 64] = element (k, first + i) of a block, for i in [0, chunk).
inline void read_columns(const BFloat16* block, std::int64_t k, std::int64_t first, float* to) {
    const BFloat16* from = block + (k / 2 * block_columns + first) * 2 + k % 2;
    for (std::int64_t i = 0; i < chunk; ++i) to[i * block_columns] = to_float(from[2 * i]);
}

/// to[k] = element (k, n) of a block, for k in [0, width).
inline void read_row(const float* block, std::int64_t n, std::int64_t width, float* to) {
    for (std::int64_t k = 0; k < width; ++k) to[k] = block[k * block_columns + n];
}
inline void read_row(const BFloat16* block, std::int64_t n, std::int64_t width, float* to) {
    for (std::int64_t k = 0; k < width; ++k)
        to[k] = to_float(block[(k / 2 * block_columns + n) * 2 + k % 2]);
}

} // namespace sweetspot::SWEETSPOT_TARGET
