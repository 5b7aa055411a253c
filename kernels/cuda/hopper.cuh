#pragma once
#include "kernels/cuda/mma.cuh"
#include <cuda.h>

/// The instructions of compute capability 9.0a that copy tiles and multiply them asynchronously,
/// one function each. Sections named in comments are those of the PTX ISA. The emulation has the
/// same functions by the same reading of them: a fault in the reading is in both.
///
/// A warpgroup is four warps, of which the first has an index divisible by four. T is __nv_bfloat16
/// or __half.
namespace sweetspot {

/// An mbarrier object ("mbarrier"). Its phases are numbered from 0, and so their parities; one ends
/// when all expected arrivals and all expected bytes have come.
using Mbarrier = std::uint64_t;

/// A matrix in shared memory as wgmma finds it ("Matrix Descriptor Format"), swizzled by 128 bytes:
/// bits 4 to 6 of each address are those of the layout exclusive-or bits 7 to 9. It consists of
/// atoms of 8 lines of 128 bytes at multiples of 1024 bytes ("Shared Memory Matrix Layout").
///
/// K-major (a line is 64 elements of one row of A, or column of B, along k): 8 rows are an atom,
/// the next 8 lie `stride_bytes` on, `leading_bytes` is not used. 16 elements further along k are
/// 32 bytes on in the address, within the line.
///
/// MN-major (a line is 64 columns of B at one k): 8 k are an atom, the next 8 lie `stride_bytes`
/// on, and the next 64 columns `leading_bytes` on.
constexpr std::uint64_t wgmma_descriptor(unsigned address, unsigned leading_bytes,
                                         unsigned stride_bytes) {
    constexpr std::uint64_t swizzle_128_bytes = 1;
    const auto field = [](unsigned bytes) { return std::uint64_t((bytes & 0x3ffff) >> 4); };
    return field(address) | field(leading_bytes) << 16 | field(stride_bytes) << 32 |
           swizzle_128_bytes << 62;
}
/// The same so many bytes further on in shared memory.
constexpr std::uint64_t advanced(std::uint64_t descriptor, unsigned bytes) {
    return descriptor + (bytes >> 4);
}

} // namespace sweetspot

#ifdef CUDA_EMULATION
#include "kernels/emulation/hopper.h"
#else

namespace sweetspot {

/// By one thread, before others use it: `arrivals` end a phase. Then mbarrier_init_fence(), which
/// makes it known to asynchronous copies, and a barrier.
__device__ inline void mbarrier_init(Mbarrier* barrier, unsigned arrivals) {
    asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;"
                 :
                 : "r"(shared_address(barrier)), "r"(arrivals)
                 : "memory");
}
__device__ inline void mbarrier_init_fence() {
    asm volatile("fence.mbarrier_init.release.cluster;\nfence.proxy.async.shared::cta;" ::
                     : "memory");
}
/// What this thread did before is seen by those who have waited for the phase.
__device__ inline void mbarrier_arrive(Mbarrier* barrier) {
    asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];"
                 :
                 : "r"(shared_address(barrier))
                 : "memory");
}
/// The same, and lets the phase expect so many bytes more.
__device__ inline void mbarrier_arrive_expect(Mbarrier* barrier, unsigned bytes) {
    asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;"
                 :
                 : "r"(shared_address(barrier)), "r"(bytes)
                 : "memory");
}
/// Waits until the latest phase of this parity has ended. "Before phase 0" has parity 1 and has
/// ended.
__device__ inline void mbarrier_wait(Mbarrier* barrier, unsigned parity) {
    unsigned ended = 0;
    while (!ended)
        asm volatile("{\n.reg .pred ended;\n"
                     "mbarrier.try_wait.parity.shared::cta.b64 ended, [%1], %2;\n"
                     "selp.u32 %0, 1, 0, ended;\n}"
                     : "=r"(ended)
                     : "r"(shared_address(barrier)), "r"(parity)
                     : "memory");
}

