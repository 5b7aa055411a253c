#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace sweetspot {

/// How the numbers of a weight are stored. dense: each by itself. The others in blocks of
/// neighbours along a row, which bring their own scales: int8 and int4 with a scale, int4 with the
/// code of 0, too, in f16, as GPTQ and AWQ have them; nf4 with the greatest magnitude in f32 and
/// codes as bitsandbytes packs them; nf4_dq likewise, with magnitudes in 8 bits (nested_scales.h);
/// q…: as ggml lays them out. two_of_four_…: of each four neighbours two by themselves, in 16 bits,
/// and which they are: the others are 0.
enum class WeightFormat : std::uint8_t {
    dense,
    int8,
    int4,
    nf4,
    nf4_dq,
    q8_0,
    q4_0,
    q4_1,
    q5_0,
    q5_1,
    q4_k,
    q5_k,
    q6_k,
    two_of_four_bf16,
    two_of_four_f16,
};
constexpr std::array<std::string_view, 15> names_of(WeightFormat) {
    return {"dense", "int8", "int4", "nf4",  "nf4_dq", "q8_0",     "q4_0",   "q4_1",
            "q5_0",  "q5_1", "q4_k", "q5_k", "q6_k",   "2:4_bf16", "2:4_f16"};
}
constexpr bool stores_two_of_four(WeightFormat format) {
    return format == WeightFormat::two_of_four_bf16 || format == WeightFormat::two_of_four_f16;
}

/// What is to be known of a format: the one list of it. How its blocks are laid out say its codec
/// (weight_format.cpp) and, in registers, kernels/cpu/block_product.cpp.
struct BlockFormat {
    std::int64_t numbers = 1;                     ///< of a block
    std::int64_t bytes = 0;                       ///< that it takes; 0 for dense: its type's
    WeightFormat otherwise = WeightFormat::dense; ///< for rows that such blocks do not divide
    bool nested = false; ///< what their scales are scaled by follows the last block of a weight
};
constexpr BlockFormat block_format(WeightFormat format) {
    using enum WeightFormat;
    switch (format) {
    case dense: return {};
    case int8: return {64, 66, q8_0};
    case int4: return {64, 36, q4_1};
    case nf4: return {64, 36, q4_0};
    case nf4_dq: return {64, 33, q4_0, true};
    case q8_0: return {32, 34};
    case q4_0: return {32, 18};
    case q4_1: return {32, 20};
    case q5_0: return {32, 22};
    case q5_1: return {32, 24};
    case q4_k: return {256, 144, q5_0};
    case q5_k: return {256, 176, q5_1};
    case q6_k: return {256, 210, q8_0};
    case two_of_four_bf16:
    case two_of_four_f16: return {32, 36};
    }
    return {};
}

/// What a row of `k` numbers is stored in if `wanted` is asked for: that, or the next one whose
/// blocks divide the row, as llama.cpp falls back.
WeightFormat format_for(WeightFormat wanted, std::int64_t k);

/// Bytes of `count` numbers, whole blocks, with all that follows the last; not of dense ones. Of
/// a nested format the numbers are, here and below, those of a whole weight.
std::size_t block_bytes(WeightFormat, std::int64_t count);
/// Bytes from one row of k numbers to the next.
constexpr std::int64_t row_bytes(WeightFormat format, std::int64_t k) {
    return k / block_format(format).numbers * block_format(format).bytes;
}
/// y = the numbers of whole blocks, not of dense ones; to the bit as ggml's reference, or
/// bitsandbytes, has them.
void dequantise(WeightFormat, const std::uint8_t* blocks, std::span<float> y);
/// The blocks of x, each number rounded to the nearest, whose size is a multiple of a block's. Of
/// more than two of four neighbours that are not 0, the two largest stay.
void quantise(WeightFormat, std::span<const float> x, std::uint8_t* blocks);
/// So many blocks of nf4 become those of nf4_dq, all but their scales, which nest() rounds.
void set_scales_apart(const std::uint8_t* nf4, std::int64_t count, std::uint8_t* blocks,
                      float* scales);

/// The values of nf4's codes: quantiles of the normal distribution, as bitsandbytes has them.
inline constexpr float nf4_values[16] = {-1.0f,
                                         -0.6961928009986877f,
                                         -0.5250730514526367f,
                                         -0.39491748809814453f,
                                         -0.28444138169288635f,
                                         -0.18477343022823334f,
                                         -0.09105003625154495f,
                                         0.0f,
                                         0.07958029955625534f,
                                         0.16093020141124725f,
                                         0.24611230194568634f,
                                         0.33791524171829224f,
                                         0.44070982933044434f,
                                         0.5626170039176941f,
                                         0.7229568362236023f,
                                         1.0f};

} // namespace sweetspot
