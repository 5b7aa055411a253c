// One number of a block at a time, where kernels/core/weight_format.cpp does whole blocks: for
// methods that decide a code by what became of the numbers before it.
#include "kernels/core/block_grid.h"
#include "kernels/core/error.h"
#include "kernels/core/float_types.h"
#include <algorithm>
#include <cmath>
#include <cstring>

namespace sweetspot {

namespace {

using Byte = std::uint8_t;

double half_at(const Byte* p) {
    Float16 x;
    std::memcpy(&x, p, sizeof x);
    return double(to_float(x));
}

/// Where codes of four bits, and fifth bits, lie.
struct Nibbles {
    int first;            ///< byte of the first code
    int fifth = -1;       ///< byte of the first fifth bit, if there are any
    int half = 16;        ///< numbers of a run whose next run lies in the upper halves
    bool grouped = false; ///< fifth bits: a bit a run of one byte for each number of it
};
Nibbles nibbles_of(WeightFormat format) {
    using enum WeightFormat;
    switch (format) {
    case int4: return {.first = 4, .half = 32};
    case q4_0: return {.first = 2};
    case q4_1: return {.first = 4};
    case q5_0: return {.first = 6, .fifth = 2};
    case q5_1: return {.first = 8, .fifth = 4};
    case q4_k: return {.first = 16, .half = 32};
    default: return {.first = 48, .fifth = 16, .half = 32, .grouped = true}; // q5_k
    }
}

void put_bits(Byte& at, int shift, int count, int bits) {
    const int mask = ((1 << count) - 1) << shift;
    at = Byte((at & ~mask) | (bits << shift & mask));
}

/// Scale and least of a group of 32, in six bits each.
Grid group_grid(const Byte* block, std::int64_t group, int most) {
    const Byte* s = block + 4;
    const auto i = group % 4;
    const int scale = group < 4 ? s[i] & 63 : (s[8 + i] & 15) | (s[i] >> 6) << 4;
    const int least = group < 4 ? s[4 + i] & 63 : s[8 + i] >> 4 | (s[4 + i] >> 6) << 4;
    return {half_at(block) * scale, -half_at(block + 2) * least, most};
}

} // namespace

int Grid::nearest(double x) const {
    const double code = scale == 0 ? 0 : std::round((x - offset) / scale);
    return code > 0 ? int(std::min(code, double(most))) : 0;
}

bool has_grid(WeightFormat format) {
    using enum WeightFormat;
    return format != dense && format != nf4 && format != nf4_dq && !stores_two_of_four(format);
}

Grid grid_of(WeightFormat format, const Byte* block, std::int64_t i) {
    using enum WeightFormat;
    const double d = half_at(block);
    switch (format) {
    case int8:
    case q8_0: return {d, -127 * d, 254};
    case int4: return {d, -d * half_at(block + 2), 15};
    case q4_1: return {d, half_at(block + 2), 15};
    case q5_1: return {d, half_at(block + 2), 31};
    case q4_0: return {d, -8 * d, 15};
    case q5_0: return {d, -16 * d, 31};
    case q4_k: return group_grid(block, i / 32, 15);
    case q5_k: return group_grid(block, i / 32, 31);
    case q6_k: {
        const double scale = half_at(block + 208) * std::int8_t(block[192 + i / 16]);
        return {scale, -32 * scale, 63};
    }
    default: throw Error(Failure::bug, "numbers of this format have no grid");
    }
}

void put_code(WeightFormat format, Byte* block, std::int64_t i, int code) {
    using enum WeightFormat;
    if (format == int8 || format == q8_0) {
        block[2 + i] = Byte(code - 127);
        return;
    }
    if (format == q6_k) { // of two halves, each of four runs of 32
        const auto half = i / 128, run = i / 32 % 4, at = i % 32;
        put_bits(block[64 * half + 32 * (run % 2) + at], int(run / 2 * 4), 4, code);
        put_bits(block[128 + 32 * half + at], int(2 * run), 2, code >> 4);
        return;
    }
    const Nibbles where = nibbles_of(format);
    const auto run = i / where.half, at = i % where.half;
    put_bits(block[where.first + run / 2 * where.half + at], int(run % 2 * 4), 4, code);
    if (where.fifth < 0) return;
    if (where.grouped)
        put_bits(block[where.fifth + at], int(run), 1, code >> 4);
    else
        put_bits(block[where.fifth + i / 8], int(i % 8), 1, code >> 4);
}

} // namespace sweetspot
