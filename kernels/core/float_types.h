#pragma once
#include <bit>
#include <cstdint>

namespace sweetspot {

/// The upper half of a float: 8 bits of exponent, 7 of fraction.
struct BFloat16 {
    std::uint16_t bits = 0;
};

/// IEEE 754 binary16: 5 bits of exponent, 10 of fraction.
struct Float16 {
    std::uint16_t bits = 0;
};

inline float to_float(float x) {
    return x;
}
inline float to_float(BFloat16 x) {
    return std::bit_cast<float>(std::uint32_t(x.bits) << 16);
}
inline float to_float(Float16 x) {
    // The exponent moves from bias 15 to bias 127 by a product, which is right for denormals too.
    const float magnitude = std::bit_cast<float>(std::uint32_t(x.bits & 0x7fff) << 13) * 0x1p112f;
    const std::uint32_t infinite = magnitude >= 65536.0f ? 0x7f800000u : 0u;
    return std::bit_cast<float>(std::bit_cast<std::uint32_t>(magnitude) | infinite |
                                std::uint32_t(x.bits & 0x8000) << 16);
}

/// Rounds to nearest even; NaN stays NaN.
inline BFloat16 to_bfloat16(float x) {
    const auto bits = std::bit_cast<std::uint32_t>(x);
    if ((bits & 0x7fffffff) > 0x7f800000) return {std::uint16_t(bits >> 16 | 0x40)};
    return {std::uint16_t((bits + 0x7fff + (bits >> 16 & 1)) >> 16)};
}

} // namespace sweetspot
