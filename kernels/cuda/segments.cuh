#pragma once
#include <cstdint>
#include <cuda_runtime.h>

/// Segments as kernels read them: offsets[s] is the first row of sequence s.
namespace sweetspot {

/// The sequence whose rows include this one; others may be empty.
__device__ inline int sequence_of(const std::int32_t* offsets, int sequences, int row) {
    int first = 0, last = sequences - 1;
    while (first < last) {
        const int middle = (first + last + 1) / 2;
        if (offsets[middle] <= row)
            first = middle;
        else
            last = middle - 1;
    }
    return first;
}

} // namespace sweetspot
