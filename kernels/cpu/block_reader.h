#pragma once
#include "kernels/core/weight_format.h"
#include "kernels/cpu/vector.h"
#include <bit>
#include <cstring>
#include <utility>

// How the numbers in blocks come into registers: sixteen at a time, scaled. One reader for each
// format serves products of a few rows, which take the numbers as they come, those of many rows,
// for which they are laid out as dense weights first, and attention to keys and values in blocks.
namespace sweetspot::SWEETSPOT_TARGET {

namespace {

using Byte = std::uint8_t;

/// Sixteen codes.
struct Codes {
    IntPart part[parts];
};

/// Sixteen bytes as they are, or with a sign. GCC 12 makes a conversion of vectors of bytes one by
/// one, so the processor's own is named.
template <bool with_sign>
SWEETSPOT_INLINE Codes widened(const Byte* p) {
    Codes y;
    each_part([&](int i) {
        const Byte* from = p + i * part_lanes;
        if constexpr (part_lanes == 16) {
            const __m128i x = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
            y.part[i] = IntPart(with_sign ? _mm512_maskz_cvtepi8_epi32(0xffff, x)
                                          : _mm512_maskz_cvtepu8_epi32(0xffff, x));
        } else if constexpr (part_lanes == 8) {
            const __m128i x = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(from));
            y.part[i] = IntPart(with_sign ? _mm256_cvtepi8_epi32(x) : _mm256_cvtepu8_epi32(x));
        } else {
            std::int32_t word;
            std::memcpy(&word, from, sizeof word);
            const __m128i x = _mm_cvtsi32_si128(word);
            y.part[i] = IntPart(with_sign ? _mm_cvtepi8_epi32(x) : _mm_cvtepu8_epi32(x));
        }
    });
    return y;
}
SWEETSPOT_INLINE Codes bytes_at(const Byte* p) {
    return widened<false>(p);
}
SWEETSPOT_INLINE Codes signed_at(const Byte* p) {
    return widened<true>(p);
}
/// bits [shift, shift + count) of each.
SWEETSPOT_INLINE Codes bits_of(Codes x, int shift, int count) {
    each_part([&](int i) { x.part[i] = x.part[i] >> shift & ((1 << count) - 1); });
    return x;
}
/// The upper four of eight bits.
SWEETSPOT_INLINE Codes upper_half(Codes x) {
    each_part([&](int i) { x.part[i] = x.part[i] >> 4; });
    return x;
}
/// x + (high << shift) - middle
SWEETSPOT_INLINE Codes joined(Codes x, Codes high, int shift, int middle = 0) {
    each_part([&](int i) { x.part[i] = (x.part[i] | high.part[i] << shift) - middle; });
    return x;
}
SWEETSPOT_INLINE Codes lowered(Codes x, int middle) {
    each_part([&](int i) { x.part[i] -= middle; });
    return x;
}
/// Bits [first, first + 16) of a word, one a lane.
SWEETSPOT_INLINE Codes lanes_of(std::uint32_t word, int first) {
    Codes y;
    each_part([&](int i) {
        IntPart bit;
        for (int j = 0; j < part_lanes; ++j) bit[j] = 1 << (i * part_lanes + j);
        const IntPart all = std::int32_t(word >> first & 0xffff) - IntPart{};
        y.part[i] = (all & bit) != 0 ? 1 - IntPart{} : IntPart{};
    });
    return y;
}
SWEETSPOT_INLINE Vector numbers(Codes x) {
    Vector y;
    each_part([&](int i) { y.part[i] = __builtin_convertvector(x.part[i], FloatPart); });
    return y;
}

/// The upper and the lower half of each of eight bytes, in turn.
SWEETSPOT_INLINE Codes codes_of_pairs(const Byte* p) {
    const __m128i pairs = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(p));
    const __m128i half = _mm_set1_epi8(15);
    alignas(16) Byte codes[lanes];
    _mm_store_si128(reinterpret_cast<__m128i*>(codes),
                    _mm_unpacklo_epi8(_mm_and_si128(_mm_srli_epi16(pairs, 4), half),
                                      _mm_and_si128(pairs, half)));
    return bytes_at(codes);
}
/// nf4's value of each code, from registers where they hold all sixteen.
SWEETSPOT_INLINE Vector nf4_numbers(Codes x) {
    Vector y;
    each_part([&](int i) {
        if constexpr (part_lanes == 16) {
            __m512i code;
            std::memcpy(&code, &x.part[i], sizeof code);
            const __m512 found =
                _mm512_maskz_permutexvar_ps(0xffff, code, _mm512_loadu_ps(nf4_values));
            std::memcpy(&y.part[i], &found, sizeof found);
        } else if constexpr (part_lanes == 8) {
            __m256i code;
            std::memcpy(&code, &x.part[i], sizeof code);
            const __m256 low = _mm256_permutevar8x32_ps(_mm256_loadu_ps(nf4_values), code);
            const __m256 high = _mm256_permutevar8x32_ps(_mm256_loadu_ps(nf4_values + 8), code);
            // The code's upper bit, moved to where the choice looks, says which half it is.
            const __m256 upper = _mm256_castsi256_ps(_mm256_slli_epi32(code, 28));
            const __m256 found = _mm256_blendv_ps(low, high, upper);
            std::memcpy(&y.part[i], &found, sizeof found);
        } else {
            for (int j = 0; j < part_lanes; ++j) y.part[i][j] = nf4_values[x.part[i][j]];
        }
    });
    return y;
}

