#include "kernels/ops/attention.h"
#include "engine/layers/head_mlp.h"
#include "kernels/ops/elementwise.h"
#include "kernels/ops/fused.h"
#include "kernels/ops/transfer.h"
#include <cmath>
#include <optional>

namespace sweetspot {

namespace {

/// Calls visit(first sequence, segments of their own from row 0) for neighbouring sequences that go
/// through the block together: at least `enough` rows, but for the last.
template <class Visit>
void each_group(const Segments& all, std::int64_t enough, Visit&& visit) {
    if (enough >= all.rows()) return visit(0, all);
    for (int first = 0, s = 0; s < all.count(); first = s) {
        Segments group{.offsets = {0}};
        for (; s < all.count() && group.rows() < enough; ++s) {
            group.offsets.push_back(group.offsets.back() + all.rows_of(s));
            group.lengths.push_back(all.lengths[s]);
        }
        visit(first, group);
    }
}

/// The cache's share of a group, or all of it.
struct GroupCache {
    GroupCache(const LayerCache& all, int first, int count)
        : keys_values{rows(all.keys_values.k, first, count), rows(all.keys_values.v, first, count),
                      all.keys_values.format},
          starts(all.starts.begin() + first, all.starts.begin() + first + count),
          lengths(all.lengths.begin() + first, all.lengths.begin() + first + count),
          device_starts(all.device_starts), device_lengths(all.device_lengths),
          decoding(all.decoding) {}

    KeyValueCache keys_values;
    std::vector<std::int32_t> starts, lengths;
    In device_starts, device_lengths; ///< of all: a GPU has one group
    bool decoding;
};

struct QueryKeyValue {
    In q, k, v;
    bool turned = false; ///< by their positions
};

/// Without y.
Attention attention_of(const LayerContext& layer, const QueryKeyValue& x,
                       const Segments& segments) {
    return {.q = x.q,
            .k = x.k,
            .v = x.v,
            .cosine = x.turned ? In{} : layer.cosine,
            .sine = x.turned ? In{} : layer.sine,
            .segments = &segments,
            .heads = layer.model.heads,
            .kv_heads = layer.model.kv_heads,
            .causal = layer.model.causal,
            .window = layer.window,
            .scale = float(1 / std::sqrt(double(layer.model.head_size))),
            .kind = kind_of(layer.attention)};
}

void attend(const LayerContext& layer, const QueryKeyValue& x, const Segments& segments, Out y) {
    Attention op = attention_of(layer, x, segments);
    Tensor scores;
    if (op.kind == AttentionKind::naive)
        scores =
            Tensor(layer.context.allocator, {score_count(segments, layer.model.heads)}, DType::f32);
    op.scores = scores;
    op.y = y;
    run(op, layer.context);
}

void append(const LayerContext& layer, const QueryKeyValue& x, const Segments& segments,
            const GroupCache& cache) {
    run(AppendKeyValue{.k = x.k,
                       .v = x.v,
                       .cosine = layer.cosine,
                       .sine = layer.sine,
                       .cache = cache.keys_values,
                       .segments = &segments,
                       .starts = &cache.starts,
                       .device_starts = cache.device_starts},
        layer.context);
}

void attend_cached(const LayerContext& layer, const QueryKeyValue& x, const GroupCache& cache,
                   Out y) {
    run(CachedAttention{.q = x.q,
                        .cosine = layer.cosine,
                        .sine = layer.sine,
                        .cache = cache.keys_values,
                        .y = y,
                        .lengths = &cache.lengths,
                        .device_lengths = cache.device_lengths,
                        .heads = layer.model.heads,
                        .window = layer.window,
                        .scale = float(1 / std::sqrt(double(layer.model.head_size)))},
        layer.context);
}

/// A group of sequences on its way through the block.
struct Group {
    const Segments& segments;
    std::int64_t first; ///< of its rows in the stream
    const GroupCache* cache;
    Out branch; ///< its rows

