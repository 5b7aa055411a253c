#include "kernels/ops/attention.h"
#include "kernels/cpu/attention_scratch.h"
#include <algorithm>

namespace sweetspot {

namespace {

void require_shape(bool holds, const char* expected,
                   std::source_location where = std::source_location::current()) {
    require(holds, Failure::bad_shape, expected, where);
}

bool is_matrix(const In& t, std::int64_t rows, std::int64_t width) {
    return t.shape == Shape{rows, width} && t.stride() >= width;
}

void check_segments(const Segments* segments, std::int64_t rows) {
    require_shape(segments, "attention needs segments");
    const auto& offsets = segments->offsets;
    const auto& lengths = segments->lengths;
    require_shape(!lengths.empty() && offsets.size() == lengths.size() + 1 && offsets.front() == 0,
                  "segments have one offset more than lengths, and at least one sequence");
    require_shape(segments->rows() == rows, "segments cover the rows of q, k and v");
    for (int s = 0; s < segments->count(); ++s)
        require_shape(lengths[s] >= 1 && lengths[s] <= segments->rows_of(s),
                      "each sequence has at least one token and no more than its rows");
}

void check_rotary(const In& cosine, const In& sine, std::int64_t positions,
                  std::int64_t head_size) {
    require_shape(cosine.present() == sine.present(), "cosine and sine are both present or absent");
    if (!cosine.present()) return;
    require_shape(head_size % 2 == 0, "rotary needs an even head size");
    require_shape(cosine.dtype == DType::f32 && sine.dtype == DType::f32,
                  "cosine and sine are f32");
    require_shape(cosine.shape.rank == 2 && cosine.shape == sine.shape &&
                      cosine.shape[1] == head_size / 2 && !cosine.row_stride && !sine.row_stride,
                  "cosine and sine are dense [positions, head_size/2]");
    require_shape(cosine.shape[0] >= positions, "cosine and sine cover every position");
}

void check_cache(const KeyValueCache& cache, std::int64_t sequences, DType dtype) {
    require_shape(cache.k.shape.rank == 4 && cache.k.shape == cache.v.shape,
                  "cached keys and values are alike, [sequences, kv_heads, capacity, head_size]");
    require_shape(cache.k.shape[0] == sequences, "the cache has a place for each sequence");
    require_shape(cache.k.dtype == dtype && cache.v.dtype == dtype,
                  "the cache has the type of q, k and v");
}

double table_bytes(const In& cosine, double positions) {
    return cosine.present() ? 2 * positions * double(cosine.shape[1]) * sizeof(float) : 0;
}

} // namespace

int Segments::longest() const {
    int most = 0;
    for (int s = 0; s < count(); ++s) most = std::max(most, rows_of(s));
    return most;
}

std::int64_t score_count(const Segments& segments, int heads) {
    std::int64_t pairs = 0;
    for (int s = 0; s < segments.count(); ++s)
        pairs += std::int64_t(segments.rows_of(s)) * segments.rows_of(s);
    return pairs * heads;
}

void Attention::check() const {
    require_shape(q.shape.rank == 2 && heads > 0 && q.shape[1] > 0 && q.shape[1] % heads == 0,
                  "q is [rows, heads * head_size]");
    require_shape(kv_heads > 0 && heads % kv_heads == 0, "heads is a multiple of kv_heads");
    require_shape(is_computed(q.dtype), "q is f32, bf16 or f16");
    require_shape(k.dtype == q.dtype && v.dtype == q.dtype && y.dtype == q.dtype,
                  "k, v and y have q's type");
    const std::int64_t rows = q.shape[0];
    require_shape(is_matrix(q, rows, q.shape[1]) && is_matrix(y, rows, q.shape[1]), "y is like q");
    require_shape(is_matrix(k, rows, kv_heads * head_size()) &&
                      is_matrix(v, rows, kv_heads * head_size()),
                  "k and v are [rows, kv_heads * head_size]");
    check_segments(segments, rows);
    check_rotary(cosine, sine, segments->longest(), head_size());
    require_shape(scale > 0, "the scale of scores is positive");
    if (kind != AttentionKind::naive)
        require_shape(!scores.present(), "only naive attention stores scores");
    else
        require_shape(scores.dtype == DType::f32 && scores.present() &&
                          scores.shape.count() == score_count(*segments, heads),
                      "naive attention has room for f32 scores of each sequence and head");
    if (!log_sum_exp.present()) return;
    require_shape(kind == AttentionKind::flash, "flash attention alone gives log_sum_exp");
    require_shape(log_sum_exp.dtype == DType::f32 && log_sum_exp.shape == Shape{heads, rows} &&
                      log_sum_exp.dense(),
                  "log_sum_exp is dense f32 [heads, rows]");
}

Cost Attention::cost() const {
    double pairs = 0;
    for (int s = 0; s < segments->count(); ++s) {
        const double n = segments->rows_of(s);
        pairs += causal ? n * (n + 1) / 2 : n * n;
    }
    const double written = y.present() ? double(In(y).bytes()) : 0; // absent in a fused kernel
    const double stored = (scores.present() ? 2.0 * double(scores.bytes()) : 0) +
                          (log_sum_exp.present() ? double(log_sum_exp.bytes()) : 0);
    return {4 * pairs * double(q.shape[1]), double(q.bytes() + k.bytes() + v.bytes()) + written +
                                                stored + table_bytes(cosine, segments->longest())};
}

std::size_t Attention::workspace_bytes(int threads) const {
    return std::size_t(threads) *
           AttentionScratch::of(segments->longest(), head_size(), q.dtype).bytes();
}

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

std::size_t Attention::gpu_turned_bytes() const {
    return cosine.present() ? rounded(q.bytes() + k.bytes()) : 0;
}

std::size_t Attention::gpu_workspace_bytes() const {
    // The vendor's library also wants to know where the sequences are in each of four tensors.
    const std::size_t offsets = 4 * (std::size_t(segments->count()) + 1) * sizeof(std::int64_t);
    return gpu_turned_bytes() +
           (kind == AttentionKind::vendor ? library_workspace_bytes + offsets : 0);
}

} // namespace sweetspot
