#include "engine/layers/layers.h"
#include "kernels/ops/elementwise.h"
#include "kernels/ops/matmul.h"
#include "kernels/ops/norm.h"

namespace sweetspot {

std::int64_t rows_at_once(std::int64_t at_least, const Context& context) {
    return std::max(at_least, rows_a_thread * threads_of(context));
}

static void normalise(const LayerContext& layer, const NormWeights& weights, Out x, In delta,
                      Out y) {
    run(Norm{.x = x,
             .delta = delta,
             .weight = weights.gain,
             .bias = weights.bias,
             .y = y,
             .kind = layer.model.norm == NormStyle::rms ? NormKind::rms : NormKind::layer,
             .epsilon = float(layer.model.norm_epsilon)},
        layer.context);
}

Tensor normalised(const LayerContext& layer, const NormWeights& weights, Residual& stream,
                  std::int64_t first, std::int64_t count) {
    Tensor y = layer.activations(count, layer.model.width, layer.dtype);
    normalise(layer, weights, rows(stream.x.out(), first, count),
              stream.waiting ? rows(stream.branch.in(), first, count) : In{}, y);
    return y;
}

void linear(const LayerContext& layer, const LinearWeights& weights, In x, Out y,
            Activation activation) {
    const bool fused = layer.fusion == Fusion::epilogues;
    run(MatMul{.a = x,
               .weight = weights.weight,
               .bias = fused ? weights.bias.in() : In{},
               .c = y,
               .activation = fused ? activation : Activation::none},
        layer.context);
    if (fused) return;
    if (weights.bias.present()) run(AddBias{.x = y, .bias = weights.bias}, layer.context);
    if (activation != Activation::none)
        run(Activate{.x = y, .activation = activation}, layer.context);
}

void branch(const LayerContext& layer, const LinearWeights& weights, In x, Residual& stream,
            std::int64_t first) {
    const Out y = rows(stream.branch.out(), first, x.shape[0]);
    linear(layer, weights, x, y);
    if (layer.fusion == Fusion::none)
        run(Add{.x = rows(stream.x.out(), first, x.shape[0]), .delta = y}, layer.context);
}

void mlp_block(const LayerContext& layer, const BlockWeights& weights, Residual& stream) {
    const Region region(layer.context, "mlp");
    const std::int64_t width = layer.model.mlp_width;
    const bool gated = layer.model.mlp == MlpStyle::swiglu;
    const Activation activation = gated                               ? Activation::none
                                  : layer.model.mlp == MlpStyle::gelu ? Activation::gelu
                                                                      : Activation::gelu_tanh;
    in_pieces(stream.rows(), rows_at_once(mlp_rows, layer.context), [&](auto first, auto count) {
        Tensor x = normalised(layer, weights.mlp_norm, stream, first, count);
        Tensor inner = layer.activations(count, gated ? 2 * width : width, layer.dtype);
        linear(layer, weights.up, x, inner, activation);
        x = Tensor();
        if (gated) {
            Tensor product = layer.activations(count, width, layer.dtype);
            run(SwiGlu{.gate = columns(inner.in(), 0, width),
                       .up = columns(inner.in(), width, width),
                       .y = product},
                layer.context);
            inner = std::move(product);
        }
        branch(layer, weights.down, inner, stream, first);
    });
    stream.waiting = layer.fusion == Fusion::epilogues;
}

Tensor logits(const LayerContext& layer, const Weights& weights, Residual& stream,
              std::int64_t first, std::int64_t count) {
    Tensor x = normalised(layer, weights.final_norm, stream, first, count);
    if (layer.model.head == HeadStyle::masked) {
        Tensor dense = layer.activations(count, layer.model.width, DType::f32);
        linear(layer, weights.head_dense, x, dense, Activation::gelu);
        normalise(layer, weights.head_norm, dense, {}, x);
    }
    Tensor y = layer.activations(count, layer.model.vocabulary, DType::f32);
    linear(layer, weights.head, x, y);
    return y;
}

} // namespace sweetspot
