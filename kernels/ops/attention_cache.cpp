#include "kernels/ops/attention_cache.h"
#include "kernels/cpu/attention_cache_scratch.h"
#include "kernels/ops/attention_checks.h"
#include <algorithm>

/// What attention to a cache demands and costs, and how a GPU cuts it into pieces: by shapes alone,
/// since a recorded graph outlives the lengths.
namespace sweetspot {

namespace {

bool are_blocks(const KeyValueCache& cache) {
    return cache.format != WeightFormat::dense;
}

void check_cache(const KeyValueCache& cache, std::int64_t sequences, std::int64_t head_size) {
    require_shape(cache.k.shape.rank == 4 && cache.k.shape == cache.v.shape,
                  "cached keys and values are alike, [sequences, kv_heads, capacity, head_size]");
    require_shape(cache.k.shape[0] == sequences, "the cache has a place for each sequence");
    require_shape(cache.k.dtype == cache.v.dtype &&
                      (are_blocks(cache) ? cache.k.dtype == DType::u8 : is_computed(cache.k.dtype)),
                  "cached keys and values are f32, bf16 or f16, both, or blocks");
    require_shape(!are_blocks(cache) || cache.format == WeightFormat::q8_0 ||
                      cache.format == WeightFormat::q4_0,
                  "blocks of a cache are q8_0 or q4_0");
    require_shape(!are_blocks(cache) || head_size % block_format(cache.format).numbers == 0,
                  "a head is whole blocks of the cache");
    require_shape(cache.k.shape == cache_shape(int(sequences), int(cache.k.shape[1]),
                                               int(cache.k.shape[2]), int(head_size), cache.format),
                  "a cached row is a head");
}

/// Bytes of a key and a value of one head.
double bytes_of_pair(const KeyValueCache& cache) {
    return 2 * double(cache.k.shape[3]) * double(size_of(cache.k.dtype));
}

} // namespace

Shape cache_shape(int sequences, int kv_heads, int capacity, int head_size, WeightFormat format) {
    const bool dense = format == WeightFormat::dense;
    return {sequences, kv_heads, capacity,
            dense ? head_size : std::int64_t(block_bytes(format, head_size))};
}

void AppendKeyValue::check() const {
    require_shape(starts && segments && starts->size() == segments->lengths.size(),
                  "there is a start for each sequence");
    require_shape(is_computed(k.dtype), "k is f32, bf16 or f16");
    require_shape(v.dtype == k.dtype, "v has k's type");
    require_shape(cache.k.shape[1] > 0 && k.shape[1] % cache.k.shape[1] == 0,
                  "k and v are [rows, kv_heads * head_size]");
    check_cache(cache, segments->count(), head_size());
    const std::int64_t width = k.shape[1];
    require_shape(is_matrix(k, k.shape[0], width) && is_matrix(v, k.shape[0], width),
                  "k and v are [rows, kv_heads * head_size]");
    check_segments(segments, k.shape[0]);
    std::int64_t end = 0;
    for (int s = 0; s < segments->count(); ++s) {
        require_shape((*starts)[s] >= 0, "starts are not negative");
        end = std::max<std::int64_t>(end, (*starts)[s] + segments->lengths[s]);
    }
    require_shape(end <= cache.k.shape[2], "the new keys and values fit into the cache");
    check_rotary(cosine, sine, end, head_size());
}

Cost AppendKeyValue::cost() const {
    double tokens = 0;
    for (const auto length : segments->lengths) tokens += length;
    const double elements = tokens * double(k.shape[1]);
    const double turns = cosine.present() ? 3 * elements : 0;
    return {turns, 2 * elements * double(size_of(k.dtype)) +
                       tokens * double(cache.k.shape[1]) * bytes_of_pair(cache) +
                       table_bytes(cosine, tokens)};
}

void CachedAttention::check() const {
    require_shape(lengths && q.shape.rank == 2 && q.shape[0] == std::int64_t(lengths->size()),
                  "q has a row, and lengths a number, for each sequence");
    require_shape(is_computed(q.dtype), "q is f32, bf16 or f16");
    require_shape(y.dtype == q.dtype, "y has q's type");
    require_shape(heads > 0 && cache.k.shape[1] > 0 && heads % cache.k.shape[1] == 0,
                  "heads is a multiple of kv_heads");
    require_shape(q.shape[1] % heads == 0 && is_matrix(q, q.shape[0], q.shape[1]) &&
                      is_matrix(y, q.shape[0], q.shape[1]),
                  "q and y are [sequences, heads * head_size]");
    check_cache(cache, q.shape[0], head_size());
    for (const auto length : *lengths)
        require_shape(length >= 1 && length <= cache.k.shape[2],
                      "each sequence has at least one cached token and no more than fit");
    require_shape(window >= 0, "a window is not negative");
    check_rotary(cosine, sine, lengths->empty() ? 0 : *std::ranges::max_element(*lengths),
                 head_size());
}

Cost CachedAttention::cost() const {
    double tokens = 0;
    for (const auto length : *lengths) tokens += window ? std::min(window, length) : length;
    const double cached = tokens * double(cache.k.shape[1]) * bytes_of_pair(cache);
    return {4 * tokens * double(q.shape[1]), double(q.bytes()) + double(In(y).bytes()) + cached +
                                                 table_bytes(cosine, double(lengths->size()))};
}

std::size_t CachedAttention::workspace_bytes(int threads) const {
    return CachedScratch::of(*this, threads).bytes();
}

void RoundKeyValue::check() const {
    require_shape(segments && q.shape.rank == 2 && heads > 0 && q.shape[1] % heads == 0,
                  "q is [rows, heads * head_size]");
    require_shape(is_computed(q.dtype) && k.dtype == q.dtype && v.dtype == q.dtype,
                  "q, k and v are f32, bf16 or f16");
    require_shape(kv_heads > 0 && is_matrix(k, q.shape[0], kv_heads * head_size()) &&
                      is_matrix(v, q.shape[0], kv_heads * head_size()),
                  "k and v are [rows, kv_heads * head_size]");
    check_segments(segments, q.shape[0]);
    check_rotary(cosine, sine, segments->longest(), head_size());
    require_shape(type == DType::f32 || type == DType::bf16, "a cache is f32 or bf16, or blocks");
    require_shape(format == WeightFormat::dense || head_size() % block_format(format).numbers == 0,
                  "a head is whole blocks of the cache");
}

Cost RoundKeyValue::cost() const {
    const double elements = double(q.shape.count() + k.shape.count());
    return {cosine.present() ? 3 * elements : 0, 2 * double(q.bytes() + k.bytes() + v.bytes()) +
                                                     table_bytes(cosine, segments->longest())};
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
    return std::size_t(q.shape[0] * heads * splits() * (head_size() + 2)) * sizeof(float);
}

} // namespace sweetspot
