#include "engine/weights/weights.h"
#include "kernels/ops/elementwise.h"
#include "kernels/ops/matmul.h"

namespace sweetspot {

namespace {

class Loader {
public:
    Loader(const ModelConfig& model, Precision precision, WeightSource& source, Context& context)
        : model_(model), dtype_(dtype_of(precision)), source_(source), context_(context) {}

    Tensor table(Part part, std::int64_t rows) {
        Tensor y(context_.allocator, {rows, model_.width}, dtype_, Purpose::weights);
        run(Convert{.x = source_.find({.part = part, .rows = {rows}, .columns = model_.width})[0],
                    .y = y},
            context_);
        return y;
    }

    NormWeights norm(Part part, int layer = 0) {
        NormWeights y;
        y.gain = vector({.part = part, .layer = layer, .rows = {model_.width}});
        if (model_.norm == NormStyle::layer)
            y.bias = vector({.part = part, .layer = layer, .bias = true, .rows = {model_.width}});
        return y;
    }

    /// [sum of rows, columns]; `stored_as` is where a shared table lies in files.
    LinearWeights linear(Part part, int layer, std::vector<std::int64_t> rows, std::int64_t columns,
                         bool bias, std::optional<Part> stored_as = {}) {
        const Part stored = stored_as.value_or(part);
        Parameter parameter{.part = stored, .layer = layer, .rows = rows, .columns = columns};
        LinearWeights y{.n = parameter.total_rows()};
        y.weight = Tensor(context_.allocator, packed_shape(y.n, columns, dtype_), dtype_,
                          Purpose::weights);
        PackWeight pack{.sources = source_.find(parameter),
                        .packed = y.weight,
                        .transposed = source_.transposed(stored)};
        if (part == Part::query_key_value && source_.interleaved_rotary())
            pack.interleaved_head_sizes = {model_.head_size, model_.head_size, 0};
        run(pack, context_);
        if (bias) y.bias = vector({.part = part, .layer = layer, .bias = true, .rows = rows});
        return y;
    }

private:
    Tensor vector(const Parameter& parameter) {
        Tensor y(context_.allocator, {parameter.total_rows()}, DType::f32, Purpose::weights);
        std::int64_t at = 0;
        for (const In& x : source_.find(parameter)) {
            run(Convert{.x = x, .y = rows(y.out(), at, x.shape[0])}, context_);
            at += x.shape[0];
        }
        return y;
    }

    const ModelConfig& model_;
    DType dtype_;
    WeightSource& source_;
    Context& context_;
};

BlockWeights load_block(Loader& load, const ModelConfig& c, int layer) {
    const std::int64_t queries = std::int64_t(c.heads) * c.head_size,
                       keys = std::int64_t(c.kv_heads) * c.head_size, mlp = c.mlp_width;
    const std::vector<std::int64_t> up =
        c.mlp == MlpStyle::swiglu ? std::vector{mlp, mlp} : std::vector{mlp};
    BlockWeights y;
    y.attention_norm = load.norm(Part::attention_norm, layer);
    y.query_key_value =
        load.linear(Part::query_key_value, layer, {queries, keys, keys}, c.width, c.bias);
    y.attention_output = load.linear(Part::attention_output, layer, {c.width}, queries, c.bias);
    y.mlp_norm = load.norm(Part::mlp_norm, layer);
    y.up = load.linear(Part::up, layer, up, c.width, c.bias);
    y.down = load.linear(Part::down, layer, {c.width}, mlp, c.bias);
    return y;
}

} // namespace

Weights load_weights(const ModelConfig& c, Precision precision, WeightSource& source,
                     Context& context) {
    const Region region(context, "load weights");
    Loader load(c, precision, source, context);
    Weights y;
    // Largest first: what is held for a moment then adds to the least.
    y.tokens = load.table(Part::tokens, c.vocabulary);
    y.head = load.linear(Part::head, 0, {c.vocabulary}, c.width, c.head == HeadStyle::masked,
                         c.tied_head ? std::optional(Part::tokens) : std::nullopt);
    if (c.position == PositionStyle::learned)
        y.positions = load.table(Part::positions, c.positions);
    if (c.head == HeadStyle::masked) {
        y.head_dense = load.linear(Part::head_dense, 0, {c.width}, c.width, true);
        y.head_norm = load.norm(Part::head_norm);
    }
    y.final_norm = load.norm(Part::final_norm);
    for (int layer = 0; layer < c.layers; ++layer) y.blocks.push_back(load_block(load, c, layer));
    source.finish();
    return y;
}

} // namespace sweetspot
