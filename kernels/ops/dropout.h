#pragma once
#include "kernels/core/context.h"

namespace sweetspot {

/// Zeroes each number with `probability` and scales the others by 1 / (1 - probability) (Srivastava
/// et al., 2014). Which ones, Philox (kernels/core/philox.h) decides from the seed and the number's
/// place in the tensor, so that the backward pass and every device draw alike.
struct Dropout {
    float probability = 0; ///< in [0, 1); 0 = none
    std::uint64_t seed = 0;
    /// In a GPU's memory, or null: read in place of seed, so that a recorded step draws anew.
    const std::uint64_t* device_seed = nullptr;

    /// A number whose word of Philox is smaller becomes 0.
    std::uint32_t dropped_below() const { return std::uint32_t(double(probability) * 0x1p32); }
    float kept_scale() const { return 1 / (1 - probability); }
};

/// x = dropout(x), in place: what Norm does with its delta on the way, as a pass of its own.
struct Drop {
    static constexpr auto name = "dropout";

    Out x; ///< [rows, width], f32, bf16 or f16, dense
    Dropout dropout{};

    void check() const; ///< throws Error(bad_shape)
    Cost cost() const;
};

void launch(const Drop&, CpuStream&);
void launch(const Drop&, CudaStream&);

} // namespace sweetspot
