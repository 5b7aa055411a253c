#include "engine/models/model.h"
#include "kernels/ops/elementwise.h"
#include "kernels/ops/embedding.h"
#include "kernels/ops/rotary.h"
#include <cstring>
#include <optional>

namespace sweetspot {

namespace {

template <class T>
Tensor uploaded(Context& context, std::span<const T> values, DType dtype) {
    Tensor y(context.allocator, {std::int64_t(values.size())}, dtype);
    if (!context.plans()) std::memcpy(y.out().data, values.data(), values.size_bytes());
    return y;
}

} // namespace

Tensor upload(Context& context, std::span<const std::int32_t> values) {
    return uploaded(context, values, DType::i32);
}
Tensor upload(Context& context, std::span<const float> values) {
    return uploaded(context, values, DType::f32);
}

Model::Model(const ModelConfig& config, const RunConfig& run_config, Weights weights, int longest,
             Context& context)
    : config_(config), context_(context),
      weights_(std::move(weights)), layer_{.model = config_,
                                           .context = context,
                                           .attention = run_config.attention,
                                           .fusion = run_config.fusion,
                                           .dtype = dtype_of(run_config.precision)} {
    if (config_.position != PositionStyle::rotary) return;
    const Shape shape{longest, config_.head_size / 2};
    cosine_ = Tensor(context.allocator, shape, DType::f32, Purpose::weights);
    sine_ = Tensor(context.allocator, shape, DType::f32, Purpose::weights);
    run(RotaryTable{.cosine = cosine_, .sine = sine_, .base = float(config_.rotary_base)}, context);
    layer_.cosine = cosine_;
    layer_.sine = sine_;
}

Residual Model::embedded(In ids, In scale, const std::vector<std::int32_t>& positions) {
    const bool learned = config_.position == PositionStyle::learned;
    const std::int64_t rows = ids.shape[0];
    Residual stream{.x = layer_.activations(rows, config_.width, DType::f32),
                    .branch = layer_.activations(rows, config_.width, layer_.dtype)};
    const Tensor places = learned ? upload(context_, positions) : Tensor();
    run(Embedding{.ids = ids,
                  .table = weights_.tokens,
                  .scale = scale,
                  .positions = places,
                  .position_table = weights_.positions,
                  .y = stream.x},
        context_);
    return stream;
}

void Model::run_blocks(Residual& stream, const Segments& segments, Caches* caches, bool decoding) {
    std::vector<std::int32_t> starts, lengths;
    if (caches) {
        starts = lengths = caches->lengths;
        for (int s = 0; s < segments.count(); ++s) lengths[s] += segments.lengths[s];
    }
    for (std::size_t i = 0; i < weights_.blocks.size(); ++i) {
        const Region region(context_, "layer " + std::to_string(i));
        std::optional<LayerCache> cache;
        if (caches)
            cache.emplace(
                LayerCache{{caches->keys[i], caches->values[i]}, starts, lengths, decoding});
        attention_block(layer_, weights_.blocks[i], stream, segments, cache ? &*cache : nullptr);
        mlp_block(layer_, weights_.blocks[i], stream);
    }
    if (caches) caches->lengths = lengths;
}

Residual Model::encode(const InputRows& input, Caches* caches) {
    const Tensor ids = upload(context_, input.ids);
    const Tensor scale =
        config_.token_dropout ? upload(context_, token_dropout_scale(input)) : Tensor();
    Residual stream = embedded(ids, scale, positions_of(input.segments));
    run_blocks(stream, input.segments, caches, false);
    return stream;
}

Residual Model::encode_next(In ids, Caches& caches) {
    Segments segments{.offsets = {0}};
    for (std::size_t s = 0; s < caches.lengths.size(); ++s) {
        segments.offsets.push_back(segments.offsets.back() + 1);
        segments.lengths.push_back(1);
    }
    Residual stream = embedded(ids, {}, caches.lengths);
    run_blocks(stream, segments, &caches, true);
    return stream;
}

Residual Model::last_rows(const Residual& stream, const Segments& segments) {
    std::vector<std::int32_t> last;
    for (int s = 0; s < segments.count(); ++s)
        last.push_back(segments.offsets[s] + segments.lengths[s] - 1);
    const Tensor indices = upload(context_, last);
    Residual y{.x = layer_.activations(segments.count(), config_.width, DType::f32),
               .branch = layer_.activations(segments.count(), config_.width, layer_.dtype),
               .waiting = stream.waiting};
    run(GatherRows{.x = stream.x, .indices = indices, .y = y.x}, context_);
    if (y.waiting) run(GatherRows{.x = stream.branch, .indices = indices, .y = y.branch}, context_);
    return y;
}

void Model::each_logits(Residual& stream, const std::function<void(std::int64_t, In)>& see) {
    const Region region(context_, "head");
    in_pieces(stream.rows(), rows_at_once(head_rows, context_), [&](auto first, auto count) {
        const Tensor y = logits(layer_, weights_, stream, first, count);
        see(first, y);
    });
}

Caches Model::make_caches(int sequences, int capacity) {
    Caches caches{.lengths = std::vector<std::int32_t>(std::size_t(sequences), 0)};
    const Shape shape{sequences, config_.kv_heads, capacity, config_.head_size};
    for (int i = 0; i < config_.layers; ++i) {
        caches.keys.emplace_back(context_.allocator, shape, layer_.dtype, Purpose::kv_cache);
        caches.values.emplace_back(context_.allocator, shape, layer_.dtype, Purpose::kv_cache);
    }
    return caches;
}

} // namespace sweetspot