/// Starts copying the box of a tensor map at these coordinates, fastest first, to `tile` (at a
/// multiple of 1024 bytes), and its bytes to `barrier`; elements outside the tensor become zero and
/// count as well. By one thread.
__device__ inline void tma_load_3d(void* tile, const CUtensorMap* map, int x, int y, int z,
                                   Mbarrier* barrier) {
    asm volatile("cp.async.bulk.tensor.3d.shared::cluster.global.tile.mbarrier::complete_tx::bytes "
                 "[%0], [%1, {%3, %4, %5}], [%2];"
                 :
                 : "r"(shared_address(tile)), "l"(map), "r"(shared_address(barrier)), "r"(x),
                   "r"(y), "r"(z)
                 : "memory");
}
__device__ inline void prefetch_tensor_map(const CUtensorMap* map) {
    asm volatile("prefetch.tensormap [%0];" : : "l"(map) : "memory");
}

/// Gives registers of each thread back to the block, or takes more, until they are `count`: by all
/// threads of a warpgroup.
template <int count>
__device__ inline void release_registers() {
    asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" : : "n"(count));
}
template <int count>
__device__ inline void acquire_registers() {
    asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" : : "n"(count));
}

/// One of the block's barriers 1 to 15, opened by `threads` threads, some of which wait and some of
/// which only arrive. By whole warps.
__device__ inline void named_barrier_sync(int barrier, int threads) {
    asm volatile("bar.sync %0, %1;" : : "r"(barrier), "r"(threads) : "memory");
}
__device__ inline void named_barrier_arrive(int barrier, int threads) {
    asm volatile("bar.arrive %0, %1;" : : "r"(barrier), "r"(threads) : "memory");
}

/// Between this warpgroup's accesses to registers and a wgmma that uses them.
__device__ inline void wgmma_fence() {
    asm volatile("wgmma.fence.sync.aligned;" ::: "memory");
}
__device__ inline void wgmma_commit() {
    asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory");
}
/// Has the compiler compute x, which is not negative, before what follows. Else it moves a wait
/// ahead of the arithmetic that should fill it, since neither needs the other: so here is a store
/// that needs x, and that never happens.
__device__ inline void compute_before(float x, void* shared) {
    asm volatile("{\n.reg .pred negative;\nsetp.lt.f32 negative, %0, 0f00000000;\n"
                 "@negative st.shared.f32 [%1], %0;\n}"
                 :
                 : "f"(x), "r"(shared_address(shared))
                 : "memory");
}
/// Waits for all but the latest `pending` committed groups, among them those that make `d`: which,
/// like operands in registers and shared memory, must not be touched before, and by the compiler's
/// knowledge are not made before the wait is over.
template <int pending, int count>
__device__ inline void wgmma_wait(float (&d)[count]) {
    asm volatile("wgmma.wait_group.sync.aligned %0;" : : "n"(pending) : "memory");
#pragma unroll
    for (int i = 0; i < count; ++i) asm volatile("" : "+f"(d[i])::"memory");
}

// Operands 0 to n - 1 of an instruction, as its text names them and as a compiler gives them.
#define OPERANDS_0_31                                                                              \
    "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, %16, %17, %18, %19, "   \
    "%20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31"
#define OPERANDS_0_63                                                                              \
    OPERANDS_0_31 ", %32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, "  \
                  "%47, %48, %49, %50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, "    \
                  "%62, %63"
#define OPERANDS_0_87                                                                              \
    OPERANDS_0_63 ", %64, %65, %66, %67, %68, %69, %70, %71, %72, %73, %74, %75, %76, %77, %78, "  \
                  "%79, %80, %81, %82, %83, %84, %85, %86, %87"
#define FLOATS_8(d, i)                                                                             \
    "+f"(d[i]), "+f"(d[i + 1]), "+f"(d[i + 2]), "+f"(d[i + 3]), "+f"(d[i + 4]), "+f"(d[i + 5]),    \
        "+f"(d[i + 6]), "+f"(d[i + 7])
