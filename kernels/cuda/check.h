#pragma once
#include "kernels/core/error.h"
#include <cuda_runtime.h>

namespace sweetspot {

/// Throws unless `result` is cudaSuccess: Error(out_of_memory) for a lack of memory, Error(device)
/// with the driver's words and `what` was called for all else. An error that is over with is
/// forgotten, so that no later call reports it again.
void check_cuda(cudaError_t result, const char* what,
                std::source_location where = std::source_location::current());

/// Whether every later call will fail too: the process has lost the device.
bool is_sticky(cudaError_t);

} // namespace sweetspot
