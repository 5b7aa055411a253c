#include "engine/layers/as_published.h"
#include "kernels/ops/elementwise.h"
#include "kernels/ops/matmul.h"
#include "kernels/ops/norm.h"

namespace sweetspot {

std::int64_t rows_at_once(std::int64_t at_least, std::int64_t all, const Context& context) {
    return context.on_gpu() ? all : std::max(at_least, rows_a_thread * threads_of(context));
}

std::int64_t head_rows_at_once(const LayerContext& layer) {
    constexpr std::int64_t tile = 128; // of a GPU's products
    const auto row_bytes = std::int64_t(sizeof(float)) * layer.model.vocabulary;
    const std::int64_t most = std::int64_t(most_logits_bytes) / row_bytes;
    return rows_at_once(head_rows,
                        most < tile ? std::max<std::int64_t>(1, most) : most / tile * tile,
                        layer.context);
}

static void normalise(const LayerContext& layer, const NormWeights& weights, Out x, In delta,
                      Out y) {
    layer.access.use(weights.gain);
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
    const bool fused = layer.fused();
    layer.access.use(weights.weight);
    run(MatMul{.a = x,
               .weight = weights.weight,
               .bias = fused ? weights.bias.in() : In{},
               .c = y,
               .activation = fused ? activation : Activation::none,
               .tf32 = layer.tf32},
        layer.context);
    if (fused) return;
    if (weights.bias.present()) run(AddBias{.x = y, .bias = weights.bias}, layer.context);
    if (activation != Activation::none)
        run(Activate{.x = y, .activation = activation}, layer.context);
}

void add_branch(const LayerContext& layer, Residual& stream, std::int64_t first,
                std::int64_t count) {
    if (layer.fused() || layer.as_published == AsPublished::mlp_norm) return;
    run(Add{.x = rows(stream.x.out(), first, count),
            .delta = rows(stream.branch.in(), first, count)},
        layer.context);
}

Tensor mlp_inner(const LayerContext& layer, const BlockWeights& weights, Tensor x) {
    const std::int64_t rows = x.shape()[0], width = layer.model.mlp_width;
    const bool gated = layer.model.mlp == MlpStyle::swiglu;
    const Activation activation = gated                               ? Activation::none
                                  : layer.model.mlp == MlpStyle::gelu ? Activation::gelu
                                                                      : Activation::gelu_tanh;
    Tensor inner = layer.activations(rows, gated ? 2 * width : width, layer.dtype);
    linear(layer, weights.up, x, inner, activation);
    if (!gated) return inner;
    x = Tensor(); // before the next is made, so that both are never live
    Tensor product = layer.activations(rows, width, layer.dtype);
    run(SwiGlu{.gate = columns(inner.in(), 0, width),
               .up = columns(inner.in(), width, width),
               .y = product},
        layer.context);
    return product;
}

void mlp_block(const LayerContext& layer, const BlockWeights& weights, Residual& stream) {
    const Region region(layer.context, "mlp");
    const std::int64_t all = stream.rows();
    in_pieces(all, rows_at_once(mlp_rows, all, layer.context), [&](auto first, auto count) {
        const Tensor inner =
            mlp_inner(layer, weights, normalised(layer, weights.mlp_norm, stream, first, count));
        linear(layer, weights.down, inner, rows(stream.branch.out(), first, count));
        add_branch(layer, stream, first, count);
    });
    stream.waiting = layer.fused();
}

void block(const LayerContext& layer, const BlockWeights& weights, Residual& stream,
           const Segments& segments, const LayerCache* cache) {
    attention_block(layer, weights, stream, segments, cache);
    if (layer.as_published == AsPublished::mlp_norm)
        published_mlp_block(layer, weights, stream);
    else
        mlp_block(layer, weights, stream);
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
