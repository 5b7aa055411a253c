#pragma once
#include "kernels/ops/matmul.h"

/// The gradients of MatMul, c = a · weightᵀ + bias, by what its activation was given: `dy`.
namespace sweetspot {

/// dx = dy · weight, or dx += dy · weight: by a.
struct MatMulBackward {
    static constexpr auto name = "matmul_backward";

    In dy;                   ///< [m, n], f32, bf16 or f16, rows may be strided
    Weight weight;           ///< [n, k], of dy's type or in blocks, as MatMul reads it
    Out dx;                  ///< [m, k], f32 or of dy's type, rows may be strided
    bool accumulate = false; ///< add to dx, which is f32 then
    bool tf32 = false;       ///< as MatMul's

    DType dtype() const { return dy.dtype; }
    void check() const; ///< throws Error(bad_shape)
    Cost cost() const;
    std::size_t workspace_bytes(int threads) const;
    std::size_t gpu_workspace_bytes() const;

    /// On a CPU: the weight's columns turned around, as a product reads them; of a large weight (a
    /// head's, which has a row for each token) not all at once. In f32 it goes by rows, and dx is
    /// added up; else dx would be rounded in between, and it goes by columns.
    static constexpr std::size_t most_turned_bytes = 32u << 20;
    bool by_rows() const;
    std::int64_t columns_at_once(int threads) const; ///< all, or a multiple of 256
    std::size_t turned_bytes(int threads) const;     ///< of so many, or by rows

    /// By rows: a tile of dx, the same whatever the threads so that sums are, and rows of the
    /// weight that are multiplied at once. A thread keeps those of its tile's columns.
    static constexpr std::int64_t tile_rows = 128, tile_columns = 256, tile_inner = 256;

    /// On a GPU, of a weight in blocks: so many columns are laid out densely at once, behind what
    /// the library may use; a multiple of 256, or all.
    std::int64_t gpu_panel_columns() const;
};

/// dw = dyᵀ · x and dbias = the sum of dy's rows, or added to them: by weight and bias.
struct WeightGradient {
    static constexpr auto name = "weight_gradient";

    In dy;                   ///< [m, n], f32, bf16 or f16, dense
    In x;                    ///< [m, k], of dy's type, dense: MatMul's a
    Out dw;                  ///< [n, k], f32, dense
    Out dbias{};             ///< [n], f32, or absent
    bool accumulate = false; ///< add to both: over micro-batches
    bool tf32 = false;       ///< as MatMul's

    DType dtype() const { return dy.dtype; }
    void check() const; ///< throws Error(bad_shape)
    Cost cost() const;
    std::size_t workspace_bytes(int threads) const;
    std::size_t gpu_workspace_bytes() const;

    /// On a CPU rows are taken in pieces, which are turned around and added up: what that needs
    /// grows no further with the batch.
    static constexpr std::int64_t most_rows = 1024;
    std::int64_t rows_at_once() const { return dy.shape[0] < most_rows ? dy.shape[0] : most_rows; }
    std::size_t turned_bytes() const; ///< dyᵀ of so many rows
    std::size_t packed_x_bytes() const;
};

void launch(const MatMulBackward&, CpuStream&);
void launch(const MatMulBackward&, CudaStream&);
void launch(const WeightGradient&, CpuStream&);
void launch(const WeightGradient&, CudaStream&);

} // namespace sweetspot
