#pragma once
#include "kernels/ops/matmul.h"

/// Weights in blocks (kernels/core/weight_format.h) on a GPU.
namespace sweetspot {

/// Throws Error(unsupported) for formats that kernels here do not read.
void require_sixteens(WeightFormat);

/// The product of at most MatMul::gpu_few_rows rows with all that belongs to it, straight from the
/// blocks, in sums of f32.
void multiply_blocks(const MatMul&, const CudaStream&);

/// Rows [first, first + y's) of a weight as dense ones. y: [rows, k], f32, bf16 or f16, dense.
void unpack_blocks(const Weight&, std::int64_t first, const Out& y, const CudaStream&);

} // namespace sweetspot