SWEETSPOT_INLINE float half_at(const Byte* p) {
    Float16 x;
    std::memcpy(static_cast<void*>(&x), p, sizeof x);
    if constexpr (target >= Isa::avx2) return _cvtsh_ss(x.bits);
    return to_float(x);
}
SWEETSPOT_INLINE std::uint32_t word_at(const Byte* p) {
    std::uint32_t x;
    std::memcpy(&x, p, sizeof x);
    return x;
}

/// f(0), f(1), … f(count - 1), each with a number that the compiler knows.
template <int count, class F>
SWEETSPOT_INLINE void each(F&& f) {
    [&]<int... i>(std::integer_sequence<int, i...>) {
        (f(std::integral_constant<int, i>{}), ...);
    }
    (std::make_integer_sequence<int, count>{});
}
/// give(place, sixteen numbers), the place known to the compiler.
template <int place, class Give>
SWEETSPOT_INLINE void give_at(Give& give, Vector x) {
    give(std::integral_constant<int, place>{}, x);
}

// ---- give all sixteens of a block

/// Its read() gives the numbers; where it has a scale(), what they are times that.
template <WeightFormat format>
struct Block;

/// A scale in 16 bits before all.
struct HalfScale {
    static float scale(const Byte* p) { return half_at(p); }
};
/// Signed bytes after it.
template <int sixteens>
struct SignedBytes : HalfScale {
    template <class Give>
    SWEETSPOT_INLINE static void read(const Byte* p, Give&& give) {
        each<sixteens>([&](auto i) { give_at<16 * i>(give, numbers(signed_at(p + 2 + 16 * i))); });
    }
};
template <>
struct Block<WeightFormat::int8> : SignedBytes<4> {};
template <>
struct Block<WeightFormat::q8_0> : SignedBytes<2> {};
template <>
struct Block<WeightFormat::int4> {
    template <class Give>
    SWEETSPOT_INLINE static void read(const Byte* p, Give&& give) {
        const float scale = half_at(p);
        const Vector d = scale, least = -(scale * half_at(p + 2));
        each<2>([&](auto i) {
            const Codes pair = bytes_at(p + 4 + 16 * i);
            give_at<16 * i>(give, fma(d, numbers(bits_of(pair, 0, 4)), least));
            give_at<32 + 16 * i>(give, fma(d, numbers(upper_half(pair)), least));
        });
    }
};
template <class Give>
SWEETSPOT_INLINE void read_nf4(const Byte* codes, Give& give) {
    each<4>([&](auto i) { give_at<16 * i>(give, nf4_numbers(codes_of_pairs(codes + 8 * i))); });
}
template <>
struct Block<WeightFormat::nf4> {
    static float scale(const Byte* p) { return std::bit_cast<float>(word_at(p)); }
    template <class Give>
    SWEETSPOT_INLINE static void read(const Byte* p, Give&& give) {
        read_nf4(p + 4, give);
    }
};
template <>
struct Block<WeightFormat::q4_0> : HalfScale {
    template <class Give>
    SWEETSPOT_INLINE static void read(const Byte* p, Give&& give) {
        const Codes pair = bytes_at(p + 2);
        give_at<0>(give, numbers(lowered(bits_of(pair, 0, 4), 8)));
        give_at<16>(give, numbers(lowered(upper_half(pair), 8)));
    }
};
template <>
struct Block<WeightFormat::q4_1> {
    template <class Give>
    SWEETSPOT_INLINE static void read(const Byte* p, Give&& give) {
        const Vector d = half_at(p), least = half_at(p + 2);
        const Codes pair = bytes_at(p + 4);
        give_at<0>(give, fma(d, numbers(bits_of(pair, 0, 4)), least));
        give_at<16>(give, fma(d, numbers(upper_half(pair)), least));
    }
};
template <>
struct Block<WeightFormat::q5_0> : HalfScale {
    template <class Give>
    SWEETSPOT_INLINE static void read(const Byte* p, Give&& give) {
        const std::uint32_t high = word_at(p + 2);
        const Codes pair = bytes_at(p + 6);
        each<2>([&](auto i) {
            give_at<16 * i>(
                give, numbers(joined(bits_of(pair, 4 * i, 4), lanes_of(high, 16 * i), 4, 16)));
        });
    }
};
template <>
struct Block<WeightFormat::q5_1> {
    template <class Give>
    SWEETSPOT_INLINE static void read(const Byte* p, Give&& give) {
        const Vector d = half_at(p), least = half_at(p + 2);
        const std::uint32_t high = word_at(p + 4);
        const Codes pair = bytes_at(p + 8);
        each<2>([&](auto i) {
            give_at<16 * i>(
                give,
                fma(d, numbers(joined(bits_of(pair, 4 * i, 4), lanes_of(high, 16 * i), 4)), least));
        });
    }
};

