#pragma once
#include "kernels/cuda/convert.cuh"
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/mma.cuh"

/// Kernels with one fault each, or without it, to see it found. Those of one block have
/// `block_size` threads, and reverse as many values unless a comment says otherwise.
namespace sweetspot::faults {

constexpr int block_size = 128;

__device__ inline unsigned mirrored() {
    return block_size - 1 - threadIdx.x;
}

/// Reads what other threads write without waiting for them.
template <bool faulty>
__global__ void no_barrier_before_read(float* values) {
    SHARED(float[block_size], buffer);
    buffer[threadIdx.x] = values[threadIdx.x];
    if constexpr (!faulty) __syncthreads();
    values[threadIdx.x] = buffer[mirrored()];
}

/// In groups of a block: a fast thread overwrites what a slow one has yet to read.
template <bool faulty>
__global__ void no_barrier_before_overwrite(float* values, int count) {
    SHARED(float[block_size], buffer);
    for (int i = 0; i < count; i += block_size) {
        buffer[threadIdx.x] = values[i + int(threadIdx.x)];
        __syncthreads();
        values[i + int(threadIdx.x)] = buffer[mirrored()];
        if constexpr (!faulty) __syncthreads();
    }
}

/// Swaps neighbours, right only if the threads of a warp run in lockstep.
template <bool faulty>
__global__ void no_syncwarp(float* values) {
    SHARED(float[block_size], buffer);
    const unsigned i = threadIdx.x;
    buffer[i] = values[i];
    if constexpr (!faulty) __syncwarp();
    values[i] = buffer[i ^ 1];
}

/// Every block adds 1 to the first value.
template <bool faulty>
__global__ void race_of_blocks(float* values) {
    if (threadIdx.x != 0) return;
    if constexpr (faulty)
        values[0] += 1;
    else
        atomicAdd(values, 1);
}

/// The last block adds up what the others have left; nobody makes sure that it sees it.
template <bool faulty>
__global__ void no_fence(float* values, unsigned* arrived) {
    if (threadIdx.x != 0) return;
    values[1 + blockIdx.x] = 1;
    if constexpr (!faulty) __threadfence();
    if (atomicAdd(arrived, 1) + 1 < gridDim.x) return;
    if constexpr (!faulty) __threadfence();
    float sum = 0;
    for (unsigned i = 0; i < gridDim.x; ++i) sum += values[1 + i];
    values[0] = sum;
}

/// Sets `count` values to 1, and the one behind them.
template <bool faulty>
__global__ void write_past_row(float* values, int count) {
    for (int i = int(threadIdx.x); faulty ? i <= count : i < count; i += block_size) values[i] = 1;
}

/// Adds up `count` values and the one behind them; the sum goes to the first.
template <bool faulty>
__global__ void read_past_row(float* values, int count) {
    float sum = 0;
    for (int i = int(threadIdx.x); faulty ? i <= count : i < count; i += 32) sum += values[i];
    sum = warp_sum(sum);
    if (threadIdx.x == 0) values[0] = sum;
}

template <bool faulty>
__global__ void write_past_shared(float* values) {
    SHARED(float[block_size], buffer);
    // Through a pointer, as UndefinedBehaviorSanitizer knows the bounds of the array itself.
    float* from = buffer + faulty;
    from[threadIdx.x] = values[threadIdx.x];
    __syncthreads();
    values[threadIdx.x] = from[mirrored()];
}

template <bool faulty>
__global__ void barrier_in_branch(float* values) {
    if (!faulty || threadIdx.x < 40) __syncthreads();
    values[threadIdx.x] = warp_sum(values[threadIdx.x]);
    __syncthreads();
}

template <bool faulty>
__global__ void two_barriers(float* values) {
    if (faulty && threadIdx.x < 64)
        __syncthreads();
    else
        __syncthreads();
    values[threadIdx.x] = 0;
}

template <bool faulty>
__global__ void shuffle_from_exited(float* values) {
    if (faulty && threadIdx.x >= 20) return;
    values[threadIdx.x] += __shfl_down_sync(0xffffffff, values[threadIdx.x], 16);
}

/// values[i] = values[4 i], by way of shared memory.
template <bool faulty>
__global__ void read_before_copy_arrived(const float* from, float* values) {
    SHARED(float[4 * block_size], buffer);
    copy_async<16>(buffer + 4 * threadIdx.x, from + 4 * threadIdx.x);
    copy_async_commit();
    if constexpr (!faulty) copy_async_wait<0>();
    values[threadIdx.x] = buffer[4 * threadIdx.x];
    copy_async_wait<0>();
}

/// In groups of a block: a copy starts while other threads still read what it overwrites.
template <bool faulty>
__global__ void copy_into_what_is_read(float* values, int count) {
    SHARED(float[block_size], buffer);
    for (int i = 0; i < count; i += block_size) {
        copy_async<4>(buffer + threadIdx.x, values + i + threadIdx.x);
        copy_async_commit();
        copy_async_wait<0>();
        __syncthreads();
        values[i + int(threadIdx.x)] = buffer[mirrored()];
        if constexpr (!faulty) __syncthreads();
    }
}

/// d = a · b of [16, 16] by [16, 8], all row by row; d in float. One warp.
enum class MatrixFault { none, swapped_fragment, swapped_rows_of_b, not_transposed };
template <MatrixFault fault>
__global__ void multiply(const __nv_bfloat16* a, const __nv_bfloat16* b, float* d) {
    SHARED(__nv_bfloat16[256], tile_a);
    SHARED(__nv_bfloat16[128], tile_b);
    const int lane = int(threadIdx.x), group = lane / 4, quad = lane % 4;
    for (int i = lane; i < 256; i += 32) tile_a[i] = a[i];
    for (int i = lane; i < 128; i += 32) tile_b[i] = b[i];
    __syncwarp();
    std::uint32_t from_a[4], from_b[2];
    ldmatrix_x4(from_a, tile_a + lane % 16 * 16 + lane / 16 * 8);
    if constexpr (fault == MatrixFault::not_transposed)
        ldmatrix_x2(from_b, tile_b + lane % 16 * 8);
    else
        ldmatrix_x2_transposed(from_b, tile_b + lane % 16 * 8);
    if constexpr (fault == MatrixFault::swapped_fragment) {
        const std::uint32_t second = from_a[1];
        from_a[1] = from_a[2];
        from_a[2] = second;
    }
    constexpr int first = fault == MatrixFault::swapped_rows_of_b;
    float sums[4] = {};
    mma_m16n8k16<__nv_bfloat16>(sums, from_a, from_b[first], from_b[1 - first]);
    for (int i = 0; i < 4; ++i) d[(group + i / 2 * 8) * 8 + quad * 2 + i % 2] = sums[i];
}

} // namespace sweetspot::faults
