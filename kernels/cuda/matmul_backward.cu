#include "kernels/cuda/block_product.h"
#include "kernels/cuda/convert.cuh"
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/product.h"
#include "kernels/ops/matmul_backward.h"

namespace sweetspot {

namespace {

constexpr int sum_columns = 32, sum_rows = 32; ///< threads of a block

/// sums = the sum of each column, or added to them. A block has 32 columns; its warps take rows
/// turn about and add up in the same order each time.
template <class T>
__global__ void __launch_bounds__(sum_columns* sum_rows)
    column_sums_kernel(const T* x, float* sums, std::int64_t rows, std::int64_t width,
                       bool accumulate) {
    SHARED(float[sum_rows * sum_columns], partial);
    const std::int64_t column = std::int64_t(blockIdx.x) * sum_columns + threadIdx.x;
    float sum = 0;
    if (column < width)
        for (std::int64_t row = threadIdx.y; row < rows; row += sum_rows)
            sum += to_float(x[row * width + column]);
    partial[threadIdx.y * sum_columns + threadIdx.x] = sum;
    __syncthreads();
    if (threadIdx.y != 0 || column >= width) return;
    for (int i = 1; i < sum_rows; ++i) sum += partial[i * sum_columns + threadIdx.x];
    sums[column] = accumulate ? sums[column] + sum : sum;
}

} // namespace

/// Panel by panel of a weight in blocks, laid out as dense columns.
static void multiply_panels(const MatMulBackward& op, CudaStream& stream) {
    const std::int64_t at_once = op.gpu_panel_columns();
    char* panel = static_cast<char*>(stream.workspace) + MatMul::library_workspace_bytes;
    for (std::int64_t first = 0; first < op.weight.k; first += at_once) {
        const std::int64_t count = std::min(at_once, op.weight.k - first);
        const Out dense{panel, {op.weight.n, count}, op.dy.dtype};
        unpack_blocks(op.weight, 0, first, dense, stream);
        launch_any({.a = op.dy,
                    .b = dense,
                    .c = columns(op.dx, first, count),
                    .accumulate = op.accumulate,
                    .tf32 = op.tf32},
                   stream);
    }
}

void launch(const MatMulBackward& op, CudaStream& stream) {
    if (!op.weight.dense()) return multiply_panels(op, stream);
    launch_any({.a = op.dy,
                .b = rows_of(op.weight),
                .c = op.dx,
                .accumulate = op.accumulate,
                .tf32 = op.tf32},
               stream);
}

void launch(const WeightGradient& op, CudaStream& stream) {
    launch_any({.a = op.dy,
                .b = op.x,
                .a_transposed = true,
                .c = op.dw,
                .accumulate = op.accumulate,
                .tf32 = op.tf32},
               stream);
    if (!op.dbias.present()) return;
    with_type(op.dy.dtype, [&]<class T>(T) {
        const std::int64_t rows = op.dy.shape[0], width = op.dy.shape[1];
        launch_kernel<column_sums_kernel<T>>(
            stream.handle, {blocks_for(width, sum_columns), {sum_columns, sum_rows}}, op.dy.as<T>(),
            op.dbias.as<float>(), rows, width, op.accumulate);
    });
}

} // namespace sweetspot
