#include "engine/weights/weights.h"
#include "engine/config/catalogue.h"
#include "engine/weights/residency.h"
#include "kernels/ops/matmul.h"
#include "kernels/ops/transfer.h"

namespace sweetspot {

namespace {

class Loader {
public:
    Loader(const ModelConfig& model, const RunConfig& run, WeightSource& source, Context& context)
        : model_(model), dtype_(dtype_of(run.precision)), source_(source), context_(context),
          places_(weight_places(run, context)), place_(&places_.others) {}

    /// What is loaded from now on belongs to blocks.
    void begin_blocks() { place_ = &places_.blocks; }

    Tensor table(Part part, std::int64_t rows) {
        Tensor y(*place_, {rows, model_.width}, dtype_, Purpose::weights);
        run(Upload{.x = source_.find({.part = part, .rows = {rows}, .columns = model_.width})[0],
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
        LinearWeights y{.n = parameter.total_rows(), .k = columns};
        y.weight = Tensor(*place_, packed_shape(y.n, columns, dtype_), dtype_, Purpose::weights);
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
        Tensor y(*place_, {parameter.total_rows()}, DType::f32, Purpose::weights);
        std::int64_t at = 0;
        for (const In& x : source_.find(parameter)) {
            run(Upload{.x = x, .y = rows(y.out(), at, x.shape[0])}, context_);
            at += x.shape[0];
        }
        return y;
    }

    const ModelConfig& model_;
    DType dtype_;
    WeightSource& source_;
    Context& context_;
    WeightPlaces places_;
    Allocator* place_; ///< not owned
};

bool has_attention_norm(AsPublished study) {
    return study != AsPublished::attention_norm && study != AsPublished::mlp_norm;
}
bool has_attention_output(AsPublished study) {
    return study != AsPublished::attention_projection;
}

BlockWeights load_block(Loader& load, const ModelConfig& c, AsPublished study, int layer) {
    const std::int64_t queries = std::int64_t(c.heads) * c.head_size,
                       keys = std::int64_t(c.kv_heads) * c.head_size, mlp = c.mlp_width;
    const std::vector<std::int64_t> up =
        c.mlp == MlpStyle::swiglu ? std::vector{mlp, mlp} : std::vector{mlp};
    BlockWeights y;
    if (has_attention_norm(study)) y.attention_norm = load.norm(Part::attention_norm, layer);
    y.query_key_value =
        load.linear(Part::query_key_value, layer, {queries, keys, keys}, c.width, c.bias);
    if (has_attention_output(study))
        y.attention_output = load.linear(Part::attention_output, layer, {c.width}, queries, c.bias);
    y.mlp_norm = load.norm(Part::mlp_norm, layer);
    y.up = load.linear(Part::up, layer, up, c.width, c.bias);
    y.down = load.linear(Part::down, layer, {c.width}, mlp, c.bias);
    return y;
}

} // namespace

Weights load_weights(const ModelConfig& c, const RunConfig& run, WeightSource& source,
                     Context& context) {
    const Region region(context, "load weights");
    Loader load(c, run, source, context);
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
    load.begin_blocks();
    for (int layer = 0; layer < c.layers; ++layer)
        y.blocks.push_back(load_block(load, c, run.as_published, layer));
    source.finish();
    return y;
}

std::int64_t parameters_used(const ModelConfig& c, const RunConfig& run) {
    const std::int64_t width = c.width, queries = std::int64_t(c.heads) * c.head_size;
    std::int64_t unused = 0; // of a block
    if (!has_attention_norm(run.as_published))
        unused += width * (c.norm == NormStyle::layer ? 2 : 1);
    if (!has_attention_output(run.as_published)) unused += queries * width + (c.bias ? width : 0);
    return parameter_count(c) - c.layers * unused;
}

} // namespace sweetspot
