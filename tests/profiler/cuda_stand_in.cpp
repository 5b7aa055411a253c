// A libcuda.so.1 with what counting asks of it: the thread's context.
#include <cuda.h>

CUresult CUDAAPI cuCtxGetCurrent(CUcontext* context) {
    *context = reinterpret_cast<CUcontext>(24);
    return CUDA_SUCCESS;
}
