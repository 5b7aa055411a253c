#pragma once
#include "kernels/core/tensor.h"
#include <vector>

namespace sweetspot {

/// How sequences lie in the rows of a batch. Host values: costs and work lists are made from them.
struct Segments {
    std::vector<std::int32_t> offsets{}; ///< [sequences + 1]: first row of each, then the row count
    std::vector<std::int32_t>
        lengths{}; ///< [sequences]: real tokens of each; rows after them are padding
    In device_offsets{}, device_lengths{}; ///< the same where a GPU reads them; absent on the CPU

    int count() const { return int(lengths.size()); }
    std::int64_t rows() const { return offsets.empty() ? 0 : offsets.back(); }
    int rows_of(int sequence) const { return offsets[sequence + 1] - offsets[sequence]; }
    int longest() const; ///< rows of the sequence with most of them
};

} // namespace sweetspot
