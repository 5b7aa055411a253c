#include "engine/layers/head_mlp.h"
#include "kernels/ops/elementwise.h"
#include "kernels/ops/matmul.h"

namespace sweetspot {

int head_products(const ModelConfig& model) {
    return model.head_mlp == HeadMlp::per_head ? model.heads : 1;
}

void head_mlp(const LayerContext& layer, const LinearWeights& weights, int depth, In x, Out y,
              Out before) {
    const ModelConfig& model = layer.model;
    const bool fused = layer.fused();
    layer.access.use(weights.weight);
    const Out sum = !fused && before.present() ? before : y; // what the products write
    for (int product = 0; product < head_products(model); ++product) {
        const int at = depth * head_products(model) + product;
        const In bias = weights.part_of_products(weights.bias.in(), at);
        const Out c = heads_of(model, sum, product);
        run(MatMul{.a = heads_of(model, x, product),
                   .weight = weights.packed(at),
                   .bias = fused ? bias : In{},
                   .before = fused && before.present() ? heads_of(model, before, product) : Out{},
                   .c = c,
                   .activation = fused ? Activation::silu : Activation::none,
                   .tf32 = layer.tf32},
            layer.context);
        if (!fused) run(AddBias{.x = c, .bias = bias}, layer.context);
    }
    if (fused) return;
    if (before.present()) run(Convert{.x = sum, .y = y}, layer.context);
    run(Activate{.x = y, .activation = Activation::silu}, layer.context);
}

} // namespace sweetspot
