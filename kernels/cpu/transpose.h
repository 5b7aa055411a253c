#pragma once
#include "kernels/cpu/vector.h"

namespace sweetspot::SWEETSPOT_TARGET {

/// to[j][i] = from[i][j] for i, j < 8.
template <class Part>
SWEETSPOT_INLINE void transpose_quarter(const float* from, std::int64_t from_stride, float* to,
                                        std::int64_t to_stride) {
    __m256 a[8], b[8];
#pragma GCC unroll 8
    for (int i = 0; i < 8; ++i) a[i] = _mm256_loadu_ps(from + i * from_stride);
#pragma GCC unroll 4
    for (int i = 0; i < 8; i += 2) {
        b[i] = _mm256_unpacklo_ps(a[i], a[i + 1]);
        b[i + 1] = _mm256_unpackhi_ps(a[i], a[i + 1]);
    }
#pragma GCC unroll 2
    for (int i = 0; i < 8; i += 4) {
        a[i] = _mm256_shuffle_ps(b[i], b[i + 2], 0x44);
        a[i + 1] = _mm256_shuffle_ps(b[i], b[i + 2], 0xee);
        a[i + 2] = _mm256_shuffle_ps(b[i + 1], b[i + 3], 0x44);
        a[i + 3] = _mm256_shuffle_ps(b[i + 1], b[i + 3], 0xee);
    }
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) {
        _mm256_storeu_ps(to + i * to_stride, _mm256_permute2f128_ps(a[i], a[i + 4], 0x20));
        _mm256_storeu_ps(to + (i + 4) * to_stride, _mm256_permute2f128_ps(a[i], a[i + 4], 0x31));
    }
}

/// to[j][i] = from[i][j] for i, j < 16; strides are in elements. Moves 32-bit words.
template <class Part = FloatPart>
SWEETSPOT_INLINE void transpose(const float* from, std::int64_t from_stride, float* to,
                                std::int64_t to_stride) {
    if constexpr (sizeof(Part) == 64) {
        // Pairs of rows, then of pairs, then of quarters: each step doubles the runs of one column.
        __m512i a[16], b[16];
#pragma GCC unroll 16
        for (int i = 0; i < 16; ++i) a[i] = _mm512_loadu_si512(from + i * from_stride);
#pragma GCC unroll 8
        for (int i = 0; i < 16; i += 2) {
            b[i] = _mm512_unpacklo_epi32(a[i], a[i + 1]);
            b[i + 1] = _mm512_unpackhi_epi32(a[i], a[i + 1]);
        }
#pragma GCC unroll 4
        for (int i = 0; i < 16; i += 4) {
            a[i] = _mm512_unpacklo_epi64(b[i], b[i + 2]);
            a[i + 1] = _mm512_unpackhi_epi64(b[i], b[i + 2]);
            a[i + 2] = _mm512_unpacklo_epi64(b[i + 1], b[i + 3]);
            a[i + 3] = _mm512_unpackhi_epi64(b[i + 1], b[i + 3]);
        }
#pragma GCC unroll 4
        for (int i = 0; i < 4; ++i) {
            b[i] = _mm512_shuffle_i32x4(a[i], a[i + 4], 0x88);
            b[i + 4] = _mm512_shuffle_i32x4(a[i], a[i + 4], 0xdd);
            b[i + 8] = _mm512_shuffle_i32x4(a[i + 8], a[i + 12], 0x88);
            b[i + 12] = _mm512_shuffle_i32x4(a[i + 8], a[i + 12], 0xdd);
        }
#pragma GCC unroll 8
        for (int i = 0; i < 8; ++i) {
            _mm512_storeu_si512(to + i * to_stride, _mm512_shuffle_i32x4(b[i], b[i + 8], 0x88));
            _mm512_storeu_si512(to + (i + 8) * to_stride,
                                _mm512_shuffle_i32x4(b[i], b[i + 8], 0xdd));
        }
    } else if constexpr (sizeof(Part) == 32) {
        for (int i = 0; i < 16; i += 8)
            for (int j = 0; j < 16; j += 8)
                transpose_quarter<Part>(from + i * from_stride + j, from_stride,
                                        to + j * to_stride + i, to_stride);
    } else {
        for (int i = 0; i < 16; ++i)
            for (int j = 0; j < 16; ++j) to[j * to_stride + i] = from[i * from_stride + j];
    }
}

} // namespace sweetspot::SWEETSPOT_TARGET
