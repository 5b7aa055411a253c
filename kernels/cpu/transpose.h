#pragma once
#include "kernels/cpu/vector.h"

namespace sweetspot::SWEETSPOT_TARGET {

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
    } else {
        for (int i = 0; i < 16; ++i)
            for (int j = 0; j < 16; ++j) to[j * to_stride + i] = from[i * from_stride + j];
    }
}

} // namespace sweetspot::SWEETSPOT_TARGET
