#pragma once
#include "kernels/cpu/matmul_scratch.h"
#include "kernels/cpu/vector.h"
#include <cmath>

/// Activations in blocks of 32 numbers in 8 bits: number = scale · code, the greatest magnitude of
/// a block being code 127; llama.cpp's q8_0, with scales in f32.
namespace sweetspot::SWEETSPOT_TARGET {

/// Rows of `k` numbers, whole blocks, side by side in memory that it does not own.
struct RoundedRows {
    std::int64_t k;
    float *scales, *sums; ///< [rows, k / 32]; of a block's numbers
    std::int8_t* codes;   ///< [rows, k]

    /// In rounded_row_bytes(k) for each row.
    RoundedRows(void* memory, std::int64_t rows, std::int64_t k)
        : k(k), scales(static_cast<float*>(memory)), sums(scales + rows * blocks()),
          codes(reinterpret_cast<std::int8_t*>(sums + rows * blocks())) {}
    std::int64_t blocks() const { return k / rounded_block; }
};

namespace {

static_assert(rounded_block == 2 * lanes);

/// Of the block at x: to(0 or 16, its codes as floats), and its scale.
template <class T, class To>
SWEETSPOT_INLINE float round_block(const T* x, To&& to) {
    constexpr float most_code = 127;
    const Vector low = load(x), high = load(x + lanes);
    const float most = maximum(max(max(low, 0.0f - low), max(high, 0.0f - high)));
    const Vector by = most > 0 ? most_code / most : 0.0f;
    // Adding and taking away 1.5 · 2^23 leaves the nearest integer.
    const Vector shift = 0x1.8p23f;
    const auto nearest = [&](Vector numbers) {
        Vector x = numbers * by;
        // A product that is fused into the sum would be rounded once less.
        each_part([&](int i) { asm("" : "+x"(x.part[i])); });
        return (x + shift) - shift;
    };
    to(0, nearest(low));
    to(int(lanes), nearest(high));
    return most / most_code;
}

} // namespace

/// Row `row` becomes what x holds, rounded.
inline void round_row(const float* x, std::int64_t row, const RoundedRows& to) {
    for (std::int64_t block = 0; block < to.blocks(); ++block) {
        std::int8_t* codes = to.codes + row * to.k + block * rounded_block;
        Vector all = 0.0f;
        const float scale = round_block(x + block * rounded_block, [&](int place, Vector some) {
            alignas(64) float numbers[lanes];
            store(numbers, some);
            for (int i = 0; i < lanes; ++i) codes[place + i] = std::int8_t(numbers[i]);
            all = all + some;
        });
        to.scales[row * to.blocks() + block] = scale;
        to.sums[row * to.blocks() + block] = scale * sum(all);
    }
}

/// y = x, rounded, of k numbers. They may be the same.
template <class T>
void round_numbers(const T* x, std::int64_t k, T* y) {
    for (std::int64_t i = 0; i < k; i += rounded_block) {
        Vector codes[2];
        const Vector scale =
            round_block(x + i, [&](int place, Vector some) { codes[place / lanes] = some; });
        store(y + i, scale * codes[0]);
        store(y + i + lanes, scale * codes[1]);
    }
}

} // namespace sweetspot::SWEETSPOT_TARGET
