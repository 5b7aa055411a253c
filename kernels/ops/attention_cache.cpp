#include "kernels/ops/attention_cache.h"
#include "kernels/cpu/attention_cache_scratch.h"
#include "kernels/ops/attention_checks.h"
#include <algorithm>

/// What attention to a cache demands and costs, and how a GPU cuts it into pieces: by shapes alone,
/// since a recorded graph outlives the lengths.
namespace sweetspot {

namespace {

void check_cache(const KeyValueCache& cache, std::int64_t sequences, DType dtype) {
    require_shape(cache.k.shape.rank == 4 && cache.k.shape == cache.v.shape,
                  "cached keys and values are alike, [sequences, kv_heads, capacity, head_size]");
    require_shape(cache.k.shape[0] == sequences, "the cache has a place for each sequence");
    require_shape(cache.k.dtype == dtype && cache.v.dtype == dtype,
                  "the cache has the type of q, k and v");
}

} // namespace

void AppendKeyValue::check() const {
    require_shape(starts && segments && starts->size() == segments->lengths.size(),
                  "there is a start for each sequence");
    require_shape(is_computed(k.dtype), "k is f32, bf16 or f16");
    require_shape(v.dtype == k.dtype, "v has k's type");
    check_cache(cache, segments->count(), k.dtype);
    const std::int64_t width = cache.k.shape[1] * cache.k.shape[3];
    require_shape(is_matrix(k, k.shape[0], width) && is_matrix(v, k.shape[0], width),
                  "k and v are [rows, kv_heads * head_size]");
    check_segments(segments, k.shape[0]);
    std::int64_t end = 0;
    for (int s = 0; s < segments->count(); ++s) {
        require_shape((*starts)[s] >= 0, "starts are not negative");
        end = std::max<std::int64_t>(end, (*starts)[s] + segments->lengths[s]);
    }
    require_shape(end <= cache.k.shape[2], "the new keys and values fit into the cache");
    check_rotary(cosine, sine, end, cache.k.shape[3]);
}

Cost AppendKeyValue::cost() const {
    double tokens = 0;
    for (const auto length : segments->lengths) tokens += length;
    const double elements = tokens * double(k.shape[1]);
    const double turns = cosine.present() ? 3 * elements : 0;
    return {turns, 4 * elements * double(size_of(k.dtype)) + table_bytes(cosine, tokens)};
}

void CachedAttention::check() const {
    require_shape(lengths && q.shape.rank == 2 && q.shape[0] == std::int64_t(lengths->size()),
                  "q has a row, and lengths a number, for each sequence");
    require_shape(is_computed(q.dtype), "q is f32, bf16 or f16");
    require_shape(y.dtype == q.dtype, "y has q's type");
    check_cache(cache, q.shape[0], q.dtype);
    require_shape(heads > 0 && cache.k.shape[1] > 0 && heads % cache.k.shape[1] == 0,
                  "heads is a multiple of kv_heads");
    require_shape(is_matrix(q, q.shape[0], heads * cache.k.shape[3]) &&
                      is_matrix(y, q.shape[0], heads * cache.k.shape[3]),
                  "q and y are [sequences, heads * head_size]");
    for (const auto length : *lengths)
        require_shape(length >= 1 && length <= cache.k.shape[2],
                      "each sequence has at least one cached token and no more than fit");
    check_rotary(cosine, sine, lengths->empty() ? 0 : *std::ranges::max_element(*lengths),
                 cache.k.shape[3]);
}

Cost CachedAttention::cost() const {
    double tokens = 0;
    for (const auto length : *lengths) tokens += length;
    const double cached = 2 * tokens * double(cache.k.shape[1] * cache.k.shape[3]);
    return {4 * tokens * double(q.shape[1]), double(q.bytes()) + double(In(y).bytes()) +
                                                 cached * double(size_of(q.dtype)) +
                                                 table_bytes(cosine, double(lengths->size()))};
}

std::size_t CachedAttention::workspace_bytes(int threads) const {
    return CachedScratch::of(*this, threads).bytes();
}

int CachedAttention::splits() const {
    const auto& shape = cache.k.shape; // [sequences, kv_heads, capacity, head_size]
    // Enough blocks to fill the largest GPU several times; more would only be more to combine.
    constexpr std::int64_t enough = 4096, most_keys = 2048;
    const std::int64_t pairs = std::max<std::int64_t>(1, shape[0] * shape[1]);
    const auto wanted = std::max(enough / pairs, shape[2] / most_keys);
    const auto possible = (shape[2] + keys_at_once - 1) / keys_at_once;
    return int(std::clamp<std::int64_t>(std::min(wanted, possible), 1, most_splits));
}

std::size_t CachedAttention::gpu_workspace_bytes() const {
    return std::size_t(q.shape[0] * heads * splits() * (cache.k.shape[3] + 2)) * sizeof(float);
}

} // namespace sweetspot
