#include "engine/layers/layers.h"
#include <cmath>

namespace sweetspot {

namespace {

/// Neighbouring sequences that go through the block together.
struct Group {
    int first_sequence = 0;
    std::int64_t first_row = 0;
    Segments segments{}; ///< their own, from row 0
};

/// Groups of at least `enough` rows, but for the last.
std::vector<Group> groups_of(const Segments& all, std::int64_t enough) {
    std::vector<Group> groups;
    for (int s = 0; s < all.count(); ++s) {
        if (groups.empty() || groups.back().segments.rows() >= enough)
            groups.push_back({s, all.offsets[s], {.offsets = {0}}});
        Segments& segments = groups.back().segments;
        segments.offsets.push_back(segments.offsets.back() + all.rows_of(s));
        segments.lengths.push_back(all.lengths[s]);
    }
    return groups;
}

/// The cache's share of a group.
struct GroupCache {
    GroupCache(const LayerCache& all, const Group& group)
        : keys_values{rows(all.keys_values.k, group.first_sequence, group.segments.count()),
                      rows(all.keys_values.v, group.first_sequence, group.segments.count())},
          starts(all.starts.begin() + group.first_sequence,
                 all.starts.begin() + group.first_sequence + group.segments.count()),
          lengths(all.lengths.begin() + group.first_sequence,
                  all.lengths.begin() + group.first_sequence + group.segments.count()) {}

    KeyValueCache keys_values;
    std::vector<std::int32_t> starts, lengths;
};

struct QueryKeyValue {
    In q, k, v;
};

void attend(const LayerContext& layer, const QueryKeyValue& x, const Segments& segments, Out y) {
    const bool naive = layer.attention == AttentionVariant::naive;
    Tensor scores;
    if (naive)
        scores =
            Tensor(layer.context.allocator, {score_count(segments, layer.model.heads)}, DType::f32);
    run(Attention{.q = x.q,
                  .k = x.k,
                  .v = x.v,
                  .cosine = layer.cosine,
                  .sine = layer.sine,
                  .scores = scores,
                  .y = y,
                  .segments = &segments,
                  .heads = layer.model.heads,
                  .kv_heads = layer.model.kv_heads,
                  .causal = layer.model.causal,
                  .scale = float(1 / std::sqrt(double(layer.model.head_size))),
                  .kind = naive ? AttentionKind::naive : AttentionKind::flash},
        layer.context);
}

void append(const LayerContext& layer, const QueryKeyValue& x, const Segments& segments,
            const GroupCache& cache) {
    run(AppendKeyValue{.k = x.k,
                       .v = x.v,
                       .cosine = layer.cosine,
                       .sine = layer.sine,
                       .cache = cache.keys_values,
                       .segments = &segments,
                       .starts = &cache.starts},
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
                        .heads = layer.model.heads,
                        .scale = float(1 / std::sqrt(double(layer.model.head_size)))},
        layer.context);
}

} // namespace

void attention_block(const LayerContext& layer, const BlockWeights& weights, Residual& stream,
                     const Segments& all, const LayerCache* cache) {
    const Region region(layer.context, "attention");
    const std::int64_t queries = std::int64_t(layer.model.heads) * layer.model.head_size,
                       keys = std::int64_t(layer.model.kv_heads) * layer.model.head_size;
    // Naive attention stores the scores of the whole batch: that is what is compared with.
    const std::int64_t enough = layer.attention == AttentionVariant::naive
                                    ? all.rows()
                                    : rows_at_once(attention_rows, layer.context);
    for (const Group& group : groups_of(all, enough)) {
        const std::int64_t count = group.segments.rows();
        Tensor x = normalised(layer, weights.attention_norm, stream, group.first_row, count);
        Tensor product = layer.activations(count, queries + 2 * keys, layer.dtype);
        linear(layer, weights.query_key_value, x, product);
        const QueryKeyValue parts{columns(product.in(), 0, queries),
                                  columns(product.in(), queries, keys),
                                  columns(product.in(), queries + keys, keys)};
        x = Tensor(); // before the next is made, so that both are never live
        x = layer.activations(count, queries, layer.dtype);
        if (cache) {
            const GroupCache share(*cache, group);
            append(layer, parts, group.segments, share);
            if (cache->decoding) attend_cached(layer, parts, share, x);
        }
        if (!cache || !cache->decoding) attend(layer, parts, group.segments, x);
        product = Tensor();
        branch(layer, weights.attention_output, x, stream, group.first_row);
    }
    stream.waiting = layer.fusion == Fusion::epilogues;
}

} // namespace sweetspot
