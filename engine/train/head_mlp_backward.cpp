#include "engine/train/head_mlp_backward.h"
#include "engine/train/packed_view.h"
#include "kernels/ops/elementwise.h"
#include "kernels/ops/matmul_backward.h"

namespace sweetspot {

namespace {

Tensor like(const LayerContext& layer, const Tensor& x) {
    return layer.activations(x.shape()[0], x.shape()[1], layer.dtype);
}

} // namespace

const Tensor& head_mlp_forward(const LayerContext& layer, const LinearWeights& weights,
                               const Tensor& heads, SavedHeadMlp& saved) {
    if (!weights.n) return heads;
    const auto depths = std::size_t(layer.model.head_mlp_depth);
    for (std::size_t depth = saved.y.size(); depth < depths; ++depth) {
        Tensor y = like(layer, heads);
        if (depth < saved.before.size()) {
            run(Convert{.x = saved.before[depth], .y = y}, layer.context);
            run(Activate{.x = y, .activation = Activation::silu}, layer.context);
        } else {
            saved.before.push_back(like(layer, heads));
            head_mlp(layer, weights, int(depth), depth ? saved.y[depth - 1] : heads, y,
                     saved.before.back());
        }
        saved.y.push_back(std::move(y));
    }
    return saved.y.back();
}

void head_mlp_backward(const LayerContext& layer, const LinearWeights& weights, const Tensor& heads,
                       SavedHeadMlp& saved, Tensor& d_heads, LinearWeights& gradients) {
    const ModelConfig& model = layer.model;
    for (std::size_t depth = saved.before.size(); depth-- > 0;) {
        saved.y.pop_back();
        const Tensor& x = depth ? saved.y.back() : heads;
        run(ActivateBackward{.x = saved.before[depth],
                             .dy = d_heads,
                             .dx = d_heads,
                             .activation = Activation::silu},
            layer.context);
        saved.before.pop_back();
        Tensor dx = like(layer, heads);
        for (int product = 0; product < head_products(model); ++product) {
            const int at = int(depth) * head_products(model) + product;
            const In dy = heads_of(model, d_heads.in(), product);
            if (gradients.weight.present())
                run(WeightGradient{.dy = PackedView(layer, dy),
                                   .x = PackedView(layer, heads_of(model, x.in(), product)),
                                   .dw = gradients.part_of_products(gradients.weight.out(), at),
                                   .dbias = gradients.part_of_products(gradients.bias.out(), at),
                                   .accumulate = true,
                                   .tf32 = layer.tf32},
                    layer.context);
            run(MatMulBackward{.dy = dy,
                               .weight = weights.packed(at),
                               .dx = heads_of(model, dx.out(), product),
                               .tf32 = layer.tf32},
                layer.context);
        }
        d_heads = std::move(dx);
    }
}

} // namespace sweetspot
