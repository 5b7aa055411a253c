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

template <class T>
float element(std::uint16_t bits) {
    if constexpr (std::is_same_v<T, __half>)
        return __half2float({bits});
    else
        return __bfloat162float({bits});
}

/// The product of a warp. Each lane brings its part of a, b and d; scatter(lane, a, b) puts the
/// numbers of a lane where they belong in a [16][k] and b [k][8]. Sums in double and rounds once,
/// where the hardware's sums in float are of unspecified order.
template <int k, class Scatter>
void multiply(float (&d)[4], const std::uint32_t (&a)[4], std::uint32_t b0, std::uint32_t b1,
              Scatter, Place place) {
    struct Lane {
        float* d;
        const std::uint32_t* a;
        std::uint32_t b[2];
    } mine{d, a, {b0, b1}};
    wait_for_warp(
        0xffffffff, "mma", &mine,
        [](const Lanes& lanes, unsigned present) {
            if (present != 0xffffffff) fail("mma needs all 32 lanes");
            double a[16][k], b[k][8], d[16][8];
            for (unsigned i = 0; i < 32; ++i) {
                const Lane& lane = at<Lane>(lanes, i);
                Scatter{}(i / 4, i % 4, lane.a, lane.b, a, b);
                for (unsigned r = 0; r < 4; ++r)
                    d[i / 4 + r / 2 * 8][i % 4 * 2 + r % 2] = double(lane.d[r]);
            }
            for (unsigned row = 0; row < 16; ++row)
                for (unsigned inner = 0; inner < k; ++inner)
                    for (unsigned column = 0; column < 8; ++column)
                        d[row][column] += a[row][inner] * b[inner][column];
            for (unsigned i = 0; i < 32; ++i)
                for (unsigned r = 0; r < 4; ++r)
                    at<Lane>(lanes, i).d[r] = float(d[i / 4 + r / 2 * 8][i % 4 * 2 + r % 2]);
        },
        place);
}

template <class T>
struct ScatterPairs {
    void operator()(unsigned group, unsigned quad, const std::uint32_t* from_a,
                    const std::uint32_t* from_b, double (&a)[16][16], double (&b)[16][8]) const {
        for (unsigned half = 0; half < 2; ++half) {
            const auto number = [&](std::uint32_t pair) {
                return double(element<T>(std::uint16_t(pair >> 16 * half)));
            };
            const unsigned inner = quad * 2 + half;
            for (unsigned r = 0; r < 4; ++r)
                a[group + r % 2 * 8][inner + r / 2 * 8] = number(from_a[r]);
            for (unsigned r = 0; r < 2; ++r) b[inner + r * 8][group] = number(from_b[r]);
        }
    }
};

struct ScatterTf32 {
    void operator()(unsigned group, unsigned quad, const std::uint32_t* from_a,
                    const std::uint32_t* from_b, double (&a)[16][8], double (&b)[8][8]) const {
        // The hardware does not look at the lower 13 bits.
        const auto number = [](std::uint32_t bits) {
            return double(std::bit_cast<float>(bits & 0xffffe000));
        };
        for (unsigned r = 0; r < 4; ++r) a[group + r % 2 * 8][quad + r / 2 * 4] = number(from_a[r]);
        for (unsigned r = 0; r < 2; ++r) b[quad + r * 4][group] = number(from_b[r]);
    }
};

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
    emulation::multiply<16>(d, a, b0, b1, emulation::ScatterPairs<T>{}, place);
}
inline std::uint32_t to_tf32(float x) {
    const auto bits = std::bit_cast<std::uint32_t>(x);
    return std::isfinite(x) ? (bits + 0x1000) & 0xffffe000 : bits;
}
inline void mma_m16n8k8_tf32(float (&d)[4], const std::uint32_t (&a)[4], std::uint32_t b0,
                             std::uint32_t b1,
                             emulation::Place place = emulation::Place::current()) {
    emulation::multiply<8>(d, a, b0, b1, emulation::ScatterTf32{}, place);
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
