#include "engine/models/model.h"
#include "engine/config/as_published.h"
#include "engine/config/possible.h"
#include "kernels/ops/elementwise.h"
#include "kernels/ops/embedding.h"
#include "kernels/ops/transfer.h"
#include <numeric>
#include <optional>

namespace sweetspot {

Tensor upload(Context& context, std::span<const std::int32_t> values) {
    Tensor y(context.allocator, {std::int64_t(values.size())}, DType::i32);
    run(Upload{.x = {values.data(), y.shape(), DType::i32}, .y = y}, context);
    return y;
}

Model::Model(const ModelConfig& config, const RunConfig& run_config, Weights weights, int longest,
             Context& context)
    : config_(config), context_(context), weights_(std::move(weights)),
      access_(weight_access(run_config, weights_, context)),
      rotary_(rotary_tables(config, weights_, longest, context)),
      layer_{.model = config_,
             .context = context,
             .access = *access_,
             .attention = run_config.attention,
             .fusion = run_config.fusion,
             .shape = block_shape(run_config.as_published),
             .dtype = dtype_of(run_config.precision),
             .cache = cache_type_of(run_config),
             .rounds_activations = run_config.activation_format == ActivationFormat::q8_0,
             .tf32 = run_config.precision == Precision::tf32,
             .dropout = {float(run_config.dropout), std::uint64_t(run_config.seed)}} {
    if (config_.window < longest) layer_.window = config_.window; // else nothing is out of sight
    if (layer_.window && context.on_gpu())
        throw Error(Failure::unsupported, *beyond_window(config_, longest));
    bool in_blocks = false;
    each_tensor(weights_,
                [&](Part, int, const Tensor& one) { in_blocks |= one.dtype() == DType::u8; });
    if (layer_.rounds_activations && !in_blocks)
        throw Error(Failure::bad_input,
                    "activation_format " + to_text(run_config.activation_format) +
                        " is for weights in blocks; those of " + config_.name + " are all dense");
    layer_.cosine = rotary_.cosine;
    layer_.sine = rotary_.sine;
}

void Model::stage(const InputRows& input, Caches* caches) {
    staged_ = {.segments = input.segments, .caches = caches};
    const bool learned = config_.position == PositionStyle::learned;
    if (context_.plans()) {
        const auto rows = input.rows();
        if (config_.token_dropout)
            staged_.scale = scales_.send(context_, HostValues<float>::counted(rows));
        send(HostValues<std::int32_t>::counted(rows),
             HostValues<std::int32_t>::counted(learned ? rows : 0));
        return;
    }
    std::vector<std::int32_t> positions;
    if (learned) positions = positions_of(input.segments);
    if (config_.token_dropout) staged_.scale = scales_.send(context_, token_dropout_scale(input));
    send(input.ids, positions);
}

void Model::stage_next(In ids, Caches& caches) {
    staged_ = {.caches = &caches, .decoding = true};
    staged_.segments.lengths.assign(caches.lengths.size(), 1);
    staged_.segments.offsets.resize(caches.lengths.size() + 1);
    std::iota(staged_.segments.offsets.begin(), staged_.segments.offsets.end(), 0);
    const bool learned = config_.position == PositionStyle::learned;
    send({}, learned ? caches.lengths : std::vector<std::int32_t>{});
    staged_.ids = ids;
}

void Model::send(HostValues<std::int32_t> ids, HostValues<std::int32_t> positions) {
    Segments& segments = staged_.segments;
    std::vector<std::int32_t> last;
    if (Caches* caches = staged_.caches) {
        staged_.starts = staged_.lengths = caches->lengths;
        for (int s = 0; s < segments.count(); ++s) {
            staged_.lengths[s] += segments.lengths[s];
            if (!staged_.decoding) last.push_back(segments.offsets[s] + segments.lengths[s] - 1);
        }
        caches->lengths = staged_.lengths;
    }
    using List = HostValues<std::int32_t>;
    const auto for_gpu = [&](List list) { return context_.on_gpu() ? list : List{}; };
    const auto sent = integers_.send(context_, {ids, positions, last, for_gpu(segments.offsets),
                                                for_gpu(segments.lengths), for_gpu(staged_.starts),
                                                for_gpu(staged_.lengths)});
    staged_.ids = sent[0], staged_.positions = sent[1], staged_.last_rows = sent[2];
    segments.device_offsets = sent[3], segments.device_lengths = sent[4];
    staged_.device_starts = sent[5], staged_.device_lengths = sent[6];
}

std::string Model::staged_key(std::string_view phase) const {
    // Lengths differ without changing what is launched; rows and work follow from the offsets.
    const auto& offsets = staged_.segments.offsets;
    std::string key(phase);
    key.append(reinterpret_cast<const char*>(offsets.data()), offsets.size() * sizeof offsets[0]);
    return key;
}

Residual Model::embed_staged() {
    const std::int64_t rows = staged_.segments.rows();
    Residual residual{.x = layer_.activations(rows, config_.width, DType::f32),
                      .branch = layer_.activations(rows, config_.width, layer_.dtype)};
    const bool tied = !weights_.tokens.present();
    access_->use(tied ? weights_.head.weight : weights_.tokens);
    access_->use(weights_.positions);
    run(Embedding{.ids = staged_.ids,
                  .table = weights_.tokens,
                  .weight = tied ? weights_.head.packed() : Weight{},
                  .scale = staged_.scale,
                  .positions = staged_.positions,
                  .position_table = weights_.positions,
                  .y = residual.x},
        context_);
    return residual;
}

void Model::compute_block(int layer, Residual& residual) {
    const auto i = std::size_t(layer);
    std::optional<LayerCache> cache;
    if (Caches* caches = staged_.caches)
        cache.emplace(
            LayerCache{.keys_values = {caches->keys[i], caches->values[i], layer_.cache.format},
                       .starts = staged_.starts,
                       .lengths = staged_.lengths,
                       .device_starts = staged_.device_starts,
                       .device_lengths = staged_.device_lengths,
                       .decoding = staged_.decoding});
    block(layer_, access_->block(layer), residual, staged_.segments, cache ? &*cache : nullptr);
    access_->done(layer);
}

void Model::pass_block(int layer, Residual& residual) {
    compute_block(layer, residual);
    settle(layer_, residual);
}

Residual Model::encode_staged() {
    Residual residual = embed_staged();
    for (std::size_t i = 0; i < weights_.blocks.size(); ++i) {
        const Region region(context_, "layer " + std::to_string(i));
        compute_block(int(i), residual);
    }
    // The head takes rows in pieces, but their place decides what is dropped.
    if (layer_.dropout.probability > 0) settle(layer_, residual);
    return residual;
}

Residual Model::last_rows(const Residual& residual) {
    const std::int64_t count = staged_.segments.count();
    Residual y{.x = layer_.activations(count, config_.width, DType::f32),
               .branch = layer_.activations(count, config_.width, layer_.dtype),
               .waiting = residual.waiting};
    run(GatherRows{.x = residual.x, .indices = staged_.last_rows, .y = y.x}, context_);
    if (y.waiting)
        run(GatherRows{.x = residual.branch, .indices = staged_.last_rows, .y = y.branch},
            context_);
    return y;
}

void Model::each_logits(Residual& residual, const std::function<void(std::int64_t, In)>& see) {
    const Region region(context_, "head");
    in_pieces(residual.rows(), head_rows_at_once(layer_), [&](auto first, auto count) {
        const Tensor y = logits(layer_, weights_, residual, first, count);
        see(first, y);
    });
}

void Model::each_features(Residual& residual, const std::function<void(std::int64_t, In)>& see) {
    const Region region(context_, "features");
    in_pieces(residual.rows(), head_rows_at_once(layer_), [&](auto first, auto count) {
        const Tensor y = features(layer_, weights_, residual, first, count);
        see(first, y);
    });
}

Caches Model::make_caches(int sequences, int capacity) {
    Caches caches{.lengths = std::vector<std::int32_t>(std::size_t(sequences), 0)};
    const Shape shape =
        cache_shape(sequences, config_.kv_heads, capacity, config_.head_size, layer_.cache.format);
    for (int i = 0; i < config_.layers; ++i)
        for (auto* tensors : {&caches.keys, &caches.values})
            tensors->emplace_back(context_.allocator, shape, layer_.cache.type, Purpose::kv_cache);
    return caches;
}

} // namespace sweetspot
