#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/transpose.h"

namespace sweetspot {

namespace {

constexpr int side = 32, rows_at_once = 8;

/// A square through shared memory, so that rows are read and rows are written.
__global__ void __launch_bounds__(side* rows_at_once)
    transpose_kernel(const std::uint16_t* x, std::uint16_t* y, std::int64_t rows,
                     std::int64_t columns, std::int64_t stride) {
    SHARED(std::uint16_t[side * (side + 2)], tile); // rows in different banks
    const std::int64_t first_row = std::int64_t(blockIdx.x) * side,
                       first_column = std::int64_t(blockIdx.y) * side;
    for (int i = int(threadIdx.y); i < side; i += rows_at_once) {
        const std::int64_t row = first_row + i, column = first_column + int(threadIdx.x);
        if (row < rows && column < columns)
            tile[i * (side + 2) + int(threadIdx.x)] = x[row * stride + column];
    }
    __syncthreads();
    for (int i = int(threadIdx.y); i < side; i += rows_at_once) {
        const std::int64_t row = first_row + int(threadIdx.x), column = first_column + i;
        if (row < rows && column < columns)
            y[column * rows + row] = tile[int(threadIdx.x) * (side + 2) + i];
    }
}

} // namespace

void launch_transpose(const In& x, const Out& y, const CudaStream& stream) {
    const std::int64_t rows = x.shape[0], columns = x.shape[1];
    if (rows == 0 || columns == 0) return;
    launch_kernel<transpose_kernel>(
        stream.handle, {{blocks_for(rows, side), blocks_for(columns, side)}, {side, rows_at_once}},
        x.as<std::uint16_t>(), y.as<std::uint16_t>(), rows, columns, x.stride());
}

} // namespace sweetspot
