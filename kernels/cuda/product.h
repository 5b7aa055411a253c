#pragma once
#include "kernels/ops/matmul.h"

namespace sweetspot {

/// What a product does besides multiplying, in the same kernel.
struct Epilogue {
    bool bias = false;
    bool gelu = false; ///< after the bias, in the tanh form

    auto operator<=>(const Epilogue&) const = default;
};

/// c = a · weightᵀ, or c += a · weightᵀ, and the epilogue, by cuBLASLt; op's own bias and
/// activation are not looked at. `bias` is [n], of c's type, or null. Needs
/// op.library_workspace_bytes of workspace. False, and nothing is launched, if the library cannot
/// do it in one go.
bool launch_product(const MatMul& op, Epilogue, const void* bias, CudaStream&);

} // namespace sweetspot
