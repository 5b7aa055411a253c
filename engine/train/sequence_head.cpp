#include "engine/train/sequence_head.h"
#include "kernels/ops/elementwise.h"
#include "kernels/ops/loss.h"
#include "kernels/ops/matmul.h"
#include "kernels/ops/matmul_backward.h"

// The mean over a sequence's rows is a product with their shares in it, [rows, sequences]: sharesᵀ
// · y forward, shares · dmeans backward.

namespace sweetspot {

namespace {

struct Forward {
    SavedNorm norm;
    Tensor means{}; ///< [sequences, width] f32
};

Forward forward(const LayerContext& layer, const Weights& weights, const SequenceHead& head,
                const SequenceRows& rows) {
    Forward y{.norm = norm_forward(layer, weights.final_norm, rows.x, rows.branch)};
    Tensor wide;
    if (layer.dtype != DType::f32) {
        wide = layer.activations(rows.x.shape[0], rows.x.shape[1], DType::f32);
        run(Convert{.x = y.norm.y, .y = wide}, layer.context);
    }
    y.means = layer.activations(rows.shares.shape[1], layer.model.width, DType::f32);
    run(WeightGradient{.dy = rows.shares,
                       .x = wide.present() ? wide.in() : y.norm.y.in(),
                       .dw = y.means},
        layer.context);
    run(MatMul{.a = y.means,
               .weight = head.linear.packed(),
               .bias = head.linear.bias,
               .c = rows.answers},
        layer.context);
    return y;
}

/// By the answers, of `scale` times the losses' sum.
Tensor answers_backward(const LayerContext& layer, const SequenceHead& head,
                        const SequenceRows& rows, float scale, In device_scale) {
    Tensor d = layer.activations(rows.answers.shape[0], head.outputs, DType::f32);
    if (!head.numbers) {
        run(CrossEntropyGradient{.logits = rows.answers,
                                 .targets = rows.classes,
                                 .losses = rows.losses,
                                 .dlogits = d,
                                 .scale = scale,
                                 .device_scale = device_scale},
            layer.context);
        return d;
    }
    run(Scale{.x = rows.numbers, .y = d, .factor = -1}, layer.context);
    run(Add{.x = d, .delta = rows.answers}, layer.context);
    run(Scale{.x = d, .y = d, .factor = scale}, layer.context);
    return d;
}

} // namespace

void sequence_head_forward(const LayerContext& layer, const Weights& weights,
                           const SequenceHead& head, const SequenceRows& rows) {
    forward(layer, weights, head, rows);
}

Tensor sequence_head_backward(const LayerContext& layer, const Weights& weights,
                              const SequenceHead& head, const SequenceRows& rows, float scale,
                              In device_scale, Weights& gradients) {
    const Forward saved = forward(layer, weights, head, rows);
    const std::int64_t sequences = rows.shares.shape[1], width = layer.model.width;
    const Tensor d_answers = answers_backward(layer, head, rows, scale, device_scale),
                 d_means = layer.activations(sequences, width, DType::f32),
                 packed(layer.context.allocator, packed_shape(sequences, width, DType::f32),
                        DType::f32);
    run(WeightGradient{.dy = d_answers,
                       .x = saved.means,
                       .dw = head.weight_gradient,
                       .dbias = head.bias_gradient,
                       .accumulate = true},
        layer.context);
    run(MatMulBackward{.dy = d_answers, .weight = head.linear.packed(), .dx = d_means},
        layer.context);
    run(RepackWeight{.weight = d_means, .packed = packed}, layer.context);
    const Tensor dy = layer.activations(rows.x.shape[0], width, DType::f32);
    run(MatMulBackward{.dy = rows.shares,
                       .weight = {.data = packed, .n = sequences, .k = width},
                       .dx = dy},
        layer.context);
    Tensor d_stream = layer.activations(rows.x.shape[0], width, DType::f32);
    norm_backward(layer, weights.final_norm, saved.norm, dy, d_stream, false, gradients.final_norm);
    return d_stream;
}

} // namespace sweetspot
