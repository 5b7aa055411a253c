#pragma once
#include "kernels/core/stream.h"
#include <cstdint>

namespace sweetspot {

/// elements[t][i] = rows[i] · strides[t]: where sequence i begins in each of four tensors.
struct ElementOffsets {
    static constexpr int tensors = 4;

    const std::int32_t* rows = nullptr; ///< [count], on the device
    int count = 0;
    std::int64_t strides[tensors] = {};
    std::int64_t* elements = nullptr; ///< [tensors, count], on the device

    std::int64_t* of(int tensor) const { return elements + std::int64_t(tensor) * count; }
};

void launch_element_offsets(const ElementOffsets&, const CudaStream&);

} // namespace sweetspot
