#pragma once
#include <cstdint>
#include <cstring>
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <type_traits>

/// The tensor-core and asynchronous-copy instructions of compute capability 8.0, one function each,
/// and what else CUDA C++ has no name for.
/// Element types T are __nv_bfloat16 and __half. Functions of matrices are called by all 32 lanes
/// of a warp together. In their comments, for each lane,
///
///     group = lane / 4, quad = lane % 4
///
/// (PTX ISA, "Matrix fragments for mma.m16n8k16" and "ldmatrix"). Under the emulation they have the
/// same layout, and addresses are checked.
namespace sweetspot {

/// Two neighbours as a register of a fragment has them: `low` is the one of the lower column of a
/// row of a, or of the lower row of a column of b.
template <class T>
__device__ inline std::uint32_t pack2(float low, float high) {
    std::uint32_t bits;
    if constexpr (std::is_same_v<T, __half>) {
        const __half2 pair = __floats2half2_rn(low, high);
        memcpy(&bits, &pair, sizeof bits);
    } else {
        static_assert(std::is_same_v<T, __nv_bfloat16>);
        const __nv_bfloat162 pair = __floats2bfloat162_rn(low, high);
        memcpy(&bits, &pair, sizeof bits);
    }
    return bits;
}

} // namespace sweetspot

#ifdef CUDA_EMULATION
#include "kernels/emulation/mma.h"
#else

namespace sweetspot {

__device__ inline unsigned shared_address(const void* pointer) {
    return unsigned(__cvta_generic_to_shared(pointer));
}

/// Loads four 8x8 matrices of 16-bit elements from shared memory. Lane i gives the address of row
/// i % 8 of matrix i / 8, 16 bytes at a multiple of 16. r[m] becomes elements 2 quad and
/// 2 quad + 1 of row `group` of matrix m.
///
/// For the fragment a of mma_m16n8k16 the matrices are, of a row-major tile: rows 0-7, rows 8-15 of
/// columns 0-7, then the same of columns 8-15. So lane i gives row i % 16, column i / 16 * 8.
__device__ inline void ldmatrix_x4(std::uint32_t (&r)[4], const void* row) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                 : "r"(shared_address(row))
                 : "memory");
}
/// The same with each matrix transposed: r[m] becomes rows 2 quad and 2 quad + 1 of column `group`.
__device__ inline void ldmatrix_x4_transposed(std::uint32_t (&r)[4], const void* row) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                 : "r"(shared_address(row))
                 : "memory");
}
/// The same of two matrices: lanes 0 to 15 give the rows; the others' addresses must be valid too.
__device__ inline void ldmatrix_x2(std::uint32_t (&r)[2], const void* row) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x2.shared.b16 {%0, %1}, [%2];"
                 : "=r"(r[0]), "=r"(r[1])
                 : "r"(shared_address(row))
                 : "memory");
}
__device__ inline void ldmatrix_x2_transposed(std::uint32_t (&r)[2], const void* row) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x2.trans.shared.b16 {%0, %1}, [%2];"
                 : "=r"(r[0]), "=r"(r[1])
                 : "r"(shared_address(row))
                 : "memory");
}

/// d += a · b with a 16x16, b 16x8 of T, d 16x8 of float. A lane has
///
///     a[0], a[1]  columns 2 quad, 2 quad + 1 of rows group and group + 8
///     a[2], a[3]  columns 2 quad + 8, 2 quad + 9 of the same rows
///     b0, b1      rows 2 quad, 2 quad + 1, and those + 8, of column group
///     d[0], d[1]  columns 2 quad and 2 quad + 1 of row group
///     d[2], d[3]  the same of row group + 8
///
/// so that d of two products side by side, packed, is a of the next: a[0] = d[0], d[1] of the left,
/// a[1] = its d[2], d[3], a[2] and a[3] of the right.
template <class T>
__device__ inline void mma_m16n8k16(float (&d)[4], const std::uint32_t (&a)[4], std::uint32_t b0,
                                    std::uint32_t b1) {
    if constexpr (std::is_same_v<T, __half>)
        asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 "
                     "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
                     : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
                     : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
    else
        asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 "
                     "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
                     : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
                     : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

/// A float rounded to TF32: 10 bits of fraction, ties away from zero.
__device__ inline std::uint32_t to_tf32(float x) {
    std::uint32_t bits;
    asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(bits) : "f"(x));
    return bits;
}

/// d += a · b with a 16x8, b 8x8 of TF32, d 16x8 of float. A lane has
///
///     a[0], a[1]  column quad of rows group and group + 8
///     a[2], a[3]  column quad + 4 of the same rows
///     b0, b1      rows quad and quad + 4 of column group
///     d           as mma_m16n8k16
__device__ inline void mma_m16n8k8_tf32(float (&d)[4], const std::uint32_t (&a)[4],
                                        std::uint32_t b0, std::uint32_t b1) {
    asm volatile("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 "
                 "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
                 : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

/// Starts copying 4, 8 or 16 bytes to shared memory, both addresses at a multiple of as many. The
/// bytes from `valid_bytes` on become zero and are not read: with 0, `global` is only looked at for
/// its alignment. 16 bytes go past the L1 cache.
template <int bytes>
__device__ inline void copy_async(void* shared, const void* global, int valid_bytes = bytes) {
    static_assert(bytes == 4 || bytes == 8 || bytes == 16);
    if constexpr (bytes == 16)
        asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;"
                     :
                     : "r"(shared_address(shared)), "l"(__cvta_generic_to_global(global)),
                       "r"(valid_bytes)
                     : "memory");
    else
        asm volatile("cp.async.ca.shared.global [%0], [%1], %2, %3;"
                     :
                     : "r"(shared_address(shared)), "l"(__cvta_generic_to_global(global)),
                       "n"(bytes), "r"(valid_bytes)
                     : "memory");
}
__device__ inline void copy_async_16(void* shared, const void* global, int valid_bytes = 16) {
    copy_async<16>(shared, global, valid_bytes);
}
/// What this thread has started since the last commit becomes a group.
__device__ inline void copy_async_commit() {
    asm volatile("cp.async.commit_group;" ::: "memory");
}
/// Waits for all but the latest `pending` groups of this thread; the other threads' need a barrier.
template <int pending>
__device__ inline void copy_async_wait() {
    asm volatile("cp.async.wait_group %0;" ::"n"(pending) : "memory");
}

/// 2^x in one instruction, with a relative error of 2^-22; what is below 2^-126 becomes zero.
__device__ inline float fast_exp2(float x) {
    float y;
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
}

} // namespace sweetspot

#endif
