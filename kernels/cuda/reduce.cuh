#pragma once
#include "kernels/cuda/launch.cuh"

/// Reductions over the threads of a block, in the same order each time.
namespace sweetspot {

/// combine() over the 32 lanes, in each.
template <class T, class Combine>
__device__ T warp_reduce(T x, Combine combine) {
#pragma unroll
    for (int step = 16; step; step /= 2) x = combine(x, __shfl_xor_sync(0xffffffff, x, step));
    return x;
}

/// combine() over a block whose threads lie along x, whole warps; in each thread. `nothing` changes
/// no result. `scratch` is shared memory for 32 values and may be used again at once.
template <class T, class Combine>
__device__ T block_reduce(T x, T nothing, T* scratch, Combine combine) {
    x = warp_reduce(x, combine);
    const unsigned lane = threadIdx.x % 32, warps = blockDim.x / 32;
    if (warps == 1) return x;
    if (lane == 0) scratch[threadIdx.x / 32] = x;
    __syncthreads();
    x = warp_reduce(lane < warps ? scratch[lane] : nothing, combine);
    __syncthreads();
    return x;
}

template <class T>
__device__ T block_sum(T x, T* scratch) {
    return block_reduce(x, T(0), scratch, [](T a, T b) { return a + b; });
}

} // namespace sweetspot