    std::int64_t count() const { return segments.rows(); }
    bool decoding() const { return cache && cache->decoding; }
};

Tensor constant(const LayerContext& layer, float value) {
    const std::vector<float> values(std::size_t(layer.model.width), value);
    Tensor y(layer.context.allocator, {layer.model.width}, DType::f32);
    run(Upload{.x = {values.data(), y.shape(), DType::f32}, .y = y}, layer.context);
    return y;
}

/// Gain 1 and bias 0, made anew.
NormWeights plain_norm(const LayerContext& layer) {
    return {.gain = constant(layer, 1), .bias = constant(layer, 0)};
}

/// Queries, keys and values of the rows, normalised first, if the block does that.
Tensor products(const LayerContext& layer, const BlockWeights& weights, Residual& residual,
                const Group& group) {
    Tensor y = layer.activations(group.count(), weights.query_key_value.n, layer.dtype);
    const auto from_norm = [&](const NormWeights& norm) {
        normalised_linear(layer, Fusion::attention_norm, norm, weights.query_key_value, residual,
                          group.first, y);
    };
    switch (layer.shape.attention_input) {
    case BlockShape::Input::normalised: from_norm(weights.attention_norm); break;
    case BlockShape::Input::plain_norm: from_norm(plain_norm(layer)); break;
    case BlockShape::Input::unchanged: {
        const Tensor x = layer.activations(group.count(), layer.model.width, layer.dtype);
        run(Convert{.x = rows(residual.x.in(), group.first, group.count()), .y = x}, layer.context);
        linear(layer, weights.query_key_value, x, y);
    }
    }
    return y;
}

/// Queries and keys, normalised by head where the model does that.
void normalise_heads(const LayerContext& layer, const BlockWeights& weights, Out queries,
                     Out keys) {
    if (!layer.model.qk_norm) return;
    const auto normalise = [&](const NormWeights& norm, Out x) {
        layer.access.use(norm.gain);
        run(HeadNorm{.x = x, .weight = norm.gain, .epsilon = float(layer.model.norm_epsilon)},
            layer.context);
    };
    normalise(weights.query_norm, queries);
    normalise(weights.key_norm, keys);
}

/// Without a cache, where a run asks for one that rounds: what a token would find that is decoded.
void round_as_cached(const LayerContext& layer, Out q, Out k, Out v, const Segments& segments) {
    const bool dense = layer.cache.format == WeightFormat::dense;
    run(RoundKeyValue{.q = q,
                      .k = k,
                      .v = v,
                      .cosine = layer.cosine,
                      .sine = layer.sine,
                      .segments = &segments,
                      .heads = layer.model.heads,
                      .kv_heads = layer.model.kv_heads,
                      .type = dense ? layer.cache.type : DType::f32,
                      .format = layer.cache.format},
        layer.context);
}

/// Attention and the output projection in one kernel, added to the stream.
void attend_and_project(const LayerContext& layer, const BlockWeights& weights,
                        const QueryKeyValue& x, Residual& residual, const Group& group) {
    layer.access.use(weights.attention_output.weight);
    run(AttentionProjection{.attention = attention_of(layer, x, group.segments),
                            .weight = weights.attention_output.packed(),
                            .bias = weights.attention_output.bias,
                            .x = rows(residual.x.out(), group.first, group.count())},
        layer.context);
}

/// Attention, then the output projection, if the block has one, into the branch.
void attend_then_project(const LayerContext& layer, const BlockWeights& weights,
                         const QueryKeyValue& x, Residual& residual, const Group& group) {
    Tensor heads;
    if (layer.shape.attention_output)
        heads = layer.activations(group.count(), x.q.shape[1], layer.dtype);
    const Out y = heads.present() ? heads.out() : group.branch;
    if (group.decoding())
        attend_cached(layer, x, *group.cache, y);
    else
        attend(layer, x, group.segments, y);
    for (int depth = 0; heads.present() && weights.head_mlp.n && depth < layer.model.head_mlp_depth;
         ++depth) {
        Tensor next = layer.activations(group.count(), x.q.shape[1], layer.dtype);
        head_mlp(layer, weights.head_mlp, depth, heads, next);
        heads = std::move(next);
    }
    if (heads.present()) linear(layer, weights.attention_output, heads, group.branch);
    finish_branch(layer, residual, group.first, group.count());
}

} // namespace

CacheType cache_type_of(const RunConfig& run) {
    const DType computed = dtype_of(run.precision);
    const auto dense = [&](DType type) {
        return CacheType{.type = type, .rounds = type != computed};
    };
    const auto blocks = [](WeightFormat format) {
        return CacheType{.type = DType::u8, .format = format, .rounds = true};
    };
    switch (run.kv_cache_format) {
    case CacheFormat::precision: return dense(computed);
    case CacheFormat::f32: return dense(DType::f32);
    case CacheFormat::bf16: return dense(DType::bf16);
    case CacheFormat::q8_0: return blocks(WeightFormat::q8_0);
    case CacheFormat::q4_0: return blocks(WeightFormat::q4_0);
    }
    return dense(computed);
}

void attention_block(const LayerContext& layer, const BlockWeights& weights, Residual& residual,
                     const Segments& all, const LayerCache* cache) {
    const Region region(layer.context, "attention");
    // Naive attention stores the scores of the whole batch: that is what is compared with.
    const std::int64_t enough = layer.attention == AttentionVariant::naive
                                    ? all.rows()
                                    : rows_at_once(attention_rows, all.rows(), layer);
    // One kernel for attention and projection is not for decoding, whose attention is another.
    const bool in_one = layer.fusion == Fusion::attention_projection && !(cache && cache->decoding);
    const std::int64_t queries = std::int64_t(layer.model.heads) * layer.model.head_size,
                       keys = std::int64_t(layer.model.kv_heads) * layer.model.head_size;
    each_group(all, enough, [&](int sequence, const Segments& segments) {
        std::optional<GroupCache> share;
        if (cache) share.emplace(*cache, sequence, segments.count());
        const std::int64_t first = all.offsets[std::size_t(sequence)];
        const Group group{segments, first, share ? &*share : nullptr,
                          rows(residual.branch.out(), first, segments.rows())};
        const Tensor product = products(layer, weights, residual, group);
        const Out q = columns(product.out(), 0, queries), k = columns(product.out(), queries, keys),
                  v = columns(product.out(), queries + keys, keys);
        normalise_heads(layer, weights, q, k);
        const bool rounds = layer.cache.rounds && !share;
        if (rounds) round_as_cached(layer, q, k, v, segments);
        const QueryKeyValue x{q, k, v, rounds};
        if (share) append(layer, x, segments, *share);
        if (in_one)
            attend_and_project(layer, weights, x, residual, group);
        else
            attend_then_project(layer, weights, x, residual, group);
    });
    end_branch(layer, residual);
    if (in_one) residual.waiting = false; // it has been added
}

} // namespace sweetspot