/// Of group 0 to 7 of q4_k and q5_k: number = scale · code + offset.
struct Group {
    float scale, offset;
};
SWEETSPOT_INLINE Group group_at(const Byte* p, int group) {
    const Byte* s = p + 4;
    const int i = group & 3;
    const int scale = group < 4 ? s[i] & 63 : (s[8 + i] & 15) | (s[i] >> 6) << 4;
    const int least = group < 4 ? s[4 + i] & 63 : s[8 + i] >> 4 | (s[4 + i] >> 6) << 4;
    return {half_at(p) * float(scale), -half_at(p + 2) * float(least)};
}
template <>
struct Block<WeightFormat::q4_k> {
    template <class Give>
    SWEETSPOT_INLINE static void read(const Byte* p, Give&& give) {
        each<8>([&](auto known) {
            constexpr int group = known;
            const Group g = group_at(p, group);
            each<2>([&](auto i) {
                const Codes pair = bytes_at(p + 16 + 32 * (group / 2) + 16 * i);
                give_at<32 * group + 16 * i>(
                    give, fma(g.scale, numbers(bits_of(pair, 4 * (group % 2), 4)), g.offset));
            });
        });
    }
};
template <>
struct Block<WeightFormat::q5_k> {
    template <class Give>
    SWEETSPOT_INLINE static void read(const Byte* p, Give&& give) {
        each<8>([&](auto known) {
            constexpr int group = known;
            const Group g = group_at(p, group);
            each<2>([&](auto i) {
                const Codes high = bits_of(bytes_at(p + 16 + 16 * i), group, 1);
                const Codes pair = bytes_at(p + 48 + 32 * (group / 2) + 16 * i);
                give_at<32 * group + 16 * i>(
                    give, fma(g.scale, numbers(joined(bits_of(pair, 4 * (group % 2), 4), high, 4)),
                              g.offset));
            });
        });
    }
};
template <>
struct Block<WeightFormat::q6_k> {
    template <class Give>
    SWEETSPOT_INLINE static void read(const Byte* p, Give&& give) {
        const float d = half_at(p + 208);
        each<16>([&](auto i) { // sixteens: of two halves, each of four runs of 32
            constexpr int half = i / 8, run = i / 2 % 4, second = i % 2;
            const Codes low = bytes_at(p + 64 * half + 32 * (run % 2) + 16 * second);
            const Codes high = bytes_at(p + 128 + 32 * half + 16 * second);
            const float scale = d * float(std::int8_t(p[192 + i]));
            give_at<16 * i>(give,
                            Vector(scale) * numbers(joined(bits_of(low, run / 2 * 4, 4),
                                                           bits_of(high, 2 * run, 2), 4, 32)));
        });
    }
};

