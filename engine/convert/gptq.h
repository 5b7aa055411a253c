#pragma once
#include "kernels/core/weight_format.h"
#include <cstdint>
#include <span>

namespace sweetspot {

/// Rounds weights [rows, columns], whole blocks of a format that has_grid(), as GPTQ does (Frantar
/// et al., 2022): column after column, and what rounding changes in the products of the inputs is
/// made up for by the columns behind it. A block's scales are those of what its numbers have
/// become when its first column is reached. gram [columns, columns] is inputsᵀ · inputs, and is
/// used up. All in f64. False if the gram holds what is no number; then nothing is written.
bool round_by_gptq(WeightFormat, std::span<const float> weights, std::int64_t rows,
                   std::int64_t columns, std::span<double> gram, std::uint8_t* blocks, int threads);

} // namespace sweetspot
