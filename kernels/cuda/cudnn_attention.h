#pragma once
#include "kernels/cuda/cudnn.h"
#include "kernels/ops/attention.h"

namespace sweetspot {

/// What a plan is made for. Strides in elements, from row to row.
struct AttentionShape {
    std::int64_t sequences = 0;
    std::int64_t rows = 0; ///< of each sequence, or at most if `ragged`
    std::int64_t heads = 0, kv_heads = 0, head_size = 0;
    std::int64_t q_stride = 0, k_stride = 0, v_stride = 0, y_stride = 0;
    DType type = DType::bf16; ///< bf16 or f16
    bool causal = false;
    bool masked = false; ///< by the length of each sequence; what follows it in y is not defined
    bool ragged = false; ///< sequences lie where offsets say, and are masked

    auto operator<=>(const AttentionShape&) const = default;
};

std::string describe(const AttentionShape&);

/// Where the tensors of one call lie: on the device, but for the two numbers.
struct AttentionPointers {
    const void *q = nullptr, *k = nullptr, *v = nullptr;
    void* y = nullptr;
    const std::int32_t* lengths = nullptr; ///< [sequences], if masked
    /// [sequences + 1], if ragged: elements from the start of the tensor to each sequence.
    const std::int64_t *q_offsets = nullptr, *k_offsets = nullptr, *v_offsets = nullptr,
                       *y_offsets = nullptr;
    float scale = 1;
    void* workspace = nullptr; ///< of AttentionPlan::most_workspace_bytes
};

/// cuDNN's fused attention for one shape: the graph matmul, scale, masks, softmax, matmul (Dao,
/// 2023), for which it has an engine that stores no scores. f32 has none.
class AttentionPlan {
public:
    static constexpr std::size_t most_workspace_bytes = Attention::library_workspace_bytes;

    /// `properties` describe the device and are finished. Throws Error(unsupported) if no engine
    /// supports the shape, or each wants more workspace.
    AttentionPlan(const CudnnDescriptor& properties, const AttentionShape&);

    void run(cudnnHandle_t, const AttentionPointers&) const;
    std::string description() const; ///< its engine and workspace
    std::size_t workspace_bytes() const { return workspace_bytes_; }

private:
    bool try_engine(const CudnnDescriptor& properties, const CudnnDescriptor& configuration);

    AttentionShape shape_;
    std::unique_ptr<CudnnDescriptor> plan_{};
    std::size_t workspace_bytes_ = 0;
    std::int64_t engine_ = -1;
};

} // namespace sweetspot
