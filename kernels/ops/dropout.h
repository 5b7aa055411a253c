#pragma once
#include "kernels/ops/norm.h"

namespace sweetspot {

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
