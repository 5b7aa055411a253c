#pragma once
#include "kernels/ops/attention.h"

namespace sweetspot {

/// cuDNN's fused attention. q and k are turned already: op.cosine is absent. The stream's workspace
/// is what Attention::gpu_workspace_bytes() asks for, behind the turned rows. Rows of padding
/// become zeros.
///
/// Throws Error(unsupported): f32, log_sum_exp, tensors that are not aligned to 16 bytes in all
/// rows, head sizes that this version of the library has no engine for; without the library.
void launch_vendor(const Attention& op, CudaStream&);

} // namespace sweetspot
