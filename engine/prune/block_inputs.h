#pragma once
#include "engine/config/parameters.h"
#include <array>
#include <vector>

namespace sweetspot {

/// The linears of a block, in the order of their use.
constexpr std::array<Part, 4> block_linears{Part::query_key_value, Part::attention_output, Part::up,
                                            Part::down};

/// What one linear's inputs x, [rows, k], were on a text.
struct LinearInputs {
    std::vector<double> squares{}; ///< [k]: sum of x² over the rows, for each channel
    std::vector<double> gram{};    ///< [k, k]: xᵀ · x; empty where nobody asked for it
    std::int64_t rows = 0;
};

/// Likewise of a whole block, by place in block_linears.
using BlockInputs = std::array<LinearInputs, 4>;

} // namespace sweetspot
