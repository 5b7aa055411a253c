#include "kernels/ops/transfer.h"
#include "kernels/cuda/check.h"
#include "kernels/cuda/host_convert.h"
#include <vector>

namespace sweetspot {

void launch(const Upload& op, CudaStream& stream) {
    std::vector<char> converted;
    const void* from = op.x.data;
    if (op.x.dtype != op.y.dtype) {
        converted.resize(op.y.bytes());
        with_host_type(op.y.dtype, [&]<class To>(To) {
            convert_on_host(op.x.dtype, op.x.as<char>(), size_of(op.x.dtype), op.x.shape.count(),
                            reinterpret_cast<To*>(converted.data()));
        });
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
