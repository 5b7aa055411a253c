#include "engine/layers/layers.h"
#include "kernels/ops/dropout.h"
#include "kernels/ops/elementwise.h"
#include "kernels/ops/fused.h"
#include "kernels/ops/matmul.h"

namespace sweetspot {

std::int64_t rows_at_once(std::int64_t at_least, std::int64_t all, const LayerContext& layer) {
    if (layer.context.on_gpu() || layer.dropout.probability > 0) return all;
    return std::max(at_least, rows_a_thread * threads_of(layer.context));
}

std::int64_t head_rows_at_once(const LayerContext& layer) {
    if (!layer.context.on_gpu())
        return std::max(head_rows, rows_a_thread * threads_of(layer.context));
    constexpr std::int64_t tile = 128; // of a GPU's products
    const auto row_bytes = std::int64_t(sizeof(float)) * layer.model.vocabulary;
    const std::int64_t most = std::int64_t(most_logits_bytes) / row_bytes;
    return most < tile ? std::max<std::int64_t>(1, most) : most / tile * tile;
}

Dropout dropout_of(const LayerContext& layer, int branch) {
    constexpr std::uint64_t apart = 0x9e3779b97f4a7c15; // far from seeds that people choose
    return {.probability = layer.dropout.probability,
            .seed = layer.dropout.seed + std::uint64_t(branch) * apart,
            .device_seed = layer.device_seeds ? layer.device_seeds + branch : nullptr};
}

bool drops_in_norm(const LayerContext& layer) {
    return layer.dropout.probability > 0 && layer.fusion == Fusion::dropout_norm;
}

static NormKind norm_kind(const LayerContext& layer) {
    return layer.model.norm == NormStyle::rms ? NormKind::rms : NormKind::layer;
}

static void normalise(const LayerContext& layer, const NormWeights& weights, Out x, In delta, Out y,
                      const Dropout& dropout = {}) {
    layer.access.use(weights.gain);
    run(Norm{.x = x,
             .delta = delta,
             .weight = weights.gain,
             .bias = weights.bias,
             .sum = delta.present() ? x : Out{},
             .y = y,
             .kind = norm_kind(layer),
             .epsilon = float(layer.model.norm_epsilon),
             .dropout = dropout},
        layer.context);
}

static Tensor normalised_as(DType dtype, const LayerContext& layer, const NormWeights& weights,
                            Residual& residual, std::int64_t first, std::int64_t count) {
    Tensor y = layer.activations(count, layer.model.width, dtype);
    normalise(layer, weights, rows(residual.x.out(), first, count),
              residual.waiting ? rows(residual.branch.in(), first, count) : In{}, y,
              drops_in_norm(layer) ? dropout_of(layer, residual.branches - 1) : Dropout{});
    return y;
}

Tensor normalised(const LayerContext& layer, const NormWeights& weights, Residual& residual,
                  std::int64_t first, std::int64_t count) {
    return normalised_as(layer.dtype, layer, weights, residual, first, count);
}

void linear(const LayerContext& layer, const LinearWeights& weights, In x, Out y,
            Activation activation) {
    const bool fused = layer.fused();
    if (layer.look_at_inputs) layer.look_at_inputs(weights, x);
    layer.access.use(weights.weight);
    run(MatMul{.a = x,
               .weight = weights.packed(),
               .bias = fused ? weights.bias.in() : In{},
               .c = y,
               .activation = fused ? activation : Activation::none,
               .rounds_a = layer.rounds_activations && !weights.packed().dense(),
               .tf32 = layer.tf32},
        layer.context);
    if (fused) return;
    if (weights.bias.present()) run(AddBias{.x = y, .bias = weights.bias}, layer.context);
    if (activation != Activation::none)
        run(Activate{.x = y, .activation = activation}, layer.context);
}

void normalised_linear(const LayerContext& layer, Fusion in_one, const NormWeights& norm,
                       const LinearWeights& weights, Residual& residual, std::int64_t first, Out y,
                       Activation activation) {
    const std::int64_t count = y.shape[0];
    if (layer.fusion != in_one)
        return linear(layer, weights, normalised(layer, norm, residual, first, count), y,
                      activation);
    layer.access.use(norm.gain);
    layer.access.use(weights.weight);
    const Out x = rows(residual.x.out(), first, count);
    run(NormMatMul{.x = x,
                   .delta = residual.waiting ? rows(residual.branch.in(), first, count) : In{},
                   .sum = residual.waiting ? x : Out{},
                   .norm_weight = norm.gain,
                   .norm_bias = norm.bias,
                   .kind = norm_kind(layer),
                   .epsilon = float(layer.model.norm_epsilon),
                   .weight = weights.packed(),
                   .bias = weights.bias,
                   .activation = activation,
                   .c = y},
        layer.context);
}

void finish_branch(const LayerContext& layer, Residual& residual, std::int64_t first,
                   std::int64_t count) {
    const Out branch = rows(residual.branch.out(), first, count);
    if (layer.dropout.probability > 0 && !drops_in_norm(layer))
        run(Drop{.x = branch, .dropout = dropout_of(layer, residual.branches)}, layer.context);
    if (!layer.fused() && !layer.shape.parallel)
        run(Add{.x = rows(residual.x.out(), first, count), .delta = branch}, layer.context);
}

void end_branch(const LayerContext& layer, Residual& residual) {
    residual.waiting = layer.fused();
    ++residual.branches;
}

void settle(const LayerContext& layer, Residual& residual) {
    if (!residual.waiting) return;
    if (drops_in_norm(layer))
        run(Drop{.x = residual.branch, .dropout = dropout_of(layer, residual.branches - 1)},
            layer.context);
    run(Add{.x = residual.x, .delta = residual.branch}, layer.context);
    residual.waiting = false;
}

Tensor mlp_inner(const LayerContext& layer, const BlockWeights& weights, Residual& residual,
                 std::int64_t first, std::int64_t count) {
    const std::int64_t width = layer.model.mlp_width;
    const bool gated = layer.model.mlp == MlpStyle::swiglu;
    const Activation activation = gated                               ? Activation::none
                                  : layer.model.mlp == MlpStyle::gelu ? Activation::gelu
                                                                      : Activation::gelu_tanh;
    Tensor inner = layer.activations(count, gated ? 2 * width : width, layer.dtype);
    normalised_linear(layer, Fusion::mlp_norm, weights.mlp_norm, weights.up, residual, first, inner,
                      activation);
    if (!gated) return inner;
    Tensor product = layer.activations(count, width, layer.dtype);
    run(SwiGlu{.gate = columns(inner.in(), 0, width),
               .up = columns(inner.in(), width, width),
               .y = product},
        layer.context);
    return product;
}

void mlp_block(const LayerContext& layer, const BlockWeights& weights, Residual& residual) {
    const Region region(layer.context, "mlp");
    const std::int64_t all = residual.rows();
    in_pieces(all, rows_at_once(mlp_rows, all, layer), [&](auto first, auto count) {
        const Tensor inner = mlp_inner(layer, weights, residual, first, count);
        linear(layer, weights.down, inner, rows(residual.branch.out(), first, count));
        finish_branch(layer, residual, first, count);
    });
    end_branch(layer, residual);
}

/// x = MLP(norm(x)) + branch, where branch is attention(x).
static void parallel_mlp_block(const LayerContext& layer, const BlockWeights& weights,
                               Residual& residual) {
    const Region region(layer.context, "mlp");
    residual.waiting = false; // what attention gave is not added to this x
    const std::int64_t all = residual.rows();
    in_pieces(all, rows_at_once(mlp_rows, all, layer), [&](auto first, auto count) {
        const Tensor inner = mlp_inner(layer, weights, residual, first, count);
        linear(layer, weights.down, inner, rows(residual.x.out(), first, count));
    });
    run(Add{.x = residual.x, .delta = residual.branch}, layer.context);
}

void block(const LayerContext& layer, const BlockWeights& weights, Residual& residual,
           const Segments& segments, const LayerCache* cache) {
    attention_block(layer, weights, residual, segments, cache);
    // A fused kernel has added its output already; a study's parallel MLP has no branch.
    if (layer.look && layer.fusion != Fusion::attention_projection)
        layer.look(BlockPlace::attention, residual);
    if (layer.shape.parallel)
        parallel_mlp_block(layer, weights, residual);
    else
        mlp_block(layer, weights, residual);
    if (!layer.look) return;
    if (!layer.shape.parallel) layer.look(BlockPlace::mlp, residual);
    layer.look(BlockPlace::residual, residual);
}

Tensor features(const LayerContext& layer, const Weights& weights, Residual& residual,
                std::int64_t first, std::int64_t count) {
    return normalised_as(DType::f32, layer, weights.final_norm, residual, first, count);
}

Tensor logits(const LayerContext& layer, const Weights& weights, Residual& residual,
              std::int64_t first, std::int64_t count) {
    Tensor x = normalised(layer, weights.final_norm, residual, first, count);
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