/// Of 8 bits, the place of each among those that are set; 7 where it is not.
struct Places {
    alignas(8) Byte of[256][8];
};
constexpr Places places_of_bits = [] {
    Places y{};
    for (int bits = 0; bits < 256; ++bits)
        for (int i = 0, next = 0; i < 8; ++i)
            y.of[bits][i] = bits >> i & 1 ? Byte(next++) : Byte(7);
    return y;
}();
/// Of 4 bits, the bytes that bring each stored number of 2 into the upper half of its lane; 0 where
/// none is.
struct HalfPlaces {
    alignas(16) Byte of[16][16];
};
constexpr HalfPlaces places_of_halves = [] {
    HalfPlaces y{};
    for (int bits = 0; bits < 16; ++bits)
        for (int i = 0, next = 0; i < 4; ++i) {
            const bool stored = bits >> i & 1;
            y.of[bits][4 * i] = y.of[bits][4 * i + 1] = 0x80;
            y.of[bits][4 * i + 2] = stored ? Byte(2 * next) : Byte(0x80);
            y.of[bits][4 * i + 3] = stored ? Byte(2 * next + 1) : Byte(0x80);
            next += stored;
        }
    return y;
}();
/// Eight stored numbers, each to where a bit is set of sixteen, of which each four have two.
template <class Number>
SWEETSPOT_INLINE Vector spread(std::uint32_t bits, const Byte* p) {
    Vector y;
    if constexpr (target >= Isa::avx2) {
        const __m128i raw = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
        __m256 x;
        if constexpr (std::is_same_v<Number, BFloat16>)
            x = _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(raw), 16));
        else
            x = _mm256_cvtph_ps(raw);
        if constexpr (part_lanes == 16) {
            y.part[0] = FloatPart( // reads as many as bits are set
                _mm512_maskz_expand_ps(__mmask16(bits), _mm512_castps256_ps512(x)));
        } else if constexpr (part_lanes == 8) {
            const __m256 zero = _mm256_setzero_ps();
            each_part([&](int i) {
                const __m256 four =
                    i ? _mm256_permute2f128_ps(x, x, 0x81) : _mm256_blend_ps(x, zero, 0xf0);
                const Byte* of = places_of_bits.of[bits >> 8 * i & 255];
                const __m256i places =
                    _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(of)));
                y.part[i] = FloatPart(_mm256_permutevar8x32_ps(four, places));
            });
        }
    } else {
        each_part([&](int i) {
            const auto* upper = places_of_halves.of[bits >> 4 * i & 15];
            const __m128i two = _mm_cvtsi32_si128(std::int32_t(word_at(p + 4 * i)));
            const __m128i x =
                _mm_shuffle_epi8(two, _mm_load_si128(reinterpret_cast<const __m128i*>(upper)));
            if constexpr (std::is_same_v<Number, BFloat16>) {
                y.part[i] = FloatPart(x);
            } else { // as to_float(Float16)
                const auto half = IntPart(_mm_srli_epi32(x, 16));
                const FloatPart magnitude = FloatPart((half & 0x7fff) << 13) * 0x1p112f;
                const IntPart infinite = (magnitude >= 65536.0f) & 0x7f800000;
                y.part[i] =
                    FloatPart(IntPart(magnitude) | infinite | IntPart((half & 0x8000) << 16));
            }
        });
    }
    return y;
}
template <class Number>
struct TwoOfFour {
    template <class Give>
    SWEETSPOT_INLINE static void read(const Byte* p, Give&& give) {
        const std::uint32_t bits = word_at(p);
        give_at<0>(give, spread<Number>(bits & 0xffff, p + 4));
        give_at<16>(give, spread<Number>(bits >> 16, p + 20));
    }
};
template <>
struct Block<WeightFormat::two_of_four_bf16> : TwoOfFour<BFloat16> {};
template <>
struct Block<WeightFormat::two_of_four_f16> : TwoOfFour<Float16> {};

/// f(format as a constant)
template <class F>
void with_format(WeightFormat format, const F& f) {
    using enum WeightFormat;
    const auto call = [&]<WeightFormat known>() {
        if (format == known) f.template operator()<known>();
    };
    [&]<WeightFormat... all>() {
        (call.template operator()<all>(), ...);
    }
    .template operator()<int8, int4, nf4, nf4_dq, q8_0, q4_0, q4_1, q5_0, q5_1, q4_k, q5_k, q6_k,
                         two_of_four_bf16, two_of_four_f16>();
}

template <WeightFormat format>
concept Scaled = requires(const Byte* p) {
    Block<format>::scale(p);
};

/// give(place, sixteen numbers) for all of the block at p.
template <WeightFormat format, class Give>
SWEETSPOT_INLINE void read_block(const Byte* p, Give&& give) {
    if constexpr (Scaled<format>) {
        const Vector scale = Block<format>::scale(p);
        Block<format>::read(p, [&](auto place, Vector x) { give(place, scale * x); });
    } else {
        Block<format>::read(p, give);
    }
}
/// The numbers of whole blocks of a row.
template <WeightFormat format>
SWEETSPOT_INLINE void read_row(const Byte* blocks, std::int64_t count, float* to) {
    constexpr BlockFormat facts = block_format(format);
    for (std::int64_t i = 0; i < count; i += facts.numbers, blocks += facts.bytes)
        read_block<format>(blocks, [&](auto place, Vector x) { store(to + i + place, x); });
}

} // namespace

} // namespace sweetspot::SWEETSPOT_TARGET
