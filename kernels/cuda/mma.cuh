#pragma once

// The tensor-core and asynchronous-copy instructions of compute capability 8.0, one function each.
// All lanes of a warp must call them together. Under the emulation they have the same register
// layout, and check addresses.

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <cstdint>

__device__ inline std::uint32_t pack_bf16(float low, float high) {
    __nv_bfloat162 pair = __floats2bfloat162_rn(low, high);
    std::uint32_t bits;
    memcpy(&bits, &pair, sizeof bits);
    return bits;
}

#ifndef CUDA_EMULATION

__device__ inline unsigned shared_address(const void* pointer) {
    return unsigned(__cvta_generic_to_shared(pointer));
}

/// Loads four 8x8 matrices of 16-bit elements. Lane i gives the address of row i % 8 of matrix i /
/// 8, and gets elements 2 * (lane % 4) and the next of row lane / 4 of each.
__device__ inline void ldmatrix_x4(std::uint32_t (&r)[4], const void* row) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                 : "r"(shared_address(row))
                 : "memory");
}

/// The same with each matrix transposed: elements of column lane / 4.
__device__ inline void ldmatrix_x4_transposed(std::uint32_t (&r)[4], const void* row) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                 : "r"(shared_address(row))
                 : "memory");
}

/// d (16x8, float) += a (16x16, bfloat16) times b (16x8, bfloat16).
__device__ inline void mma_m16n8k16(float (&d)[4], const std::uint32_t (&a)[4], std::uint32_t b0,
                                    std::uint32_t b1) {
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, "
                 "%6, %7}, {%8, %9}, "
                 "{%0, %1, %2, %3};"
                 : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

/// Starts copying 16 bytes, of which those from `valid_bytes` on become zero without being read.
__device__ inline void copy_async_16(void* shared, const void* global, int valid_bytes = 16) {
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;"
                 :
                 : "r"(shared_address(shared)), "l"(__cvta_generic_to_global(global)),
                   "r"(valid_bytes)
                 : "memory");
}
__device__ inline void copy_async_commit() {
    asm volatile("cp.async.commit_group;" ::: "memory");
}
/// Waits for all but the latest `pending` groups of copies of this thread.
template <int pending>
__device__ inline void copy_async_wait() {
    asm volatile("cp.async.wait_group %0;" ::"n"(pending) : "memory");
}

#else

namespace emulation {

inline void load_matrices(std::uint32_t (&r)[4], const void* row, bool transposed, Place place) {
    const char* operation = transposed ? "ldmatrix.trans" : "ldmatrix";
    check_shared(row, 16, operation, place);
    struct Lane {
        const std::uint16_t* row;
        std::uint32_t* r;
        bool transposed;
    } lane{static_cast<const std::uint16_t*>(row), r, transposed};
    wait_for_warp(
        0xffffffff, operation, &lane,
        [](const Lanes& lanes, unsigned present) {
            if (present != 0xffffffff) fail("ldmatrix needs all 32 lanes");
            for (unsigned i = 0; i < 32; ++i)
                for (unsigned matrix = 0; matrix < 4; ++matrix) {
                    auto element = [&](unsigned column) -> std::uint32_t {
                        unsigned row = i / 4;
                        if (at<Lane>(lanes, i).transposed) std::swap(row, column);
                        return at<Lane>(lanes, matrix * 8 + row).row[column];
                    };
                    at<Lane>(lanes, i).r[matrix] = element(i % 4 * 2) | element(i % 4 * 2 + 1)
                                                                            << 16;
                }
        },
        place);
}

} // namespace emulation

inline void ldmatrix_x4(std::uint32_t (&r)[4], const void* row,
                        emulation::Place place = emulation::Place::current()) {
    emulation::load_matrices(r, row, false, place);
}
inline void ldmatrix_x4_transposed(std::uint32_t (&r)[4], const void* row,
                                   emulation::Place place = emulation::Place::current()) {
    emulation::load_matrices(r, row, true, place);
}

/// Sums in double and rounds once, where the hardware's sums in float are of unspecified order.
inline void mma_m16n8k16(float (&d)[4], const std::uint32_t (&a)[4], std::uint32_t b0,
                         std::uint32_t b1, emulation::Place place = emulation::Place::current()) {
    struct Lane {
        float* d;
        const std::uint32_t* a;
        std::uint32_t b[2];
    } mine{d, a, {b0, b1}};
    emulation::wait_for_warp(
        0xffffffff, "mma", &mine,
        [](const emulation::Lanes& lanes, unsigned present) {
            if (present != 0xffffffff) emulation::fail("mma needs all 32 lanes");
            auto element = [](std::uint32_t pair, unsigned half) {
                return double(std::bit_cast<float>(half ? pair & 0xffff0000 : pair << 16));
            };
            double a[16][16], b[16][8], d[16][8];
            for (unsigned i = 0; i < 32; ++i) {
                const Lane& lane = emulation::at<Lane>(lanes, i);
                unsigned group = i / 4, pair = i % 4 * 2;
                for (unsigned half = 0; half < 2; ++half) {
                    for (unsigned r = 0; r < 4; ++r)
                        a[group + r % 2 * 8][pair + half + r / 2 * 8] = element(lane.a[r], half);
                    for (unsigned r = 0; r < 2; ++r)
                        b[pair + half + r * 8][group] = element(lane.b[r], half);
                    for (unsigned r = 0; r < 2; ++r)
                        d[group + r * 8][pair + half] = double(lane.d[r * 2 + half]);
                }
            }
            for (unsigned row = 0; row < 16; ++row)
                for (unsigned k = 0; k < 16; ++k)
                    for (unsigned column = 0; column < 8; ++column)
                        d[row][column] += a[row][k] * b[k][column];
            for (unsigned i = 0; i < 32; ++i)
                for (unsigned r = 0; r < 4; ++r)
                    emulation::at<Lane>(lanes, i).d[r] =
                        float(d[i / 4 + r / 2 * 8][i % 4 * 2 + r % 2]);
        },
        place);
}

inline void copy_async_16(void* shared, const void* global, int valid_bytes = 16,
                          emulation::Place place = emulation::Place::current()) {
    emulation::copy_async(shared, global, 16, unsigned(valid_bytes), place);
}
inline void copy_async_commit() {
    emulation::copy_async_commit();
}
template <int pending>
void copy_async_wait() {
    emulation::copy_async_wait(pending);
}

#endif
