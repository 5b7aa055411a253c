#pragma once
#include "kernels/cpu/vector.h"
#include <utility>

/// Products of a few rows with packed weights (packed_shape() in kernels/ops/matmul.h): 64 output
/// columns in the lanes, one stream through the weights, no sums across lanes. Where sums of 16
/// columns alone fill the registers, many rows are multiplied with strips of weights instead, which
/// stay in the first cache while all rows go by.
namespace sweetspot::SWEETSPOT_TARGET {

constexpr std::int64_t block_columns = 64;

/// Whether a lane's two numbers of bf16 are multiplied one after the other, as floats.
template <class T>
constexpr bool by_halves = sizeof(T) == 2 && target < Isa::avx512_bf16;
/// Registers that may hold sums: the rest keeps weights and elements of a, which the compiler loads
/// once for all vectors. What is more ends up in memory, in every step of the inner loop.
template <class T>
constexpr int sum_registers = register_bytes < 64 ? 8
                              : by_halves<T>      ? 16
                                                  : 24;
/// Rows that are computed at once, at most.
template <class T>
constexpr int most_rows = register_bytes == 16                   ? (by_halves<T> ? 1 : 2)
                          : register_bytes == 32 && by_halves<T> ? 4
                                                                 : 6;
/// Vectors of columns that are computed at once for so many rows.
template <class T>
constexpr int vectors_for(int rows) {
    int vectors = 4;
    while (vectors > 1 && vectors * rows * parts > sum_registers<T>) vectors /= 2;
    return vectors;
}

/// A lane holds two numbers of bf16: the even one in its lower half.
SWEETSPOT_INLINE Vector even(Vector pairs) {
    each_part([&](int i) { pairs.part[i] = FloatPart(IntPart(pairs.part[i]) << 16); });
    return pairs;
}
SWEETSPOT_INLINE Vector odd(Vector pairs) {
    each_part([&](int i) {
        pairs.part[i] = FloatPart(IntPart(pairs.part[i]) & std::int32_t(0xffff0000));
    });
    return pairs;
}
/// c + the products of both numbers of each lane, where the processor does both at once.
template <class V>
SWEETSPOT_INLINE V fma_pairs(V a, V b, V c) {
    c.part[0] =
        FloatPart(_mm512_dpbf16_ps(__m512(c.part[0]), __m512bh(a.part[0]), __m512bh(b.part[0])));
    return c;
}

/// Asks for weights ahead, 4 KiB into the second cache and 1 KiB into the first: one row is bound
/// by reading them. Two cores decoded 12 % (f32) and 9 % (bf16) faster than with 1 KiB alone; 2 or
/// 8 KiB alone did less.
SWEETSPOT_INLINE void prefetch_after(const void* weights) {
    __builtin_prefetch(static_cast<const char*>(weights) + 4096, 0, 2);
    __builtin_prefetch(static_cast<const char*>(weights) + 1024);
}

/// sums[r][v] += a[r, :] · (columns of vector v). w points to the first vector of the first row of
/// weights; rows are `step` apart.
template <std::int64_t step = block_columns, int rows, int vectors>
SWEETSPOT_INLINE void add_row_products(Vector (&sums)[rows][vectors], const float* a,
                                       std::int64_t a_stride, const float* w, std::int64_t inner) {
#pragma GCC unroll 2
    for (std::int64_t k = 0; k < inner; ++k) {
#pragma GCC unroll 4
        for (int v = 0; v < vectors; ++v) {
            const float* weights = w + k * step + v * lanes;
            if (rows == 1) prefetch_after(weights);
            const Vector b = load(weights);
#pragma GCC unroll 6
            for (int r = 0; r < rows; ++r)
                sums[r][v] = fma(Vector(a[r * a_stride + k]), b, sums[r][v]);
        }
    }
}

/// Two numbers of a row of a; the second is 0 past the end.
SWEETSPOT_INLINE Vector pair_at(const BFloat16* a, bool both) {
    std::uint32_t bits = a[0].bits;
    if (both) std::memcpy(&bits, a, sizeof bits);
    return std::bit_cast<float>(bits);
}
/// Pairs of weights of 16 columns.
SWEETSPOT_INLINE Vector pairs_at(const BFloat16* weights) {
    Vector pairs;
    copy_in(pairs.part, weights);
    return pairs;
}
SWEETSPOT_INLINE Vector whole(Vector pairs) {
    return pairs;
}

/// sums[r][v] = add(half(the pair a[r, :2]), half(the pairs of vector v), sums[r][v]).
template <auto half, auto add, int rows, int vectors>
SWEETSPOT_INLINE void add_pairs(Vector (&sums)[rows][vectors], const BFloat16* a,
                                std::int64_t a_stride, const BFloat16* w, bool both) {
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v) {
        const Vector b = half(pairs_at(w + v * 2 * lanes));
#pragma GCC unroll 6
        for (int r = 0; r < rows; ++r)
            sums[r][v] = add(half(pair_at(a + r * a_stride, both)), b, sums[r][v]);
    }
}
/// sums += one pair of rows of the inner dimension, or the last one alone.
template <int rows, int vectors>
SWEETSPOT_INLINE void add_pairs(Vector (&sums)[rows][vectors], const BFloat16* a,
                                std::int64_t a_stride, const BFloat16* w, bool both) {
    if (rows == 1)
        for (int v = 0; v < vectors; ++v) prefetch_after(w + v * 2 * lanes);
    if constexpr (by_halves<BFloat16>) {
        add_pairs<even, fma>(sums, a, a_stride, w, both);
        // Of sixteen registers, sums need all: what was loaded is not kept for the other half.
        if constexpr (register_bytes < 64) asm volatile("" ::: "memory");
        add_pairs<odd, fma>(sums, a, a_stride, w, both);
    } else {
        add_pairs<whole, fma_pairs<Vector>>(sums, a, a_stride, w, both);
    }
}

