#pragma once
#include "kernels/ops/attention.h"
#include "kernels/ops/matmul.h"
#include "kernels/ops/norm.h"

/// Two ops of a block in one kernel, each equal to the two one after the other. For GPUs, where
/// they save a trip of the activations to memory; the CPU has no launch of its own for them.
namespace sweetspot {

/// c = activation(norm(x + delta) · weightᵀ + bias): attention's or the MLP's norm with the product
/// after it. The normalised rows are never stored.
struct NormMatMul {
    static constexpr auto name = "norm_matmul";

    In x;           ///< [rows, width] f32
    In delta{};     ///< [rows, width] of c's type, or absent: the residual branch
    Out sum{};      ///< [rows, width] f32, present with delta: x + delta; may be x itself
    In norm_weight; ///< [width] f32
    In norm_bias{}; ///< [width] f32, or absent
    NormKind kind = NormKind::layer;
    float epsilon = 1e-5f;
    Weight weight; ///< [n, width], of c's type
    In bias{};     ///< [n] f32, or absent
    Activation activation = Activation::none;
    Out c; ///< [rows, n], f32, bf16 or f16

    DType dtype() const { return c.dtype; }
    void check() const; ///< throws Error(bad_shape)
    Cost cost() const;
    std::size_t gpu_workspace_bytes() const;
};

/// x += Attention(q, k, v) · weightᵀ + bias: attention with the output projection, added to the
/// residual stream. The heads' outputs are never stored.
struct AttentionProjection {
    static constexpr auto name = "attention_projection";

    Attention attention; ///< kind flash, without log_sum_exp; its y is absent
    Weight weight;       ///< [width, heads · head_size], of q's type
    In bias{};           ///< [width] f32, or absent
    Out x;               ///< [rows, width] f32

    DType dtype() const { return attention.dtype(); }
    void check() const; ///< throws Error(bad_shape)
    Cost cost() const;
    std::size_t gpu_workspace_bytes() const;
};

/// Throw Error(unsupported).
void launch(const NormMatMul&, CpuStream&);
void launch(const AttentionProjection&, CpuStream&);

void launch(const NormMatMul&, CudaStream&);
void launch(const AttentionProjection&, CudaStream&);

} // namespace sweetspot
