#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace sweetspot {

/// What the 8-bit codes of scales stand for, rising: bitsandbytes' signed dynamic map, whose steps
/// are finer the nearer to 0.
const float (&nested_values())[256];

/// Scales of blocks that are rounded themselves (double quantisation; QLoRA, Dettmers et al., 2023,
/// as bitsandbytes computes it): less the mean of all, to codes of 8 bits, each 256 of which have a
/// scale. Those, in f32, and the mean lie behind the blocks of a weight.
class NestedScales {
public:
    static constexpr std::int64_t group = 256; ///< blocks that share a scale

    /// Of what lies behind so many blocks.
    static constexpr std::size_t bytes(std::int64_t blocks) {
        return std::size_t((blocks + group - 1) / group + 1) * sizeof(float);
    }

    /// Reads what lies behind the blocks; does not own it.
    NestedScales(const std::uint8_t* behind, std::int64_t blocks)
        : values_(nested_values()), groups_(behind) {
        std::memcpy(&mean_, behind + bytes(blocks) - sizeof mean_, sizeof mean_);
    }

    /// The scale of a block that has this code.
    float scale(std::int64_t block, std::uint8_t code) const {
        float greatest;
        std::memcpy(&greatest, groups_ + block / group * std::int64_t(sizeof greatest),
                    sizeof greatest);
        return values_[code] * greatest + mean_;
    }

private:
    const float* values_;
    const std::uint8_t* groups_;
    float mean_;
};

/// Rounds the scales of all blocks of a weight: codes[i · step] is that of block i, and `behind`
/// becomes what a NestedScales reads.
void nest(std::span<const float> scales, std::uint8_t* codes, std::int64_t step,
          std::uint8_t* behind);

} // namespace sweetspot
