#pragma once
#include "kernels/core/tensor.h"

/// What a MatMul needs besides its tensors. The same on every machine, whatever it makes of it, so
/// that a plan predicts the memory of all of them.
namespace sweetspot {

/// Products of this many rows or fewer are made by our own kernel, without scratch; they are bound
/// by reading the weights.
constexpr std::int64_t few_rows = 6;

/// oneDNN multiplies tiles of at most this many rows.
constexpr std::int64_t most_onednn_rows = 256;

/// Scratch of one thread of oneDNN's. An upper bound of what version 2.6 asks for with AVX-512 or
/// AMX, for up to most_onednn_rows rows, any number of columns and an inner dimension up to 60,000
/// (a multiple of 32 in bf16); found by asking it for 200,000 random shapes.
constexpr std::size_t onednn_scratch_bytes(std::int64_t inner, DType a) {
    if (a == DType::f32) return 68 * 1024;
    return 256 * 1024 + std::size_t((inner + 31) / 32 * 32) * 8;
}

/// Columns of a weight in blocks that are laid out as dense ones at once, for so many rows that
/// this pays: a tile of oneDNN's for each thread.
constexpr std::int64_t unpacked_columns(std::int64_t n, int threads) {
    const std::int64_t most = 256 * std::int64_t(threads);
    return n < most ? n : most;
}

/// Numbers of a block of activations in 8 bits (rounded_rows.h), and bytes of a row of so many: its
/// codes, and of each block a scale and a sum.
constexpr std::int64_t rounded_block = 32;
constexpr std::size_t rounded_row_bytes(std::int64_t k) {
    return std::size_t(k + 2 * 4 * (k / rounded_block));
}

/// A tile of sums, f32, that is finished while it is in cache.
constexpr std::int64_t scratch_tile_rows = 256, scratch_tile_columns = 256;
constexpr std::size_t scratch_tile_bytes = scratch_tile_rows * scratch_tile_columns * 4;

/// Scratch of one thread: a tile of sums, then oneDNN's.
constexpr std::size_t matmul_scratch_bytes(std::int64_t inner, DType a) {
    return scratch_tile_bytes + onednn_scratch_bytes(inner, a);
}

} // namespace sweetspot
