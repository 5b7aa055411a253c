#pragma once
#include "kernels/core/weight_format.h"

namespace sweetspot {

/// What a number of a block can be once the block's scales are fixed: scale · code + offset, for
/// codes from 0 to `most`.
struct Grid {
    double scale = 0, offset = 0;
    int most = 0;

    int nearest(double x) const; ///< code; of what is no number 0
    double value(int code) const { return scale * code + offset; }
};

/// Whether a format's blocks have such grids: those of bitsandbytes and of two of four have not.
bool has_grid(WeightFormat);
/// Of number i of a block.
Grid grid_of(WeightFormat, const std::uint8_t* block, std::int64_t i);
/// Makes the code of number i of a block this one.
void put_code(WeightFormat, std::uint8_t* block, std::int64_t i, int code);

} // namespace sweetspot
