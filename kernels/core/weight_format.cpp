// The block formats, each as two functions that the table at the end names. Decoding
// (block_sixteen.h) gives what ggml's reference gives, to the bit: one rounding for each product
// and sum, so that this source is compiled without contraction. Encoding those of 32 numbers is
// ggml's, too; its k-quants search for scales, ours round to nearest.
#include "kernels/core/weight_format.h"
#include "kernels/core/block_sixteen.h"
#include "kernels/core/float_types.h"
#include "kernels/core/nested_scales.h"
#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

namespace sweetspot {

namespace {

using Byte = std::uint8_t;

float half_at(const Byte* p) {
    Float16 x;
    std::memcpy(&x, p, sizeof x);
    return to_float(x);
}
/// Returns what is read again.
float put_half(float x, Byte* p) {
    const auto half = _Float16(x);
    std::memcpy(p, &half, sizeof half);
    return half_at(p);
}
float float_at(const Byte* p) {
    float x;
    std::memcpy(&x, p, sizeof x);
    return x;
}

/// x rounded down to a code from 0 to `most`; what is no number is 0.
Byte code(float x, int most) {
    if (!(x > 0)) return 0;
    return x >= float(most) ? Byte(most) : Byte(x);
}
/// x rounded to nearest, halves away from 0, within ±most.
std::int8_t signed_code(float x, float most) {
    if (std::isnan(x)) return 0;
    return std::int8_t(std::clamp(std::round(x), -most, most));
}
float inverse(float x) {
    return x == 0 ? 0 : 1 / x;
}

/// The number of the greatest magnitude, the first of equals, with its sign.
float extreme(const float* x, int count) {
    float found = x[0];
    for (int i = 1; i < count; ++i)
        if (std::abs(x[i]) > std::abs(found)) found = x[i];
    return found;
}

/// Codes of 4 bits of which the first half of a block lies in lower halves of bytes.
template <int count>
void put_nibbles(const Byte* codes, Byte* to) {
    for (int i = 0; i < count / 2; ++i) to[i] = Byte((codes[i] & 15) | codes[i + count / 2] << 4);
}
/// As a host reads blocks, which may lie anywhere in a mapped file.
struct HostRead {
    std::uint32_t word(const Byte* p) const {
        std::uint32_t x;
        std::memcpy(&x, p, sizeof x);
        return x;
    }
    float half(const Byte* p) const { return half_at(p); }
    float single(const Byte* p) const { return float_at(p); }
    float nf4(std::uint32_t code) const { return nf4_values[code]; }
};
template <WeightFormat format>
void decode(const Byte* block, float* y) {
    for (int s = 0; s < block_format(format).numbers / 16; ++s) {
        const Sixteen x = sixteen_of<format>(block, s, HostRead());
        for (int i = 0; i < 16; ++i) {
            const float number = x.scale * x.code[i];
            y[16 * s + i] = has_offset(format) ? number + x.offset : number;
        }
    }
}

// ---- blocks of 64

void encode_int8(const float* x, Byte* block) {
    const float id = inverse(put_half(std::abs(extreme(x, 64)) / 127, block));
    for (int i = 0; i < 64; ++i) block[2 + i] = Byte(signed_code(x[i] * id, 127));
}

/// As GPTQ and AWQ have them: scale · (code - zero). Numbers that are nearly one, against which f16
/// has no zero, become it.
void encode_int4(const float* x, Byte* block) {
    const auto [low, high] = std::minmax_element(x, x + 64);
    const float d = put_half((*high - *low) / 15, block);
    Byte codes[64] = {};
    constexpr float most_zero = 60000;
    if (std::abs(*low) < most_zero * d) {
        const float id = 1 / d, zero = put_half(-*low * id, block + 2);
        for (int i = 0; i < 64; ++i) codes[i] = code(x[i] * id + (zero + 0.5f), 15);
    } else {
        put_half(*low, block);
        put_half(-1, block + 2);
    }
    put_nibbles<64>(codes, block + 4);
}

Byte nf4_code(float x) {
    Byte code = 0;
    while (code < 15 && x > (nf4_values[code] + nf4_values[code + 1]) / 2) ++code;
    return code;
}
void encode_nf4(const float* x, Byte* block) {
    const float greatest = std::abs(extreme(x, 64)), id = inverse(greatest);
    std::memcpy(block, &greatest, sizeof greatest);
    for (int i = 0; i < 64; i += 2)
        block[4 + i / 2] = Byte(nf4_code(x[i] * id) << 4 | nf4_code(x[i + 1] * id));
}

// ---- blocks of 32

void encode_q8_0(const float* x, Byte* block) {
    const float d = std::abs(extreme(x, 32)) / 127, id = inverse(d);
    put_half(d, block);
    for (int i = 0; i < 32; ++i) block[2 + i] = Byte(signed_code(x[i] * id, 127));
}

/// Codes around the middle of their range, of which the extreme number gets the least.
template <int bits>
void encode_centred(const float* x, Byte* block, Byte* codes) {
    constexpr int middle = 1 << (bits - 1);
    const float d = extreme(x, 32) / -middle, id = inverse(d);
    put_half(d, block);
    for (int i = 0; i < 32; ++i) codes[i] = code(x[i] * id + (middle + 0.5f), 2 * middle - 1);
}
/// Codes from the least number up.
template <int bits>
void encode_from_least(const float* x, Byte* block, Byte* codes) {
    constexpr int most = (1 << bits) - 1;
    const auto [low, high] = std::minmax_element(x, x + 32);
    const float d = (*high - *low) / most, id = inverse(d), least = *low;
    put_half(d, block);
    put_half(least, block + 2);
    for (int i = 0; i < 32; ++i) codes[i] = code((x[i] - least) * id + 0.5f, most);
}

void encode_q4_0(const float* x, Byte* block) {
    Byte codes[32];
    encode_centred<4>(x, block, codes);
    put_nibbles<32>(codes, block + 2);
}

void encode_q4_1(const float* x, Byte* block) {
    Byte codes[32];
    encode_from_least<4>(x, block, codes);
    put_nibbles<32>(codes, block + 4);
}

/// The fifth bits, one for each number, then the other four.
void put_five_bits(const Byte* codes, Byte* to) {
    std::uint32_t high = 0;
    for (int i = 0; i < 32; ++i) high |= std::uint32_t(codes[i] >> 4) << i;
    std::memcpy(to, &high, sizeof high);
    put_nibbles<32>(codes, to + sizeof high);
}
void encode_q5_0(const float* x, Byte* block) {
    Byte codes[32];
    encode_centred<5>(x, block, codes);
    put_five_bits(codes, block + 2);
}

void encode_q5_1(const float* x, Byte* block) {
    Byte codes[32];
    encode_from_least<5>(x, block, codes);
    put_five_bits(codes, block + 4);
}

// ---- blocks of 256, in groups that have scales of few bits

/// Of eight groups of 32: number = scale · code - least.
struct GroupScales {
    Byte scale[8], least[8]; ///< 6 bits each
};
void write_scales(const GroupScales& x, Byte* to) {
    for (int i = 0; i < 4; ++i) {
        to[i] = Byte(x.scale[i] | (x.scale[4 + i] >> 4) << 6);
        to[4 + i] = Byte(x.least[i] | (x.least[4 + i] >> 4) << 6);
        to[8 + i] = Byte((x.scale[4 + i] & 15) | (x.least[4 + i] & 15) << 4);
    }
}

/// Of q4_k and q5_k: two scales for the scales, the scales, then the codes.
constexpr int k_head = 16;

void encode_grouped(const float* x, Byte* block, int most_code, Byte* codes) {
    constexpr int most = 63;
    float scale[8], least[8], greatest_scale = 0, greatest_least = 0;
    for (int group = 0; group < 8; ++group) {
        const auto [low, high] = std::minmax_element(x + 32 * group, x + 32 * (group + 1));
        least[group] = std::max(0.0f, -*low);
        scale[group] = std::max(0.0f, *high + least[group]) / float(most_code);
        greatest_scale = std::max(greatest_scale, scale[group]);
        greatest_least = std::max(greatest_least, least[group]);
    }
    const float d = put_half(greatest_scale / most, block);
    const float d_least = put_half(greatest_least / most, block + 2);
    GroupScales scales;
    for (int group = 0; group < 8; ++group) {
        scales.scale[group] = code(scale[group] * inverse(d) + 0.5f, most);
        scales.least[group] = code(least[group] * inverse(d_least) + 0.5f, most);
        const float id = inverse(d * float(scales.scale[group]));
        const float offset = d_least * float(scales.least[group]);
        for (int i = 32 * group; i < 32 * (group + 1); ++i)
            codes[i] = code((x[i] + offset) * id + 0.5f, most_code);
    }
    write_scales(scales, block + 4);
}

/// Two groups share their bytes: the first has the lower halves.
void put_shared_nibbles(const Byte* codes, Byte* to) {
    for (int pair = 0; pair < 4; ++pair)
        for (int i = 0; i < 32; ++i)
            to[32 * pair + i] = Byte((codes[64 * pair + i] & 15) | codes[64 * pair + 32 + i] << 4);
}

void encode_q4_k(const float* x, Byte* block) {
    Byte codes[256];
    encode_grouped(x, block, 15, codes);
    put_shared_nibbles(codes, block + k_head);
}

void encode_q5_k(const float* x, Byte* block) {
    Byte codes[256];
    encode_grouped(x, block, 31, codes);
    Byte* high = block + k_head;
    for (int i = 0; i < 32; ++i) {
        high[i] = 0;
        for (int group = 0; group < 8; ++group)
            high[i] |= Byte(codes[32 * group + i] >> 4 << group);
    }
    put_shared_nibbles(codes, high + 32);
}

/// 128 bytes of lower halves, 64 of two upper bits, 16 scales, the scale of scales. Each half of
/// the block: lower halves of 64 bytes, then their upper halves; the bits of four runs of 32.
constexpr int q6_high = 128, q6_scales = 192, q6_scale = 208;

void encode_q6_k(const float* x, Byte* block) {
    float scale[16];
    for (int group = 0; group < 16; ++group) scale[group] = extreme(x + 16 * group, 16) / -32;
    const float d = put_half(extreme(scale, 16) / -128, block + q6_scale);
    std::memset(block, 0, q6_scales);
    for (int group = 0; group < 16; ++group) {
        const auto rounded = std::clamp(std::round(scale[group] * inverse(d)), -128.0f, 127.0f);
        block[q6_scales + group] = Byte(std::int8_t(std::isnan(rounded) ? 0 : rounded));
    }
    for (int i = 0; i < 256; ++i) {
        const float id = inverse(d * float(std::int8_t(block[q6_scales + i / 16])));
        const Byte found = code(x[i] * id + 32.5f, 63);
        const int half = i / 128, in_half = i % 128, run = in_half / 32;
        block[64 * half + in_half % 64] |= Byte((found & 15) << (in_half < 64 ? 0 : 4));
        block[q6_high + 32 * half + i % 32] |= Byte(found >> 4 << 2 * run);
    }
}

// ---- two of four: for each 16 numbers a bit where one is stored, then the stored ones. Bits cost
// what two-bit places of a GPU's metadata do, and processors spread numbers by them.

void put_number(float x, BFloat16& y) {
    y = to_bfloat16(x);
}
void put_number(float x, Float16& y) {
    y.bits = std::bit_cast<std::uint16_t>(_Float16(x));
}

template <class Number>
void decode_two_of_four(const Byte* block, float* y) {
    const Byte* next = block + 4;
    for (int i = 0; i < 32; ++i) {
        y[i] = 0;
        if (!(block[i / 8] >> i % 8 & 1)) continue;
        Number x;
        std::memcpy(static_cast<void*>(&x), next, sizeof x);
        y[i] = to_float(x);
        next += sizeof x;
    }
}
/// Which of four are stored: the two largest, the first of equals, a bit each.
int two_of(const float* x) {
    int first = 0, second = -1;
    for (int i = 1; i < 4; ++i) {
        if (std::abs(x[i]) > std::abs(x[first]))
            second = first, first = i;
        else if (second < 0 || std::abs(x[i]) > std::abs(x[second]))
            second = i;
    }
    return 1 << first | 1 << second;
}
template <class Number>
void encode_two_of_four(const float* x, Byte* block) {
    std::memset(block, 0, 4);
    for (int i = 0; i < 32; i += 4) block[i / 8] = Byte(block[i / 8] | two_of(x + i) << i % 8);
    Byte* next = block + 4;
    for (int i = 0; i < 32; ++i) {
        if (!(block[i / 8] >> i % 8 & 1)) continue;
        Number y;
        put_number(x[i], y);
        std::memcpy(next, &y, sizeof y);
        next += sizeof y;
    }
}

struct Codec {
    void (*decode)(const Byte* block, float* y) = nullptr;
    void (*encode)(const float* x, Byte* block) = nullptr;
};
constexpr Codec codecs[] = {
    {}, // dense
    {decode<WeightFormat::int8>, encode_int8},
    {decode<WeightFormat::int4>, encode_int4},
    {decode<WeightFormat::nf4>, encode_nf4},
    {}, // nf4_dq: nf4, its scales apart
    {decode<WeightFormat::q8_0>, encode_q8_0},
    {decode<WeightFormat::q4_0>, encode_q4_0},
    {decode<WeightFormat::q4_1>, encode_q4_1},
    {decode<WeightFormat::q5_0>, encode_q5_0},
    {decode<WeightFormat::q5_1>, encode_q5_1},
    {decode<WeightFormat::q4_k>, encode_q4_k},
    {decode<WeightFormat::q5_k>, encode_q5_k},
    {decode<WeightFormat::q6_k>, encode_q6_k},
    {decode_two_of_four<BFloat16>, encode_two_of_four<BFloat16>},
    {decode_two_of_four<Float16>, encode_two_of_four<Float16>},
};
static_assert(std::size(codecs) == names_of(WeightFormat{}).size());

/// decode or encode each block of so many numbers.
template <class Each>
void each_block(WeightFormat format, std::int64_t count, Each each) {
    const BlockFormat facts = block_format(format);
    const Codec& codec = codecs[std::size_t(format)];
    for (std::int64_t i = 0; i < count / facts.numbers; ++i)
        each(codec, i * facts.numbers, i * facts.bytes);
}

/// Blocks of nf4_dq: the code of a scale, then those of the numbers.
constexpr std::int64_t nested_bytes = block_format(WeightFormat::nf4_dq).bytes,
                       nested_numbers = block_format(WeightFormat::nf4_dq).numbers;

void decode_nested(const Byte* blocks, std::span<float> y) {
    const std::int64_t count = std::int64_t(y.size()) / nested_numbers;
    const NestedScales scales(blocks + count * nested_bytes, count);
    Byte whole[block_format(WeightFormat::nf4).bytes];
    for (std::int64_t i = 0; i < count; ++i, blocks += nested_bytes) {
        const float scale = scales.scale(i, blocks[0]);
        std::memcpy(whole, &scale, sizeof scale);
        std::memcpy(whole + sizeof scale, blocks + 1, nested_bytes - 1);
        decode<WeightFormat::nf4>(whole, y.data() + i * nested_numbers);
    }
}
void encode_nested(std::span<const float> x, Byte* blocks) {
    const std::int64_t count = std::int64_t(x.size()) / nested_numbers;
    std::vector<float> scales(static_cast<std::size_t>(count));
    Byte whole[block_format(WeightFormat::nf4).bytes];
    for (std::int64_t i = 0; i < count; ++i) {
        encode_nf4(x.data() + i * nested_numbers, whole);
        set_scales_apart(whole, 1, blocks + i * nested_bytes, &scales[std::size_t(i)]);
    }
    nest(scales, blocks, nested_bytes, blocks + count * nested_bytes);
}

} // namespace

WeightFormat format_for(WeightFormat wanted, std::int64_t k) {
    while (k % block_format(wanted).numbers) wanted = block_format(wanted).otherwise;
    return wanted;
}

std::size_t block_bytes(WeightFormat format, std::int64_t count) {
    const std::int64_t blocks = count / block_format(format).numbers;
    const auto bytes = std::size_t(blocks * block_format(format).bytes);
    return bytes + (block_format(format).nested ? NestedScales::bytes(blocks) : 0);
}

void set_scales_apart(const std::uint8_t* nf4, std::int64_t count, std::uint8_t* blocks,
                      float* scales) {
    for (std::int64_t i = 0; i < count; ++i) {
        std::memcpy(scales + i, nf4, sizeof(float));
        std::memcpy(blocks + 1, nf4 + sizeof(float), nested_bytes - 1);
        nf4 += block_format(WeightFormat::nf4).bytes;
        blocks += nested_bytes;
    }
}

void dequantise(WeightFormat format, const std::uint8_t* blocks, std::span<float> y) {
    if (block_format(format).nested) return decode_nested(blocks, y);
    each_block(format, std::int64_t(y.size()), [&](const Codec& codec, auto number, auto byte) {
        codec.decode(blocks + byte, y.data() + number);
    });
}

void quantise(WeightFormat format, std::span<const float> x, std::uint8_t* blocks) {
    if (block_format(format).nested) return encode_nested(x, blocks);
    each_block(format, std::int64_t(x.size()), [&](const Codec& codec, auto number, auto byte) {
        codec.encode(x.data() + number, blocks + byte);
    });
}

} // namespace sweetspot
