#pragma once
#include "kernels/core/weight_format.h"

/// What the blocks of a format say, sixteen neighbours at a time: the one definition for
/// dequantise() and for a GPU's kernels. kernels/cpu/block_reader.h has it in vectors.
namespace sweetspot {

/// Number i is scale · code[i] + offset.
struct Sixteen {
    float scale = 0, offset = 0;
    float code[16] = {};
};

/// Whether an offset is to be added; of the others it is 0.
constexpr bool has_offset(WeightFormat format) {
    using enum WeightFormat;
    return format == int4 || format == q4_1 || format == q5_1 || format == q4_k || format == q5_k;
}
/// Sixteen s and the one so many behind it may have the lower and the upper halves of the same
/// bytes: s / step is even of the first of such two.
constexpr int step_to_upper_halves(WeightFormat format) {
    using enum WeightFormat;
    if (format == int4 || format == q4_k || format == q5_k) return 2;
    return format == q6_k ? 4 : 1;
}

/// Four codes as the bytes of a word.
namespace four_codes {

using Byte = std::uint8_t;

/// The lower halves of four bytes, or at shift 4 the upper ones.
constexpr std::uint32_t halves(std::uint32_t bytes, int shift) {
    return bytes >> shift & 0x0f0f0f0fu;
}
/// Four bits, one a byte.
constexpr std::uint32_t spread(std::uint32_t bits) {
    return (bits & 15) * 0x00204081u & 0x01010101u;
}
/// Codes up to 127, less so much: signed bytes. A set bit above each keeps it from its neighbour.
constexpr std::uint32_t lowered(std::uint32_t codes, std::uint32_t by) {
    return ((codes | 0x80808080u) - by * 0x01010101u) ^ 0x80808080u;
}
constexpr void put(std::uint32_t signed_codes, float* to) {
    for (int i = 0; i < 4; ++i) to[i] = float(std::int8_t(signed_codes >> 8 * i));
}

/// Of group 0 to 7 of q4_k and q5_k, six bits each.
struct GroupScale {
    int scale, least;
};
constexpr GroupScale group_scale(const Byte* packed, int group) {
    const int i = group & 3;
    if (group < 4) return {packed[i] & 63, packed[4 + i] & 63};
    return {(packed[8 + i] & 15) | (packed[i] >> 6) << 4, packed[8 + i] >> 4 | (packed[4 + i] >> 6)
                                                                                   << 4};
}

/// Word w of sixteen s of a block.
template <WeightFormat format, class Read>
constexpr std::uint32_t word_of(const Byte* p, int s, int w, const Read& read) {
    using enum WeightFormat;
    const int second = s & 1, group = s >> 1; // of k-quants, which have groups of 32
    const int at = 16 * second + 4 * w;
    if constexpr (format == int8 || format == q8_0) {
        return read.word(p + 2 + 16 * s + 4 * w);
    } else if constexpr (format == int4) {
        return halves(read.word(p + 4 + at), 4 * group);
    } else if constexpr (format == q4_0) {
        return lowered(halves(read.word(p + 2 + 4 * w), 4 * s), 8);
    } else if constexpr (format == q4_1) {
        return halves(read.word(p + 4 + 4 * w), 4 * s);
    } else if constexpr (format == q5_0 || format == q5_1) {
        const Byte* fifth = p + (format == q5_0 ? 2 : 4);
        const std::uint32_t codes = halves(read.word(fifth + 4 + 4 * w), 4 * s) |
                                    spread(read.word(fifth) >> (16 * s + 4 * w)) << 4;
        return format == q5_0 ? lowered(codes, 16) : codes;
    } else if constexpr (format == q4_k) {
        return halves(read.word(p + 16 + 32 * (group / 2) + at), 4 * (group & 1));
    } else if constexpr (format == q5_k) {
        return halves(read.word(p + 48 + 32 * (group / 2) + at), 4 * (group & 1)) |
               (read.word(p + 16 + at) >> group & 0x01010101u) << 4;
    } else {
        static_assert(format == q6_k);
        const int half = s >> 3, run = group & 3;
        const std::uint32_t low =
                                halves(read.word(p + 64 * half + 32 * (run & 1) + at), run / 2 * 4),
                            high = read.word(p + 128 + 32 * half + at) >> 2 * run & 0x03030303u;
        return lowered(low | high << 4, 32);
    }
}

} // namespace four_codes

/// Sixteen s of a block: numbers [16 s, 16 s + 16). A Read reads as its device does: word(p) is
/// four bytes, half(p) an f16, single(p) an f32, and nf4(code) the number of a code. Not of nested
/// formats and of two of four.
template <WeightFormat format, class Read>
constexpr Sixteen sixteen_of(const std::uint8_t* p, int s, const Read& read) {
    using enum WeightFormat;
    Sixteen y;
    if constexpr (format == nf4) {
        for (int w = 0; w < 2; ++w) {
            const std::uint32_t pairs = read.word(p + 4 + 8 * s + 4 * w); // the upper half first
            for (int i = 0; i < 8; ++i)
                y.code[8 * w + i] = read.nf4(pairs >> (8 * (i / 2) + (i % 2 ? 0 : 4)) & 15);
        }
    } else {
        for (int w = 0; w < 4; ++w)
            four_codes::put(four_codes::word_of<format>(p, s, w, read), y.code + 4 * w);
    }
    if constexpr (format == nf4) {
        y.scale = read.single(p);
    } else if constexpr (format == q4_k || format == q5_k) {
        const auto group = four_codes::group_scale(p + 4, s >> 1);
        y.scale = read.half(p) * float(group.scale);
        y.offset = -(read.half(p + 2) * float(group.least));
    } else if constexpr (format == q6_k) {
        y.scale = read.half(p + 208) * float(std::int8_t(p[192 + s]));
    } else {
        y.scale = read.half(p);
        if constexpr (format == int4) // both factors are f16's: exact
            y.offset = -(y.scale * read.half(p + 2));
        else if constexpr (has_offset(format))
            y.offset = read.half(p + 2);
    }
    return y;
}

/// Whether sixteen_of() is for it.
constexpr bool has_sixteens(WeightFormat format) {
    return format != WeightFormat::dense && !block_format(format).nested &&
           !stores_two_of_four(format);
}
/// Calls f.template operator()<format>() of such a format.
template <class F>
void with_sixteens(WeightFormat format, const F& f) {
    using enum WeightFormat;
    const auto call = [&]<WeightFormat known>() {
        if (format == known) f.template operator()<known>();
    };
    [&]<WeightFormat... all>() {
        (call.template operator()<all>(), ...);
    }
    .template operator()<int8, int4, nf4, q8_0, q4_0, q4_1, q5_0, q5_1, q4_k, q5_k, q6_k>();
}

} // namespace sweetspot
