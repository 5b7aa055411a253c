#pragma once
#include "kernels/core/block_sixteen.h"
#include <bit>
#include <cuda_fp16.h>

namespace sweetspot {

/// Reads blocks (block_sixteen.h) that begin at multiples of so many bytes, as the fields in them
/// do. A template for nvcc's sake: what is no constant may be in a constexpr function of one.
template <int alignment>
struct BlockRead {
    const float* table = nullptr; ///< nf4's numbers

    constexpr std::uint32_t word(const std::uint8_t* p) const {
        if constexpr (alignment % 4 == 0) return *reinterpret_cast<const std::uint32_t*>(p);
        const auto* halves = reinterpret_cast<const std::uint16_t*>(p);
        return halves[0] | std::uint32_t(halves[1]) << 16;
    }
    constexpr float half(const std::uint8_t* p) const {
        return __half2float(std::bit_cast<__half>(*reinterpret_cast<const std::uint16_t*>(p)));
    }
    constexpr float single(const std::uint8_t* p) const {
        return *reinterpret_cast<const float*>(p);
    }
    constexpr float nf4(std::uint32_t code) const { return table[code]; }
};
template <WeightFormat format>
using BlockReadOf = BlockRead<block_format(format).bytes % 4 == 0 ? 4 : 2>;

} // namespace sweetspot
