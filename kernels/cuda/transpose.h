#pragma once
#include "kernels/core/stream.h"

namespace sweetspot {

/// y = xᵀ in memory. Nothing of the engine needs it: the bench measures what a library costs whose
/// layouts would have it. x: [rows, columns], rows may be strided; y: [columns, rows], dense; both
/// bf16 or f16.
void launch_transpose(const In& x, const Out& y, const CudaStream&);

} // namespace sweetspot