template <int rows, int vectors>
SWEETSPOT_INLINE void add_row_products(Vector (&sums)[rows][vectors], const BFloat16* a,
                                       std::int64_t a_stride, const BFloat16* w,
                                       std::int64_t inner) {
#pragma GCC unroll 2
    for (std::int64_t k = 0; k + 2 <= inner; k += 2)
        add_pairs(sums, a + k, a_stride, w + k * block_columns, true);
    if (inner % 2) add_pairs(sums, a + inner - 1, a_stride, w + (inner - 1) * block_columns, false);
}

/// sums[r, 64] = `rows` rows of a · one block of 64 packed columns. Never inlined: all registers
/// are the sums'.
template <int rows, class T>
[[gnu::noinline]] void multiply_rows(const T* a, std::int64_t a_stride, const T* block,
                                     std::int64_t inner, float* sums) {
    constexpr int vectors = vectors_for<T>(rows);
    // A lane of bf16 holds two rows of the inner dimension.
    constexpr int vector_elements = lanes * int(sizeof(float) / sizeof(T));
    for (int first = 0; first * lanes < block_columns; first += vectors) {
        Vector s[rows][vectors];
#pragma GCC unroll 6
        for (int r = 0; r < rows; ++r)
#pragma GCC unroll 4
            for (int v = 0; v < vectors; ++v) s[r][v] = 0.0f;
        add_row_products(s, a, a_stride, block + first * vector_elements, inner);
#pragma GCC unroll 6
        for (int r = 0; r < rows; ++r)
#pragma GCC unroll 4
            for (int v = 0; v < vectors; ++v)
                store(sums + r * block_columns + (first + v) * lanes, s[r][v]);
    }
}

/// f with a constant that is `rows`, 1 to `most`.
template <int most, class F>
SWEETSPOT_INLINE void with_rows(int rows, F&& f) {
    [&]<int... less>(std::integer_sequence<int, less...>) {
        ((rows == less + 1 ? f(std::integral_constant<int, less + 1>{}) : void()), ...);
    }
    (std::make_integer_sequence<int, most>{});
}

/// As multiply_rows, for 1 to most_rows rows.
template <class T>
void multiply_some_rows(int rows, const T* a, std::int64_t a_stride, const T* block,
                        std::int64_t inner, float* sums) {
    with_rows<most_rows<T>>(
        rows, [&](auto count) { multiply_rows<count()>(a, a_stride, block, inner, sums); });
}

/// Whether registers hold sums of 16 columns only, so that a block of columns is read in strips.
constexpr bool in_strips = vectors_for<float>(most_rows<float>) == 1;
/// Rows of the inner dimension in a strip: with the elements of a that go by it fills half of a
/// first cache of 32 KiB.
constexpr std::int64_t strip_inner = 256;

/// Strips of a block of columns, 16 columns each.
using Strips = float[block_columns / lanes][strip_inner * lanes];

/// strips = rows [k, k + inner) of a block. As the block lies, rows of 16 columns are 256 bytes
/// apart, in a quarter of the first cache's sets. k is even.
SWEETSPOT_INLINE void copy_strips(const float* block, std::int64_t k, std::int64_t inner,
                                  Strips& strips) {
    const float* from = block + k * block_columns;
    for (std::int64_t i = 0; i < inner; ++i)
#pragma GCC unroll 4
        for (int v = 0; v < block_columns / lanes; ++v, from += lanes) {
            __builtin_prefetch(from + 16 * block_columns);
            store(strips[v] + i * lanes, load(from));
        }
}
SWEETSPOT_INLINE void copy_strips(const BFloat16* block, std::int64_t k, std::int64_t inner,
                                  Strips& strips) {
    const BFloat16* from = block + k * block_columns;
    for (std::int64_t i = 0; i < inner; i += 2) // an odd last row is packed beside zeros
#pragma GCC unroll 4
        for (int v = 0; v < block_columns / lanes; ++v, from += 2 * lanes) {
            __builtin_prefetch(from + 16 * block_columns);
            const Vector pairs = pairs_at(from);
            store(strips[v] + i * lanes, even(pairs));
            if (i + 1 < inner) store(strips[v] + (i + 1) * lanes, odd(pairs));
        }
}

/// sums[r, 16] += `rows` rows of a · a strip; sums' rows are 64 apart.
template <int rows>
[[gnu::noinline]] void multiply_strip(const float* a, std::int64_t a_stride, const float* strip,
                                      std::int64_t inner, float* sums) {
    Vector s[rows][1];
#pragma GCC unroll 6
    for (int r = 0; r < rows; ++r) s[r][0] = load(sums + r * block_columns);
    add_row_products<lanes>(s, a, a_stride, strip, inner);
#pragma GCC unroll 6
    for (int r = 0; r < rows; ++r) store(sums + r * block_columns, s[r][0]);
}

} // namespace sweetspot::SWEETSPOT_TARGET
