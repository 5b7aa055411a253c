#pragma once
#include "kernels/cpu/rounded_rows.h"
#include "kernels/cpu/tile_product.h"
#include "kernels/ops/weight.h"

/// Weights in blocks (kernels/core/weight_format.h), for sources that are compiled once for each
/// instruction set.
namespace sweetspot::SWEETSPOT_TARGET {

/// sums[r, 64] = rows of a · weight rows [first, first + count) of at most 64, as they are read
/// from their blocks. a: f32, `rows` of them, a_stride apart.
void multiply_blocks(const Weight&, const float* a, std::int64_t a_stride, int rows,
                     std::int64_t first, std::int64_t count, float* sums);

/// The same of rounded rows, by integers within a block, for the formats that multiplies_codes().
void multiply_blocks(const Weight&, const RoundedRows& a, int rows, std::int64_t first,
                     std::int64_t count, float* sums);
constexpr bool multiplies_codes(WeightFormat format) {
    return format == WeightFormat::q8_0 || format == WeightFormat::q4_0;
}

/// Block `block` of 64 rows of the weight from row `first` on, as PackWeight packs dense ones;
/// `packed` is packed_shape(rows from `first` on, k), f32 or bf16.
void unpack_blocks(const Weight&, std::int64_t first, std::int64_t block, Out packed);

/// Columns of a weight that turn_blocks() takes together.
constexpr std::int64_t turned_columns(WeightFormat format) {
    return block_format(format).numbers < block_columns ? block_columns
                                                        : block_format(format).numbers;
}
/// turned = strip `strip` of so many columns of the weight, as PackWeight packs dense rows: rows of
/// packed_shape(k, n), f32 or bf16.
void turn_blocks(const Weight&, std::int64_t strip, Out turned);

} // namespace sweetspot::SWEETSPOT_TARGET
