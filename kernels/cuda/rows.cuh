#pragma once
#include "kernels/core/stream.h"
#include "kernels/cuda/convert.cuh"
#include "kernels/cuda/launch.cuh"

/// How threads lie over the numbers of an op that treats each by itself: in packs (see convert.cuh)
/// of `count`, flat or by rows.
namespace sweetspot {

constexpr int threads_per_block = 256, packs_per_thread = 4;

/// Work on `total` numbers one after the other: work.value<count>(i) is what becomes of those from
/// i on, and work.store<count>(i, value) puts it where it belongs. A thread has all its values
/// before it stores the first, so that several loads are on their way.
template <int count, class Work>
__global__ void __launch_bounds__(threads_per_block) flat_kernel(Work work, std::int64_t total) {
    constexpr int step = threads_per_block * count;
    const std::int64_t first =
        std::int64_t(blockIdx.x) * packs_per_thread * step + int(threadIdx.x) * count;
    Pack<float, count> values[packs_per_thread];
#pragma unroll
    for (int p = 0; p < packs_per_thread; ++p)
        if (first + p * step + count <= total)
            values[p] = work.template value<count>(first + p * step);
#pragma unroll
    for (int p = 0; p < packs_per_thread; ++p)
        if (first + p * step + count <= total) work.store(first + p * step, values[p]);

    const std::int64_t rest = total % count, last = total - rest + threadIdx.x;
    if (blockIdx.x == 0 && threadIdx.x < rest) work.store(last, work.template value<1>(last));
}

template <int count, class Work>
void launch_flat(const CudaStream& stream, const Work& work, std::int64_t total) {
    if (total == 0) return;
    constexpr int step = threads_per_block * packs_per_thread * count;
    launch_kernel<flat_kernel<count, Work>>(
        stream.handle, {blocks_for(total, step), threads_per_block}, work, total);
}

/// For kernels launched by launch_rows(): the place of a thread's pack. May lie outside.
__device__ inline std::int64_t row_of_thread() {
    return std::int64_t(blockIdx.x) * blockDim.y + threadIdx.y;
}
__device__ inline std::int64_t column_of_thread(int count) {
    return (std::int64_t(blockIdx.y) * blockDim.x + threadIdx.x) * count;
}

/// A thread for each pack of [rows, width].
template <auto kernel, class... Arguments>
void launch_rows(const CudaStream& stream, std::int64_t rows, std::int64_t width, int count,
                 const Arguments&... arguments) {
    const std::int64_t packs = width / count;
    if (rows == 0 || packs == 0) return;
    const unsigned across =
        packs < threads_per_block ? blocks_for(packs, 32) * 32 : unsigned(threads_per_block);
    const unsigned down = threads_per_block / across;
    launch_kernel<kernel>(stream.handle,
                          {{blocks_for(rows, down), blocks_for(packs, across)}, {across, down}},
                          arguments...);
}

} // namespace sweetspot
