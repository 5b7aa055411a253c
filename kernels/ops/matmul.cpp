#include "kernels/ops/matmul.h"
#include "kernels/core/memory.h"
#include "kernels/cpu/matmul_scratch.h"
#include <algorithm>

namespace sweetspot {

void MatMul::check() const {
    require(a.shape.rank == 2 && is_computed(a.dtype), Failure::bad_shape,
            "a is [m, k], f32, bf16 or f16");
    require(c.shape.rank == 2 && c.shape[0] == a.shape[0], Failure::bad_shape, "c is [m, n]");
    require(c.dtype == DType::f32 || c.dtype == a.dtype, Failure::bad_shape,
            "c is f32 or of a's type");
    weight.check();
    require(weight.n == c.shape[1] && weight.k == a.shape[1], Failure::bad_shape,
            "weight is [n, k]");
    require(!weight.dense() || weight.dtype() == a.dtype, Failure::bad_shape,
            "weight is of a's type");
    require(!bias.present() || (bias.shape == Shape{c.shape[1]} && bias.dtype == DType::f32),
            Failure::bad_shape, "bias is [n], f32");
    require(!before.present() || (before.shape == c.shape && before.dtype == c.dtype),
            Failure::bad_shape, "before is like c");
    require(!before.present() || activation != Activation::none, Failure::bad_shape,
            "before is kept where there is an activation");
    require(!rounds_a || (!weight.dense() && a.shape[1] % rounded_block == 0), Failure::bad_shape,
            "a is rounded for weights in blocks, in blocks of 32 numbers");
    require(!accumulate || c.dtype == DType::f32, Failure::bad_shape, "c is f32 to accumulate");
    require(!accumulate || activation == Activation::none, Failure::bad_shape,
            "there is no activation with accumulate");
}

Cost MatMul::cost() const {
    const double outputs = double(c.shape.count());
    return {.flops = 2 * outputs * double(a.shape[1]),
            .bytes = double(weight.bytes() + a.bytes() + (accumulate ? 2 : 1) * c.bytes()) +
                     (before.present() ? double(before.bytes()) : 0) +
                     (bias.present() ? double(bias.bytes()) : 0)};
}

std::size_t MatMul::workspace_bytes(int threads) const {
    if (c.shape[0] <= few_rows) {
        const bool converts = !weight.dense() && (rounds_a || a.dtype != DType::f32);
        return (converts ? std::size_t(a.shape.count()) * sizeof(float) : 0) +
               (rounds_a ? std::size_t(a.shape[0]) * rounded_row_bytes(a.shape[1]) : 0);
    }
    std::size_t tile = rounds_a ? std::size_t(a.shape.count()) * size_of(a.dtype) : 0;
    if (!weight.dense())
        tile += packed_bytes(WeightFormat::dense, unpacked_columns(weight.n, threads), weight.k,
                             a.dtype);
    return tile + std::size_t(threads) * matmul_scratch_bytes(a.shape[1], a.dtype);
}

bool MatMul::in_panels() const {
    return !weight.dense() && !stores_two_of_four(weight.format) && !reads_few_rows();
}

bool MatMul::reads_few_rows() const {
    const bool as_they_are = !weight.dense() && !stores_two_of_four(weight.format) &&
                             !block_format(weight.format).nested;
    return as_they_are && c.shape[0] <= gpu_few_rows;
}

std::size_t MatMul::gpu_workspace_bytes() const {
    if (reads_few_rows()) return 0;
    std::size_t behind = 0;
    if (in_panels()) behind = std::size_t(gpu_panel_rows() * weight.k) * size_of(a.dtype);
    // Of a weight in 2:4 the rows that do not fill eight, filled up, and what becomes of them.
    if (stores_two_of_four(weight.format))
        behind = 8 * std::size_t(weight.k + weight.n) * size_of(c.dtype);
    return gpu_panel_offset() + behind;
}

std::int64_t MatMul::gpu_panel_rows() const {
    const auto row = std::size_t(weight.k) * size_of(a.dtype);
    const auto fit = std::int64_t(gpu_panel_bytes / std::max<std::size_t>(row, 1)) / 64 * 64;
    return std::clamp<std::int64_t>(fit, 64, (weight.n + 63) / 64 * 64);
}

std::size_t MatMul::gpu_panel_offset() const {
    const bool copies_bias = bias.present() && c.dtype != DType::f32;
    const std::size_t copy = copies_bias ? std::size_t(c.shape[1]) * size_of(c.dtype) : 0;
    return library_workspace_bytes + (in_panels() ? rounded(copy) : copy);
}

} // namespace sweetspot
