#pragma once
#include "kernels/core/context.h"
#include "kernels/ops/activation.h"
#include "kernels/ops/weight.h"

namespace sweetspot {

/// c = activation(a · weightᵀ + bias), or c += a · weightᵀ + bias.
struct MatMul {
    static constexpr auto name = "matmul";
    /// Scratch that the vendor's library may use on a GPU.
    static constexpr std::size_t library_workspace_bytes = 32u << 20;
    /// On a GPU, of a weight in blocks: rows of a that read them as they are, and what is laid out
    /// densely at once for more. So much stays in the second cache.
    static constexpr std::int64_t gpu_few_rows = 16;
    static constexpr std::size_t gpu_panel_bytes = 32u << 20;

    In a;          ///< [m, k], f32, bf16 or f16, rows may be strided
    Weight weight; ///< [n, k], of a's type, or in blocks
    In bias{};     ///< [n] f32, or absent
    Out before{};  ///< [m, n], of c's type, rows may be strided, or absent: what the activation was
                   ///< given, for the backward pass
    Out c;         ///< [m, n], f32, bf16 or f16, rows may be strided
    Activation activation = Activation::none;
    bool rounds_a = false;   ///< a is first rounded to blocks of 32 numbers in 8 bits, as llama.cpp
                             ///< does; with a weight in blocks, on a CPU
    bool accumulate = false; ///< add to c, which is f32 then; without activation
    bool tf32 = false; ///< f32 products may round their inputs to TF32 (10 bits of fraction); GPU

    DType dtype() const { return a.dtype; }
    void check() const; ///< throws Error(bad_shape)
    Cost cost() const;
    std::size_t workspace_bytes(int threads) const;
    std::size_t gpu_workspace_bytes() const;
    bool in_panels() const;      ///< on a GPU, of a weight in blocks: unless a's rows are few
    bool reads_few_rows() const; ///< likewise: they are, and read blocks as they are
    std::int64_t gpu_panel_rows() const;  ///< of a weight in blocks, a multiple of 64
    std::size_t gpu_panel_offset() const; ///< of the panel in the workspace
};

void launch(const MatMul&, CpuStream&);
void launch(const MatMul&, CudaStream&);

} // namespace sweetspot
