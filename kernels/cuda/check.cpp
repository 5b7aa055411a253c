#include "kernels/cuda/check.h"

namespace sweetspot {

void check_cuda(cudaError_t result, const char* what, std::source_location where) {
    if (result == cudaSuccess) return;
    const bool memory = result == cudaErrorMemoryAllocation;
    throw Error(memory ? Failure::out_of_memory : Failure::device,
                std::string("CUDA: ") + what + ": " + cudaGetErrorString(result), where);
}

} // namespace sweetspot
