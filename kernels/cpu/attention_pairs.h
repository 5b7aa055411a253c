#pragma once
#include "kernels/cpu/attention_product.h"

namespace sweetspot::SWEETSPOT_TARGET {

/// Products of pairs of bf16 numbers with f32 sums; a pair is a word.
struct PairMath {
    using Session = TinyIsZero; ///< what holds while the products run
    using Element = BFloat16;
    using Query = BFloat16;
    using Word = std::uint32_t;
    static constexpr int keys = 128;
    static constexpr int key_step = tile_rows;

    template <class Part>
    SWEETSPOT_INLINE static Part step(std::uint32_t a, Part b, Part c) {
        return Part(_mm512_dpbf16_ps(__m512(c), __m512bh(_mm512_set1_epi32(int(a))), __m512bh(b)));
    }
    SWEETSPOT_INLINE static FloatPart power(FloatPart x) { return power_of_two<3>(x); }
    /// Interleaves two rows of bf16.
    SWEETSPOT_INLINE static __m512i pairs(__m256i even, __m256i odd) {
        return _mm512_or_si512(_mm512_cvtepu16_epi32(even),
                               _mm512_slli_epi32(_mm512_cvtepu16_epi32(odd), 16));
    }
    static void pack_values(const AttentionHead& h) {
        const auto* from = static_cast<const BFloat16*>(h.v);
        auto* to = static_cast<std::uint32_t*>(h.packed_v);
        for (std::int64_t j = 0; j < rounded_up(h.rows, 64); j += 2)
            for (std::int64_t d = 0; d < h.width; d += lanes)
                _mm512_storeu_si512(to + j / 2 * h.width + d,
                                    pairs(row_part(h, from, j, d), row_part(h, from, j + 1, d)));
    }
    /// 16 channels of a row; zeros where there is none.
    SWEETSPOT_INLINE static __m256i row_part(const AttentionHead& h, const BFloat16* from,
                                             std::int64_t row, std::int64_t d) {
        if (row >= h.real || d >= h.size) return _mm256_setzero_si256();
        const unsigned keep = h.size - d >= lanes ? 0xffff : (1u << (h.size - d)) - 1;
        return _mm256_maskz_loadu_epi16(__mmask16(keep), from + row * h.v_stride + d);
    }
    template <class Lanes>
    SWEETSPOT_INLINE static void put_weights(const AttentionHead& h, std::int64_t j, int lane,
                                             Lanes even, Lanes odd) {
        const auto both = __m512i(_mm512_cvtne2ps_pbh(
            __builtin_bit_cast(__m512, odd), __builtin_bit_cast(__m512, even))); // 16 even, 16 odd
        const __m512i order =
            _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7,
                             22, 6, 21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
        _mm512_storeu_si512(static_cast<std::uint32_t*>(h.weights) + j / 2 * queries + lane,
                            _mm512_permutexvar_epi16(order, both));
    }
    static void scores(const AttentionHead& h, std::int64_t first, std::int64_t n, int used) {
        const auto* k = static_cast<const Word*>(h.packed_k) + first * h.width / 2;
        product<PairMath, false>({k, h.width / 2, 1}, n, reinterpret_cast<Word*>(h.queries),
                                 (h.size + 1) / 2, used, h.scores);
    }
    template <bool add>
    static void values(const AttentionHead& h, std::int64_t first, std::int64_t n, int used) {
        const auto* v = static_cast<const Word*>(h.packed_v) + first / 2 * h.width;
        product<PairMath, add>({v, 1, h.width}, rounded_up(h.size, tile_rows),
                               static_cast<const Word*>(h.weights), n / 2, used, h.out);
    }
};

} // namespace sweetspot::SWEETSPOT_TARGET
