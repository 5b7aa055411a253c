#include "kernels/cuda/element_offsets.h"
#include "kernels/cuda/launch.cuh"

namespace sweetspot {

namespace {

constexpr int block_threads = 128;

__global__ void __launch_bounds__(block_threads) element_offsets_kernel(ElementOffsets a) {
    const int i = int(blockIdx.x) * block_threads + int(threadIdx.x);
    if (i >= a.count) return;
    const std::int64_t row = a.rows[i];
#pragma unroll
    for (int t = 0; t < ElementOffsets::tensors; ++t)
        a.elements[std::int64_t(t) * a.count + i] = row * a.strides[t];
}

} // namespace

void launch_element_offsets(const ElementOffsets& offsets, const CudaStream& stream) {
    launch_kernel<element_offsets_kernel>(
        stream.handle, {blocks_for(offsets.count, block_threads), block_threads}, offsets);
}

} // namespace sweetspot
