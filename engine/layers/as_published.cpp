#include "engine/layers/as_published.h"
#include "kernels/ops/elementwise.h"
#include "kernels/ops/transfer.h"

namespace sweetspot {

namespace {

Tensor constant(const LayerContext& layer, float value) {
    const std::vector<float> values(std::size_t(layer.model.width), value);
    Tensor y(layer.context.allocator, {layer.model.width}, DType::f32);
    run(Upload{.x = {values.data(), y.shape(), DType::f32}, .y = y}, layer.context);
    return y;
}

} // namespace

NormWeights published_norm(const LayerContext& layer) {
    if (layer.as_published != AsPublished::attention_norm) return {};
    return {.gain = constant(layer, 1), .bias = constant(layer, 0)};
}

Tensor converted(const LayerContext& layer, const Residual& stream, std::int64_t first,
                 std::int64_t count) {
    Tensor y = layer.activations(count, layer.model.width, layer.dtype);
    run(Convert{.x = rows(stream.x.in(), first, count), .y = y}, layer.context);
    return y;
}

void published_mlp_block(const LayerContext& layer, const BlockWeights& weights, Residual& stream) {
    const Region region(layer.context, "mlp");
    stream.waiting = false; // the branch is no residual of x
    const std::int64_t all = stream.rows();
    in_pieces(all, rows_at_once(mlp_rows, all, layer), [&](auto first, auto count) {
        const Tensor inner = mlp_inner(layer, weights, stream, first, count);
        linear(layer, weights.down, inner, rows(stream.x.out(), first, count));
    });
    run(Add{.x = stream.x, .delta = stream.branch}, layer.context);
}

} // namespace sweetspot
