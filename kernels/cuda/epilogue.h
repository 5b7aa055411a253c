#pragma once
#include "kernels/core/stream.h"
#include "kernels/ops/activation.h"

namespace sweetspot {

/// before = x + bias, x = activation(before), to each row, in one pass: what a product's own kernel
/// cannot do. x: [rows, width], f32, bf16 or f16, rows may be strided; bias: [width] f32, or
/// absent; before: as x, or absent.
void launch_epilogue(const Out& x, const In& bias, Activation, const Out& before,
                     const CudaStream&);

} // namespace sweetspot
