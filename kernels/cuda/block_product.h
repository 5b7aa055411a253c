#pragma once
#include "kernels/ops/matmul.h"

/// Weights in blocks (kernels/core/weight_format.h) on a GPU.
namespace sweetspot {

/// The product of at most MatMul::gpu_few_rows rows with all that belongs to it, straight from the
/// blocks, in sums of f32.
void multiply_blocks(const MatMul&, const CudaStream&);

/// y = what a weight has from this row and column on, as dense rows: [rows, columns], f32, bf16 or
/// f16, dense. The columns begin and end where blocks do.
void unpack_blocks(const Weight&, std::int64_t row, std::int64_t column, const Out& y,
                   const CudaStream&);

} // namespace sweetspot
