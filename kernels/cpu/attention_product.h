#pragma once
#include "kernels/cpu/attention_kernel.h"
#include "kernels/cpu/attention_rows.h"
#include "kernels/cpu/functions.h"

/// The two products of attention, with the queries in the lanes throughout: arrays are
/// [key or channel][64].
namespace sweetspot::SWEETSPOT_TARGET {

constexpr int queries = AttentionScratch::queries;
constexpr int tile_rows = 4;
constexpr int tile_registers = register_bytes == 64 ? 4 : 2;

constexpr std::int64_t rounded_up(std::int64_t n, std::int64_t step) {
    return (n + step - 1) / step * step;
}

/// Where a left-hand side [row][step] lies.
template <class Word>
struct Left {
    const Word* data;
    std::int64_t row, step;
};

/// c[row][lane] (+)= sum over n steps of left[row][step] · right[step][lane], for a tile of rows.
template <class Math, int registers, bool add>
SWEETSPOT_INLINE void tile_product(Left<typename Math::Word> left, const typename Math::Word* right,
                                   std::int64_t n, float* c) {
    FloatPart sums[tile_rows][registers];
#pragma GCC unroll 4
    for (int r = 0; r < tile_rows; ++r)
#pragma GCC unroll 4
        for (int i = 0; i < registers; ++i) {
            sums[r][i] = FloatPart{};
            if (add) std::memcpy(&sums[r][i], c + r * queries + i * part_lanes, register_bytes);
        }
#pragma GCC unroll 2
    for (std::int64_t step = 0; step < n; ++step) {
        FloatPart b[registers];
#pragma GCC unroll 4
        for (int i = 0; i < registers; ++i)
            std::memcpy(&b[i], right + step * queries + i * part_lanes, register_bytes);
#pragma GCC unroll 4
        for (int r = 0; r < tile_rows; ++r) {
            const auto a = left.data[r * left.row + step * left.step];
#pragma GCC unroll 4
            for (int i = 0; i < registers; ++i) sums[r][i] = Math::step(a, b[i], sums[r][i]);
        }
    }
#pragma GCC unroll 4
    for (int r = 0; r < tile_rows; ++r)
#pragma GCC unroll 4
        for (int i = 0; i < registers; ++i)
            std::memcpy(c + r * queries + i * part_lanes, &sums[r][i], register_bytes);
}

/// The same for any multiple of tile_rows rows, and the first `used` lanes, a multiple of 16.
template <class Math, bool add>
SWEETSPOT_INLINE void product(Left<typename Math::Word> left, std::int64_t rows,
                              const typename Math::Word* right, std::int64_t n, int used,
                              float* c) {
    constexpr int step = tile_registers * part_lanes;
    for (std::int64_t r = 0; r < rows; r += tile_rows, left.data += tile_rows * left.row) {
        float* to = c + r * queries;
        int lane = 0;
        for (; lane + step <= used; lane += step)
            tile_product<Math, tile_registers, add>(left, right + lane, n, to + lane);
        for (; lane < used; lane += lanes) // only where registers hold as many as 16
            tile_product<Math, parts == 1 ? 1 : 2, add>(left, right + lane, n, to + lane);
    }
}

/// One register of floats. Longer values, of several registers, tend to end up in memory.
SWEETSPOT_INLINE FloatPart load_part(const float* p) {
    FloatPart x;
    std::memcpy(&x, p, sizeof x);
    return x;
}
SWEETSPOT_INLINE void store_part(float* p, FloatPart x) {
    std::memcpy(p, &x, sizeof x);
}

/// 2^x: by exponent instructions where there are, with a polynomial of degree 5 (1.5e-7, relative)
/// or 3 (7.5e-5) on [0, 1), our own fits; else as exp2(Vector).
template <int degree, class Part>
SWEETSPOT_INLINE Part power_of_two(Part x) {
    if constexpr (sizeof(Part) == 64) {
        const Part f = Part(_mm512_reduce_ps(__m512(x), 0x09)); // x - floor(x)
        Part p;
        if constexpr (degree == 3) {
            p = 0.07802452266443137f * f + 0.22606715539313227f;
            p = p * f + 0.6958335405064464f;
            p = p * f + 0.9999252185640101f;
        } else {
            p = 0.001877576673382387f * f + 0.008989340094681218f;
            p = p * f + 0.0558263180500615f;
            p = p * f + 0.2401536170453286f;
            p = p * f + 0.693153073200076f;
            p = p * f + 0.9999999250635297f;
        }
        return Part(_mm512_scalef_ps(__m512(p), __m512(x)));
    } else {
        const Part least = -127.0f - Part{};
        const Part t = x > least ? x : least;
        const Part biased = t + 12582912.0f; // 1.5 · 2^23: its lowest bits are t rounded
        const Part f = t - (biased - 12582912.0f);
        Part p = 0.001326472731307149f * f + 0.009671513922512531f;
        p = p * f + 0.05550733581185341f;
        p = p * f + 0.24022242426872253f;
        p = p * f + 0.6931470036506653f;
        p = p * f + 1.0f;
        return p * Part((IntPart(biased) + 127) << 23);
    }
}

} // namespace sweetspot::SWEETSPOT_TARGET
