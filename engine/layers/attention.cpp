#include "engine/layers/as_published.h"
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
        : keys_values{rows(all.keys_values.k, first, count), rows(all.keys_values.v, first, count)},
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
};

void attend(const LayerContext& layer, const QueryKeyValue& x, const Segments& segments, Out y) {
    static_assert(names_of(AttentionKind{}) == names_of(AttentionVariant{}));
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
                  .kind = AttentionKind(layer.attention)},
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
                        .scale = float(1 / std::sqrt(double(layer.model.head_size)))},
        layer.context);
}

/// Attention(x · weightᵀ) of the sequences of a group, before the output projection; in `branch`,
/// if a study left that out.
Tensor attended(const LayerContext& layer, const BlockWeights& weights, Tensor x,
                const Segments& segments, const GroupCache* cache, Out branch) {
    const std::int64_t count = segments.rows(),
                       queries = std::int64_t(layer.model.heads) * layer.model.head_size,
                       keys = std::int64_t(layer.model.kv_heads) * layer.model.head_size;
    Tensor product = layer.activations(count, queries + 2 * keys, layer.dtype);
    linear(layer, weights.query_key_value, x, product);
    const QueryKeyValue parts{columns(product.in(), 0, queries),
                              columns(product.in(), queries, keys),
                              columns(product.in(), queries + keys, keys)};
    x = Tensor(); // before the next is made, so that both are never live
    if (layer.as_published != AsPublished::attention_projection)
        x = layer.activations(count, queries, layer.dtype);
    const Out y = x.present() ? x.out() : branch;
    if (cache) append(layer, parts, segments, *cache);
    if (cache && cache->decoding)
        attend_cached(layer, parts, *cache, y);
    else
        attend(layer, parts, segments, y);
    return x;
}

} // namespace

void attention_block(const LayerContext& layer, const BlockWeights& weights, Residual& stream,
                     const Segments& all, const LayerCache* cache) {
    const Region region(layer.context, "attention");
    // Naive attention stores the scores of the whole batch: that is what is compared with.
    const std::int64_t enough = layer.attention == AttentionVariant::naive
                                    ? all.rows()
                                    : rows_at_once(attention_rows, all.rows(), layer);
    const NormWeights published = published_norm(layer);
    const NormWeights& norm = published.gain.present() ? published : weights.attention_norm;
    each_group(all, enough, [&](int sequence, const Segments& group) {
        const std::int64_t first = all.offsets[std::size_t(sequence)], count = group.rows();
        std::optional<GroupCache> share;
        if (cache) share.emplace(*cache, sequence, group.count());
        const Out branch = rows(stream.branch.out(), first, count);
        Tensor x = layer.as_published == AsPublished::mlp_norm
                       ? converted(layer, stream, first, count)
                       : normalised(layer, norm, stream, first, count);
        x = attended(layer, weights, std::move(x), group, share ? &*share : nullptr, branch);
        if (x.present()) linear(layer, weights.attention_output, x, branch);
        finish_branch(layer, stream, first, count);
    });
    end_branch(layer, stream);
}

} // namespace sweetspot
