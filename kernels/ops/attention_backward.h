#pragma once
#include "kernels/ops/attention.h"

namespace sweetspot {

/// The gradients of Attention by q, k and v as it was given them. flash: scores are computed again
/// from log_sum_exp instead of being kept (Dao et al., 2022, algorithm 4). naive: the weights were
/// kept, and as many gradients by them are stored. Where Attention turned q and k by their
/// positions, so does this, and turns their gradients back.
struct AttentionBackward {
    static constexpr auto name = "attention_backward";

    In q, k, v;          ///< as Attention's
    In cosine{}, sine{}; ///< likewise, or absent
    In y{};              ///< flash: as Attention wrote it; else absent
    In log_sum_exp{};    ///< flash: [heads, rows] f32, likewise
    In weights{};        ///< naive: as Attention left them in its scores; else absent
    Out d_weights{};     ///< naive: like weights: room for the gradients by them; else absent
    In dy;               ///< the loss's gradient by y, of q's type, rows may be strided
    Out dq, dk, dv;      ///< like q, k and v; written, not added to; zero at padding
    const Segments* segments = nullptr; ///< not owned
    int heads = 1, kv_heads = 1;
    bool causal = false;
    int window = 0; ///< as Attention's
    float scale = 1;
    AttentionKind kind = AttentionKind::flash; ///< not vendor

    std::int64_t head_size() const { return q.shape[1] / heads; }
    /// Keys that a query meets at once on the CPU.
    static constexpr std::int64_t block = 16;

    DType dtype() const { return q.dtype; }
    void check() const; ///< throws Error(bad_shape)
    Cost cost() const;  ///< five products, naive four, where the forward pass has two
    /// What these are the gradients of; of the naive kind dy stands in for y.
    Attention forward() const;
    std::size_t workspace_bytes(int threads) const;
    std::size_t gpu_workspace_bytes() const;
    /// The first part of it: q and k, turned.
    std::size_t gpu_turned_bytes() const;
};

/// Throws Error(unsupported): f16.
void launch(const AttentionBackward&, CpuStream&);
/// Throws Error(unsupported): a window, or flash with heads of more than 176 channels.
void launch(const AttentionBackward&, CudaStream&);

} // namespace sweetspot
