#include "kernels/cuda/convert.cuh"
#include "kernels/cuda/rows.cuh"
#include "kernels/ops/weight.h"

namespace sweetspot {

namespace {

/// Row by row, filled up with zeros.
template <class From, class To>
__global__ void __launch_bounds__(threads_per_block)
    repack_kernel(const From* from, To* to, std::int64_t n, std::int64_t k, std::int64_t rows,
                  std::int64_t width) {
    const std::int64_t row = row_of_thread(), column = column_of_thread(1);
    if (row >= rows || column >= width) return;
    const bool real = row < n && column < k;
    to[row * width + column] = from_float<To>(real ? to_float(from[row * k + column]) : 0.0f);
}

__global__ void __launch_bounds__(threads_per_block)
    unpack_rows_kernel(const float* from, float* to, std::int64_t n, std::int64_t k,
                       std::int64_t width) {
    const std::int64_t row = row_of_thread(), column = column_of_thread(1);
    if (row < n && column < k) to[row * k + column] = from[row * width + column];
}

} // namespace

void launch(const RepackWeight& op, CudaStream& stream) {
    const std::int64_t n = op.weight.shape[0], k = op.weight.shape[1];
    const std::int64_t rows = op.packed.shape[0], width = op.packed.shape[1];
    with_type(op.weight.dtype, [&]<class From>(From) {
        with_type(op.packed.dtype, [&]<class To>(To) {
            launch_rows<repack_kernel<From, To>>(stream, rows, width, 1, op.weight.as<From>(),
                                                 op.packed.as<To>(), n, k, rows, width);
        });
    });
}

void launch(const UnpackWeight& op, CudaStream& stream) {
    const std::int64_t n = op.weight.shape[0], k = op.weight.shape[1];
    launch_rows<unpack_rows_kernel>(stream, n, k, 1, op.packed.as<float>(), op.weight.as<float>(),
                                    n, k, op.packed.shape[1]);
}

} // namespace sweetspot
