#pragma once
#include <cstdint>

namespace sweetspot {

struct PhiloxWords {
    std::uint32_t x[4];
};

/// Philox4x32-10 (Salmon et al., 2011): four random words for each counter and key, the same on
/// every device; constexpr is what lets a GPU's compiler use it, too.
constexpr PhiloxWords philox(PhiloxWords counter, std::uint32_t key0, std::uint32_t key1) {
    for (int round = 0; round < 10; ++round) {
        const std::uint64_t a = std::uint64_t(0xd2511f53u) * counter.x[0];
        const std::uint64_t b = std::uint64_t(0xcd9e8d57u) * counter.x[2];
        counter = {{std::uint32_t(b >> 32) ^ counter.x[1] ^ key0, std::uint32_t(b),
                    std::uint32_t(a >> 32) ^ counter.x[3] ^ key1, std::uint32_t(a)}};
        key0 += 0x9e3779b9u;
        key1 += 0xbb67ae85u;
    }
    return counter;
}

/// The words of elements 4 · i to 4 · i + 3 of what is drawn from a seed.
constexpr PhiloxWords philox(std::uint64_t i, std::uint64_t seed) {
    return philox({{std::uint32_t(i), std::uint32_t(i >> 32), 0, 0}}, std::uint32_t(seed),
                  std::uint32_t(seed >> 32));
}

/// The word of one of them.
constexpr std::uint32_t philox_word(std::uint64_t element, std::uint64_t seed) {
    const PhiloxWords words = philox(element / 4, seed);
    const std::uint64_t i = element % 4; // chosen without an index, to stay in registers
    return i == 0 ? words.x[0] : i == 1 ? words.x[1] : i == 2 ? words.x[2] : words.x[3];
}

} // namespace sweetspot
