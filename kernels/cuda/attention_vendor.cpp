#include "kernels/cuda/attention_vendor.h"
#include "kernels/cuda/check.h"
#include "kernels/cuda/cudnn_attention.h"
#include "kernels/cuda/element_offsets.h"
#include "kernels/cuda/recording.h"
#include <algorithm>

namespace sweetspot {

namespace {

/// The library is told of 16-byte alignment, as its engines want it.
bool is_aligned(const In& t) {
    constexpr std::uintptr_t bytes = 16;
    return reinterpret_cast<std::uintptr_t>(t.data) % bytes == 0 &&
           std::size_t(t.stride()) * size_of(t.dtype) % bytes == 0;
}

void check_possible(const Attention& op) {
    require(!op.cosine.present(), Failure::bug, "attention of kind vendor gets turned q and k");
    require(op.q.dtype != DType::f32, Failure::unsupported,
            "attention of kind vendor computes in bf16 or f16; cuDNN's has no f32");
    require(!op.log_sum_exp.present(), Failure::unsupported,
            "attention of kind vendor keeps nothing for the backward pass; use flash");
    require(is_aligned(op.q) && is_aligned(op.k) && is_aligned(op.v) && is_aligned(op.y),
            Failure::unsupported, "attention of kind vendor needs rows aligned to 16 bytes");
}

/// A recording is repeated with other lengths in the same places, so it has to look at them.
bool is_recorded(const CudaStream& stream) {
    cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
    check_cuda(cudaStreamIsCapturing(stream.handle, &status), "cudaStreamIsCapturing");
    return status != cudaStreamCaptureStatusNone;
}

AttentionShape shape_of(const Attention& op, bool recorded) {
    const Segments& s = *op.segments;
    bool ragged = false, padded = false;
    for (int i = 0; i < s.count(); ++i) {
        ragged = ragged || s.rows_of(i) != s.rows_of(0);
        padded = padded || s.lengths[std::size_t(i)] != s.rows_of(i);
    }
    // Batches whose longest sequences differ little share a plan, which takes long to make.
    constexpr std::int64_t step = 128;
    const std::int64_t longest = s.longest();
    return {.sequences = s.count(),
            .rows = ragged ? (longest + step - 1) / step * step : longest,
            .heads = op.heads,
            .kv_heads = op.kv_heads,
            .head_size = op.head_size(),
            .q_stride = op.q.stride(),
            .k_stride = op.k.stride(),
            .v_stride = op.v.stride(),
            .y_stride = op.y.stride(),
            .type = op.q.dtype,
            .causal = op.causal,
            .masked = ragged || padded || recorded,
            .ragged = ragged};
}

/// Nothing is written after the end of a sequence.
void clear(const Out& y, const CudaStream& stream) {
    const std::size_t element = size_of(y.dtype);
    check_cuda(cudaMemset2DAsync(y.data, std::size_t(y.stride()) * element, 0,
                                 std::size_t(y.shape[1]) * element, std::size_t(y.shape[0]),
                                 stream.handle),
               "cudaMemset2DAsync");
}

} // namespace

void launch_vendor(const Attention& op, CudaStream& stream) {
    check_possible(op);
    if (op.q.shape[0] == 0) return;
    Cudnn& cudnn = stream.device->libraries().cudnn();
    const AttentionShape shape = shape_of(op, is_recorded(stream));
    const AttentionPlan& plan = cudnn.plan(shape);
    AttentionPointers pointers{.q = op.q.data,
                               .k = op.k.data,
                               .v = op.v.data,
                               .y = op.y.data,
                               .scale = op.scale,
                               .workspace = stream.workspace};
    if (shape.masked) {
        clear(op.y, stream);
        pointers.lengths = op.segments->device_lengths.as<std::int32_t>();
    }
    if (shape.ragged) {
        const ElementOffsets offsets{
            .rows = op.segments->device_offsets.as<std::int32_t>(),
            .count = int(shape.sequences) + 1,
            .strides = {shape.q_stride, shape.k_stride, shape.v_stride, shape.y_stride},
            .elements = reinterpret_cast<std::int64_t*>(static_cast<char*>(stream.workspace) +
                                                        AttentionPlan::most_workspace_bytes)};
        launch_element_offsets(offsets, stream);
        pointers.q_offsets = offsets.of(0);
        pointers.k_offsets = offsets.of(1);
        pointers.v_offsets = offsets.of(2);
        pointers.y_offsets = offsets.of(3);
    }
    // A recording may be the first to use the plan with masks, whose kernels are loaded only now.
    const OutsideRecording outside;
    plan.run(cudnn.on(stream), pointers);
}

} // namespace sweetspot
