#include "kernels/ops/transfer.h"
#include "kernels/cuda/check.h"
#include "kernels/ops/elementwise.h"
#include <vector>

namespace sweetspot {

void launch(const Upload& op, CudaStream& stream) {
    std::vector<char> converted;
    const void* from = op.x.data;
    if (op.x.dtype != op.y.dtype) {
        converted.resize(op.y.bytes());
        CpuStream cpu;
        launch(Convert{.x = op.x, .y = {converted.data(), op.y.shape, op.y.dtype}}, cpu);
        from = converted.data();
    }
    // From pageable memory: the bytes are out of `from` when the call returns.
    check_cuda(cudaMemcpyAsync(op.y.data, from, op.y.bytes(), cudaMemcpyDefault, stream.handle),
               "cudaMemcpyAsync");
}

void launch(const Download& op, CudaStream& stream) {
    check_cuda(
        cudaMemcpyAsync(op.y.data, op.x.data, op.x.bytes(), cudaMemcpyDefault, stream.handle),
        "cudaMemcpyAsync");
}

} // namespace sweetspot
