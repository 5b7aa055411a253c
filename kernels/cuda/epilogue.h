#pragma once
#include "kernels/core/stream.h"
#include "kernels/ops/activation.h"

namespace sweetspot {

/// x = activation(x + bias), to each row, in one pass: what a product's own kernel cannot do.
/// x: [rows, width], f32, bf16 or f16, rows may be strided; bias: [width] f32, or absent.
void launch_epilogue(const Out& x, const In& bias, Activation, const CudaStream&);

} // namespace sweetspot
