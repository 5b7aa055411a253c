#include "kernels/ops/matmul_backward.h"
#include "kernels/core/memory.h"
#include "kernels/cpu/matmul_scratch.h"
#include <algorithm>

namespace sweetspot {

namespace {

void require_shape(bool holds, const char* expected,
                   std::source_location where = std::source_location::current()) {
    require(holds, Failure::bad_shape, expected, where);
}

} // namespace

void MatMulBackward::check() const {
    require_shape(dy.shape.rank == 2 && is_computed(dy.dtype), "dy is [m, n], f32, bf16 or f16");
    weight.check();
    require_shape(weight.n == dy.shape[1] && (!weight.dense() || weight.dtype() == dy.dtype),
                  "weight is [n, k], of dy's type or in blocks");
    require_shape(dx.shape == Shape{dy.shape[0], weight.k}, "dx is [m, k]");
    require_shape(dx.dtype == DType::f32 || dx.dtype == dy.dtype, "dx is f32 or of dy's type");
    require_shape(!accumulate || dx.dtype == DType::f32, "dx is f32 to accumulate");
}

Cost MatMulBackward::cost() const {
    return {.flops = 2 * double(dy.shape.count()) * double(weight.k),
            .bytes = double(weight.bytes() + dy.bytes() + (accumulate ? 2 : 1) * dx.bytes())};
}

bool MatMulBackward::by_rows() const {
    return weight.dense() && dy.dtype == DType::f32 &&
           packed_bytes(WeightFormat::dense, weight.k, weight.n, dy.dtype) > most_turned_bytes;
}

std::int64_t MatMulBackward::columns_at_once(int threads) const {
    constexpr std::int64_t step = 256, of_a_thread = 64;
    const auto bytes = std::int64_t(packed_bytes(WeightFormat::dense, step, weight.n, dy.dtype));
    const std::int64_t steps =
        std::max({std::int64_t(most_turned_bytes) / bytes,
                  (threads * of_a_thread + step - 1) / step, std::int64_t(1)});
    return std::min(steps * step, weight.k);
}

std::size_t MatMulBackward::turned_bytes(int threads) const {
    if (by_rows()) return std::size_t(threads * tile_columns * tile_inner) * sizeof(float);
    return packed_bytes(WeightFormat::dense, columns_at_once(threads), weight.n, dy.dtype);
}

std::size_t MatMulBackward::workspace_bytes(int threads) const {
    if (by_rows()) return turned_bytes(threads);
    return turned_bytes(threads) + std::size_t(threads) * matmul_scratch_bytes(weight.n, dy.dtype);
}

std::size_t MatMulBackward::gpu_workspace_bytes() const {
    const std::int64_t columns = weight.dense() ? 0 : gpu_panel_columns();
    return MatMul::library_workspace_bytes + std::size_t(weight.n * columns) * size_of(dy.dtype);
}

std::int64_t MatMulBackward::gpu_panel_columns() const {
    constexpr std::int64_t step = 256;
    const auto bytes = std::size_t(weight.n * step) * size_of(dy.dtype);
    const auto steps = std::int64_t(MatMul::gpu_panel_bytes / std::max<std::size_t>(bytes, 1));
    return std::min(std::max<std::int64_t>(steps, 1) * step, weight.k);
}

void WeightGradient::check() const {
    require_shape(dy.shape.rank == 2 && dy.shape[0] > 0 && dy.dense() && is_computed(dy.dtype),
                  "dy is [m, n], f32, bf16 or f16, dense");
    require_shape(x.shape.rank == 2 && x.dense() && x.shape[0] == dy.shape[0] &&
                      x.dtype == dy.dtype,
                  "x is [m, k], of dy's type, dense");
    require_shape(dw.shape == Shape{dy.shape[1], x.shape[1]} && dw.dense() &&
                      dw.dtype == DType::f32,
                  "dw is [n, k], f32, dense");
    require_shape(!dbias.present() ||
                      (dbias.shape == Shape{dy.shape[1]} && dbias.dtype == DType::f32),
                  "dbias is [n], f32");
}

Cost WeightGradient::cost() const {
    const double written = double(dw.bytes()) + (dbias.present() ? double(dbias.bytes()) : 0);
    const double sums = dbias.present() ? double(dy.shape.count()) : 0;
    return {.flops = 2 * double(dy.shape.count()) * double(x.shape[1]) + sums,
            .bytes = double(dy.bytes() + x.bytes()) + (accumulate ? 2 : 1) * written};
}

std::size_t WeightGradient::turned_bytes() const {
    return rounded(std::size_t(dy.shape[1] * rows_at_once()) * size_of(dy.dtype));
}

std::size_t WeightGradient::packed_x_bytes() const {
    return packed_bytes(WeightFormat::dense, x.shape[1], rows_at_once(), x.dtype);
}

std::size_t WeightGradient::workspace_bytes(int threads) const {
    if (dy.dtype == DType::f32) return 0; // multiplied as they lie
    return turned_bytes() + packed_x_bytes() +
           std::size_t(threads) * matmul_scratch_bytes(rows_at_once(), dy.dtype);
}

std::size_t WeightGradient::gpu_workspace_bytes() const {
    return MatMul::library_workspace_bytes;
}

} // namespace sweetspot