#define FLOATS_32(d, i) FLOATS_8(d, i), FLOATS_8(d, i + 8), FLOATS_8(d, i + 16), FLOATS_8(d, i + 24)
#define FLOATS_0_31 FLOATS_32(d, 0)
#define FLOATS_0_63 FLOATS_32(d, 0), FLOATS_32(d, 32)
#define FLOATS_0_87 FLOATS_0_63, FLOATS_8(d, 64), FLOATS_8(d, 72), FLOATS_8(d, 80)

#define WGMMA_TEXT(n, type, operands, sources, condition, flags)                                   \
    "{\n.reg .pred add;\nsetp.ne.b32 add, " condition ", 0;\n"                                     \
    "wgmma.mma_async.sync.aligned.m64n" #n "k16.f32." type "." type " {" operands "}, " sources    \
    ", add, " flags ";\n}"
// The scales of A and B are 1, then: A is K-major, and B is.
#define WGMMA_SHARED(n, type, last, sources, condition)                                            \
    asm volatile(WGMMA_TEXT(n, type, OPERANDS_0_##last, sources, condition, "1, 1, 0, 0")          \
                 : FLOATS_0_##last                                                                 \
                 : "l"(a), "l"(b), "r"(int(add)))
// B is MN-major.
#define WGMMA_REGISTERS(n, type, last, sources, condition)                                         \
    asm volatile(WGMMA_TEXT(n, type, OPERANDS_0_##last, sources, condition, "1, 1, 1")             \
                 : FLOATS_0_##last                                                                 \
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b), "r"(int(add)))

/// Starts d (64 x n, n twice the count of floats) = a (64 x 16) times b (16 x n), plus d if `add`,
/// by a warpgroup. Both are K-major in shared memory. For each thread of the warpgroup, with
///
///     row = 16 (thread / 32) + thread % 32 / 4, column = 2 (thread % 4),
///
/// d[4 i], d[4 i + 1] are elements (row, 8 i + column) and the next, d[4 i + 2], d[4 i + 3] those
/// of row + 8 ("Matrix Fragments for wgmma.mma_async.m64nNk16").
template <class T, int count>
__device__ inline void wgmma(float (&d)[count], std::uint64_t a, std::uint64_t b, bool add) {
    constexpr bool half = std::is_same_v<T, __half>;
    static_assert(count == 64 || count == 88);
    if constexpr (count == 64 && half) WGMMA_SHARED(128, "f16", 63, "%64, %65", "%66");
    if constexpr (count == 64 && !half) WGMMA_SHARED(128, "bf16", 63, "%64, %65", "%66");
    if constexpr (count == 88 && half) WGMMA_SHARED(176, "f16", 87, "%88, %89", "%90");
    if constexpr (count == 88 && !half) WGMMA_SHARED(176, "bf16", 87, "%88, %89", "%90");
}

/// The same with a in registers, columns (column, column + 1) of `row`, of row + 8, and columns
/// (column + 8, column + 9) of both, and b MN-major in shared memory.
template <class T, int count>
__device__ inline void wgmma(float (&d)[count], const std::uint32_t (&a)[4], std::uint64_t b,
                             bool add) {
    constexpr bool half = std::is_same_v<T, __half>;
    static_assert(count == 32 || count == 64);
    if constexpr (count == 32 && half)
        WGMMA_REGISTERS(64, "f16", 31, "{%32, %33, %34, %35}, %36", "%37");
    if constexpr (count == 32 && !half)
        WGMMA_REGISTERS(64, "bf16", 31, "{%32, %33, %34, %35}, %36", "%37");
    if constexpr (count == 64 && half)
        WGMMA_REGISTERS(128, "f16", 63, "{%64, %65, %66, %67}, %68", "%69");
    if constexpr (count == 64 && !half)
        WGMMA_REGISTERS(128, "bf16", 63, "{%64, %65, %66, %67}, %68", "%69");
}

#undef OPERANDS_0_31
#undef OPERANDS_0_63
#undef OPERANDS_0_87
#undef FLOATS_8
#undef FLOATS_32
#undef FLOATS_0_31
#undef FLOATS_0_63
#undef FLOATS_0_87
#undef WGMMA_TEXT
#undef WGMMA_SHARED
#undef WGMMA_REGISTERS

} // namespace sweetspot

#endif
