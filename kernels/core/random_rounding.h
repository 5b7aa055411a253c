#pragma once
#include <bit>
#include <cstdint>

namespace sweetspot {

/// The bits of x in bf16, rounded up or down: up with the share of the distance that lies below x,
/// if the 16 lower bits of `random` are uniform. What is not finite stays so. constexpr is what
/// lets a GPU's compiler use it, too.
constexpr std::uint16_t bfloat16_at_random(float x, std::uint32_t random) {
    const auto bits = std::bit_cast<std::uint32_t>(x);
    const std::uint32_t size = bits & 0x7fffffff, infinite = 0x7f800000;
    if (size > infinite) return std::uint16_t(bits >> 16 | 0x40);
    return std::uint16_t((bits + (size == infinite ? 0 : random & 0xffff)) >> 16);
}

} // namespace sweetspot
