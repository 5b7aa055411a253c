#pragma once
#include "kernels/ops/weight.h"
#include <span>

namespace sweetspot {

/// Where one output's weights lie in the sources of PackWeight: element k is at
/// first + k · step_bytes, perhaps unaligned.
struct WeightRow {
    const char* first = nullptr; ///< null for the rows that only fill up
    std::size_t step_bytes = 0;
    DType dtype = DType::f32;
};

/// Row n of what is packed, counted over the stacked sources.
WeightRow find_weight_row(const PackWeight&, std::int64_t n);

/// In a head of interleaved rotary pairs, the row that becomes row i of halves.
constexpr std::int64_t interleaved_row(std::int64_t i, std::int64_t head_size) {
    const std::int64_t in_head = i % head_size, half = head_size / 2;
    return i - in_head + (in_head < half ? 2 * in_head : 2 * (in_head - half) + 1);
}

/// Its first so many elements as f32; not of a row in blocks.
void read_weight_row(const WeightRow&, std::span<float> elements);

/// to = row n of a weight in blocks, `bytes of a row`: as a source has it, or rounded; `numbers` is
/// room for its k numbers.
void pack_blocks_of_row(const PackWeight&, WeightFormat, std::int64_t n, std::span<float> numbers,
                        std::uint8_t* to);

} // namespace sweetspot
