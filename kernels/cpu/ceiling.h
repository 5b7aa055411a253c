#pragma once
#include "kernels/core/tensor.h"
#include <optional>
#include <string>

/// What the processor gives at best, for products to be held against, and what serves them.
namespace sweetspot {

/// FLOP/s of `threads` threads that multiply and add in registers alone, with the instructions that
/// isa() allows. Takes some 0.1 s. Empty for bf16 where products use none of its own, and for AMX.
std::optional<double> register_flops(DType, int threads);

/// `threads` threads read `bytes` at `data` once, in order: nothing else takes so little time.
void read_plainly(const void* data, std::size_t bytes, int threads);

/// Who multiplies [rows, inner] with [inner, columns]: "oneDNN 2.6.3" or "our kernel".
std::string product_kernel(std::int64_t rows, std::int64_t columns, std::int64_t inner, DType);
/// Likewise for the gradient of a weight.
std::string gradient_kernel(std::int64_t rows, std::int64_t columns, std::int64_t inner, DType);

} // namespace sweetspot
