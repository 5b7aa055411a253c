#pragma once
#include <cmath>
#include <cstdint>

namespace sweetspot {

/// A stream of random numbers that is the same on every machine, unlike std:: distributions.
/// SplitMix64 (Steele, Lea and Flood, 2014): one 64-bit counter, so any seed is a good seed.
class Random {
public:
    explicit Random(std::uint64_t seed) : state_(seed) {}

    std::uint64_t next() {
        std::uint64_t z = state_ += 0x9e3779b97f4a7c15;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
        z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
        return z ^ (z >> 31);
    }

    /// Uniform in [0, bound), without bias: draws under the smallest mask are rejected if too
    /// large. `bound` is at least 1.
    std::uint64_t below(std::uint64_t bound) {
        std::uint64_t mask = bound - 1;
        for (int shift = 1; shift < 64; shift *= 2) mask |= mask >> shift;
        for (;;)
            if (const std::uint64_t value = next() & mask; value < bound) return value;
    }

    /// Uniform in [0, 1), with 53 bits.
    double uniform() { return double(next() >> 11) * 0x1p-53; }

    /// Normal with mean 0 and deviation 1 (Marsaglia's polar method).
    double normal() {
        for (;;) {
            const double x = 2 * uniform() - 1, y = 2 * uniform() - 1, square = x * x + y * y;
            if (square > 0 && square < 1) return x * std::sqrt(-2 * std::log(square) / square);
        }
    }

private:
    std::uint64_t state_;
};

} // namespace sweetspot
