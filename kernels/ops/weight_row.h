#pragma once
#include "kernels/core/nested_scales.h"
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

/// to = a weight in nf4_dq: all rows become blocks of nf4; when all their scales are known, these
/// are nested. each_row(f) calls f(row, its room for k numbers, room for a row in nf4), in any
/// order; `scales`: room for one of each block.
template <class EachRow>
void pack_nested(const PackWeight& op, float* scales, std::uint8_t* to, const EachRow& each_row) {
    constexpr BlockFormat facts = block_format(WeightFormat::nf4_dq);
    const std::int64_t in_row = op.k() / facts.numbers, blocks = op.n() * in_row;
    each_row([&](std::int64_t row, std::span<float> numbers, std::uint8_t* rounded) {
        pack_blocks_of_row(op, WeightFormat::nf4, row, numbers, rounded);
        set_scales_apart(rounded, in_row, to + row * in_row * facts.bytes, scales + row * in_row);
    });
    nest({scales, std::size_t(blocks)}, to, facts.bytes, to + blocks * facts.bytes);
}

} // namespace sweetspot
