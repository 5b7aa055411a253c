#pragma once
#include "kernels/cpu/vector.h"
#include <utility>

/// Products of a few rows with packed weights (packed_shape() in kernels/ops/matmul.h): 64 output
/// columns in the lanes, one stream through the weights, no sums across lanes.
namespace sweetspot::SWEETSPOT_TARGET {

constexpr std::int64_t block_columns = 64;

/// Registers that may hold sums: what is left over keeps weights and one element of a.
constexpr int sum_registers = register_bytes == 64 ? 24 : register_bytes == 32 ? 12 : 8;
/// Rows that are computed at once, at most.
constexpr int most_rows = register_bytes >= 32 ? 6 : 2;
/// Vectors of columns that are computed at once for so many rows.
constexpr int vectors_for(int rows) {
    int vectors = 4;
    while (vectors > 1 && vectors * rows * parts > sum_registers) vectors /= 2;
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
/// sums + the products of both numbers of each lane.
SWEETSPOT_INLINE Vector add_products(Vector sums, Vector a, Vector b) {
    if constexpr (target >= Isa::avx512_bf16) {
        __m512 s;
        __m512bh x, y;
        std::memcpy(&s, &sums, sizeof s);
        std::memcpy(&x, &a, sizeof x);
        std::memcpy(&y, &b, sizeof y);
        s = _mm512_dpbf16_ps(s, x, y);
        std::memcpy(&sums, &s, sizeof s);
        return sums;
    }
    return fma(odd(a), odd(b), fma(even(a), even(b), sums));
}

/// Asks for weights ahead, 4 KiB into the second cache and 1 KiB into the first: one row is bound
/// by reading them. Two cores decoded 12 % (f32) and 9 % (bf16) faster than with 1 KiB alone; 2 or
/// 8 KiB alone did less.
SWEETSPOT_INLINE void prefetch_after(const void* weights) {
    __builtin_prefetch(static_cast<const char*>(weights) + 4096, 0, 2);
    __builtin_prefetch(static_cast<const char*>(weights) + 1024);
}

/// sums[r][v] += a[r, :] · (columns of vector v). w points to the first vector of the block.
template <int rows, int vectors>
SWEETSPOT_INLINE void add_row_products(Vector (&sums)[rows][vectors], const float* a,
                                       std::int64_t a_stride, const float* w, std::int64_t inner) {
#pragma GCC unroll 2
    for (std::int64_t k = 0; k < inner; ++k) {
        Vector b[vectors];
#pragma GCC unroll 4
        for (int v = 0; v < vectors; ++v) {
            b[v] = load(w + k * block_columns + v * lanes);
            if (rows == 1) prefetch_after(w + k * block_columns + v * lanes);
        }
#pragma GCC unroll 6
        for (int r = 0; r < rows; ++r)
#pragma GCC unroll 4
            for (int v = 0; v < vectors; ++v)
                sums[r][v] = fma(Vector(a[r * a_stride + k]), b[v], sums[r][v]);
    }
}

/// Two numbers of a row of a; the second is 0 past the end.
SWEETSPOT_INLINE Vector pair_at(const BFloat16* a, bool both) {
    std::uint32_t bits = a[0].bits;
    if (both) std::memcpy(&bits, a, sizeof bits);
    return std::bit_cast<float>(bits);
}

template <int rows, int vectors>
SWEETSPOT_INLINE void add_row_products(Vector (&sums)[rows][vectors], const BFloat16* a,
                                       std::int64_t a_stride, const BFloat16* w,
                                       std::int64_t inner) {
    const auto step = [&](std::int64_t k, bool both) {
        Vector b[vectors];
        const auto* pairs = reinterpret_cast<const char*>(w + k * block_columns);
#pragma GCC unroll 4
        for (int v = 0; v < vectors; ++v) {
            std::memcpy(&b[v], pairs + v * sizeof(Vector), sizeof(Vector));
            if (rows == 1) prefetch_after(pairs + v * sizeof(Vector));
        }
#pragma GCC unroll 6
        for (int r = 0; r < rows; ++r)
#pragma GCC unroll 4
            for (int v = 0; v < vectors; ++v)
                sums[r][v] = add_products(sums[r][v], pair_at(a + r * a_stride + k, both), b[v]);
    };
#pragma GCC unroll 2
    for (std::int64_t k = 0; k + 2 <= inner; k += 2) step(k, true);
    if (inner % 2) step(inner - 1, false);
}

/// sums[r, 64] = `rows` rows of a · one block of 64 packed columns.
template <int rows, class T>
void multiply_rows(const T* a, std::int64_t a_stride, const T* block, std::int64_t inner,
                   float* sums) {
    constexpr int vectors = vectors_for(rows);
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

/// As multiply_rows, for 1 to most_rows rows.
template <class T>
void multiply_some_rows(int rows, const T* a, std::int64_t a_stride, const T* block,
                        std::int64_t inner, float* sums) {
    [&]<int... less>(std::integer_sequence<int, less...>) {
        ((rows == less + 1 ? multiply_rows<less + 1>(a, a_stride, block, inner, sums) : void()),
         ...);
    }
    (std::make_integer_sequence<int, most_rows>{});
}

} // namespace sweetspot::SWEETSPOT_TARGET
