#include "kernels/cuda/check.h"

namespace sweetspot {

bool is_sticky(cudaError_t result) {
    switch (result) {
    case cudaErrorECCUncorrectable:
    case cudaErrorNvlinkUncorrectable:
    case cudaErrorContained:
    case cudaErrorIllegalAddress:
    case cudaErrorLaunchTimeout:
    case cudaErrorContextIsDestroyed:
    case cudaErrorAssert:
    case cudaErrorHardwareStackError:
    case cudaErrorIllegalInstruction:
    case cudaErrorMisalignedAddress:
    case cudaErrorInvalidAddressSpace:
    case cudaErrorInvalidPc:
    case cudaErrorLaunchFailure:
    case cudaErrorTensorMemoryLeak:
    case cudaErrorMpsClientTerminated:
    case cudaErrorExternalDevice:
    case cudaErrorUnknown: return true;
    default: return false;
    }
}

void check_cuda(cudaError_t result, const char* what, std::source_location where) {
    if (result == cudaSuccess) return;
    cudaGetLastError();
    std::string sentence = std::string("CUDA: ") + what + ": " + cudaGetErrorString(result);
    if (is_sticky(result))
        sentence += ". This process has lost the device: it has to end, and the next run starts a "
                    "new worker";
    throw Error(result == cudaErrorMemoryAllocation ? Failure::out_of_memory : Failure::device,
                sentence, where);
}

} // namespace sweetspot
