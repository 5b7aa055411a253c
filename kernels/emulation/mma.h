#pragma once
#include "block.h"
#include <bit>
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <type_traits>

// The instructions of kernels/cuda/mma.cuh, which describes them, on the CPU.

namespace emulation {

template <int matrices>
void load_matrices(std::uint32_t (&r)[matrices], const void* row, bool transposed, Place place) {
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
            for (unsigned matrix = 0; matrix < matrices; ++matrix)
                for (unsigned i = 0; i < 32; ++i) {
                    const auto element = [&](unsigned column) -> std::uint32_t {
                        unsigned row = i / 4;
                        if (at<Lane>(lanes, i).transposed) std::swap(row, column);
                        return at<Lane>(lanes, matrix * 8 + row).row[column];
                    };
                    const unsigned column = i % 4 * 2;
                    at<Lane>(lanes, i).r[matrix] = element(column) | element(column + 1) << 16;
                }
        },
        place);
}

enum class Elements { bf16, f16, tf32 };
template <class T>
constexpr Elements elements_of = std::is_same_v<T, __half> ? Elements::f16 : Elements::bf16;

/// mma of m16n8k16, or m16n8k8 of TF32, whose lower 13 bits the hardware does not look at. Sums in
/// double and rounds once, where the hardware's sums in float are of unspecified order.
void multiply(Elements elements, float (&d)[4], const std::uint32_t (&a)[4], std::uint32_t b0,
              std::uint32_t b1, Place place);

} // namespace emulation

namespace sweetspot {

inline void ldmatrix_x4(std::uint32_t (&r)[4], const void* row,
                        emulation::Place place = emulation::Place::current()) {
    emulation::load_matrices(r, row, false, place);
}
inline void ldmatrix_x4_transposed(std::uint32_t (&r)[4], const void* row,
                                   emulation::Place place = emulation::Place::current()) {
    emulation::load_matrices(r, row, true, place);
}
inline void ldmatrix_x2(std::uint32_t (&r)[2], const void* row,
                        emulation::Place place = emulation::Place::current()) {
    emulation::load_matrices(r, row, false, place);
}
inline void ldmatrix_x2_transposed(std::uint32_t (&r)[2], const void* row,
                                   emulation::Place place = emulation::Place::current()) {
    emulation::load_matrices(r, row, true, place);
}

template <class T>
void mma_m16n8k16(float (&d)[4], const std::uint32_t (&a)[4], std::uint32_t b0, std::uint32_t b1,
                  emulation::Place place = emulation::Place::current()) {
    emulation::multiply(emulation::elements_of<T>, d, a, b0, b1, place);
}
inline std::uint32_t to_tf32(float x) {
    const auto bits = std::bit_cast<std::uint32_t>(x);
    return std::isfinite(x) ? (bits + 0x1000) & 0xffffe000 : bits;
}
inline void mma_m16n8k8_tf32(float (&d)[4], const std::uint32_t (&a)[4], std::uint32_t b0,
                             std::uint32_t b1,
                             emulation::Place place = emulation::Place::current()) {
    emulation::multiply(emulation::Elements::tf32, d, a, b0, b1, place);
}

template <int bytes>
void copy_async(void* shared, const void* global, int valid_bytes = bytes,
                emulation::Place place = emulation::Place::current()) {
    static_assert(bytes == 4 || bytes == 8 || bytes == 16);
    emulation::copy_async(shared, global, bytes, unsigned(valid_bytes), place);
}
inline void copy_async_16(void* shared, const void* global, int valid_bytes = 16,
                          emulation::Place place = emulation::Place::current()) {
    copy_async<16>(shared, global, valid_bytes, place);
}
inline void copy_async_commit() {
    emulation::copy_async_commit();
}
template <int pending>
void copy_async_wait() {
    emulation::copy_async_wait(pending);
}

inline float fast_exp2(float x) {
    return x < -126 ? 0 : std::exp2(x);
}

} // namespace sweetspot
