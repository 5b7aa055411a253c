#pragma once
#include "kernels/core/context.h"
#include "kernels/ops/segments.h"

namespace sweetspot {

/// naive: all scores are stored, then normalised, then multiplied with the values. flash: blocks
/// with an online softmax, memory linear in the length (Dao et al., 2022). vendor: cuDNN's, to
/// compare with; on a GPU only.
enum class AttentionKind { naive, flash, vendor };
constexpr std::array<std::string_view, 3> names_of(AttentionKind) {
    return {"naive", "flash", "vendor"};
}

/// y = softmax(scale · q kᵀ) v for each sequence and head; padded keys are never attended to,
/// padded queries give numbers that nobody reads (zeros or like real ones), never NaN. Softmax in
/// f32. Query head h reads key head h / (heads / kv_heads).
struct Attention {
    static constexpr auto name = "attention";
    /// Scratch that the vendor's library may use on a GPU.
    static constexpr std::size_t library_workspace_bytes = 32u << 20;

    In q;                ///< [rows, heads · head_size], f32, bf16 or f16, rows may be strided
    In k, v;             ///< [rows, kv_heads · head_size], of q's type, rows may be strided
    In cosine{}, sine{}; ///< [positions, head_size/2] f32: rotary in halves, applied to q and k on
                         ///< the way with positions 0.. in each sequence; or absent
    Out scores{};      ///< naive: [score_count(...)], f32: where the scores are stored, and at last
                       ///< the weights that they become; else absent
    Out y{};           ///< [rows, heads · head_size], of q's type
    Out log_sum_exp{}; ///< [heads, rows] f32: of each query's scaled scores, in nats, for the
                       ///< backward pass; or absent. flash only
    const Segments* segments = nullptr; ///< not owned
    int heads = 1, kv_heads = 1;
    bool causal = false;
    int window = 0;  ///< keys that a causal query sees, itself included; 0 = all. On the CPU only
    float scale = 1; ///< positive
    AttentionKind kind = AttentionKind::flash;

    std::int64_t head_size() const { return q.shape[1] / heads; }
    DType dtype() const { return q.dtype; }
    void check() const; ///< throws Error(bad_shape)
    /// FLOPs of the two products; causal counts the half that is computed, a window what it leaves.
    /// Padding is computed, so it counts: every row of a sequence is a query, and every row a key,
    /// masked if it is padding.
    Cost cost() const;
    std::size_t workspace_bytes(int threads) const;
    std::size_t gpu_workspace_bytes() const;
    /// The first part of it: q and k, turned once for all that read them.
    std::size_t gpu_turned_bytes() const;
};

/// How many scores naive attention stores for all heads together, of all sequences or of the first
/// so many.
std::int64_t score_count(const Segments&, int heads);
std::int64_t score_count(const Segments&, int heads, int sequences);

/// Throws Error(unsupported): f16 and kind vendor.
void launch(const Attention&, CpuStream&);
/// Throws Error(unsupported): flash with heads of more than 256 channels.
void launch(const Attention&, CudaStream&);

} // namespace sweetspot
