#pragma once
#include "kernels/core/tensor.h"

namespace sweetspot {
/// Throws Error(unsupported) for f16, which the CPU only reads, never computes with. Not inline:
/// see kernels/cpu/vector.h.
void require_cpu_type(DType);
} // namespace sweetspot
