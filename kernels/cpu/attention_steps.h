#pragma once
#include "kernels/cpu/attention_product.h"
#include "kernels/cpu/transpose.h"
#include <cmath>

/// The steps of attention for a block of queries, the same for all kinds of products.
namespace sweetspot::SWEETSPOT_TARGET {

constexpr float log2_e = 1.44269504f;
constexpr float masked = -1e30f; // not infinite, so that differences are never NaN
/// 2^x of scores within this bound, and sums of them, need no maximum subtracted.
constexpr float largest_plain_score = 100;

SWEETSPOT_INLINE int used_lanes(int count) {
    return int(rounded_up(count, lanes));
}

template <class T, class To>
SWEETSPOT_INLINE Vector turn(const AttentionHead& h, const T* row, std::int64_t position,
                             float factor, To* to) {
    for (std::int64_t d = h.size / lanes * lanes; d < h.width; d += lanes) store(to + d, 0.0f);
    const std::int64_t at = position * (h.size / 2);
    return turn(row, h.size, h.cosine ? h.cosine + at : nullptr, h.sine + at, factor, to);
}

template <class Math>
void pack(const AttentionHead& h) {
    using T = typename Math::Element;
    const T* from = static_cast<const T*>(h.k);
    T* to = static_cast<T*>(h.packed_k);
    Vector largest = 0.0f;
    for (std::int64_t first = 0; first < h.real; first += lanes) {
        float squares[lanes * lanes];
        for (int i = 0; i < lanes; ++i) {
            const std::int64_t j = std::min(first + i, h.real - 1);
            prefetch(from + std::min(j + 2 * lanes, h.real - 1) * h.k_stride, h.size);
            store(squares + i * lanes, turn(h, from + j * h.k_stride, j, 1.0f, to + j * h.width));
        }
        largest = max(largest, sums_of_rows(squares));
    }
    std::memset(static_cast<void*>(to + h.real * h.width), 0,
                std::size_t((rounded_up(h.rows, 64) - h.real) * h.width) * sizeof(T));
    *h.largest_key = maximum(largest);
    Math::pack_values(h);
}

/// Fills h.queries with the turned queries, scaled to powers of two; words of them are turned
/// around, so that pairs of bf16 stay together. Whether all their scores are small (by Cauchy and
/// Schwarz), so that no maximum is needed.
template <class Math>
bool load_queries(const AttentionHead& h, std::int64_t first, int count) {
    using T = typename Math::Element;
    using Query = typename Math::Query;
    const T* from = static_cast<const T*>(h.q) + first * h.q_stride;
    const std::int64_t words = h.width * std::int64_t(sizeof(Query)) / 4;
    auto* rows = reinterpret_cast<Query*>(h.spare);
    Vector largest = 0.0f;
    for (int lane = 0; lane < queries; lane += lanes) {
        float squares[lanes * lanes] = {};
        std::memset(h.spare, 0, std::size_t(lanes * words) * 4);
        for (int i = 0; i < std::min(lanes, count - lane); ++i) {
            const std::int64_t next = std::min(first + lane + i + queries, h.rows - 1) - first;
            prefetch(from + next * h.q_stride, h.size);
            store(squares + i * lanes, turn(h, from + (lane + i) * h.q_stride, first + lane + i,
                                            h.scale * log2_e, rows + i * h.width));
        }
        largest = max(largest, sums_of_rows(squares));
        for (std::int64_t w = 0; w < words; w += lanes)
            transpose(h.spare + w, words, h.queries + w * queries + lane, queries);
    }
    return maximum(largest) * *h.largest_key < largest_plain_score * largest_plain_score;
}

/// Masks `used` lanes of scores, of keys before the window of the query.
SWEETSPOT_INLINE void mask_before_window(const AttentionHead& h, float* scores,
                                         std::int64_t first_key, std::int64_t n,
                                         std::int64_t first_query, int used) {
    if (!h.window || first_key + h.window > first_query + used - 1) return;
    float counting[lanes];
    for (int i = 0; i < lanes; ++i) counting[i] = float(i);
    for (std::int64_t j = 0; j < n; ++j) {
        const std::int64_t out_of_sight = first_key + j + h.window; // of this query and those after
        const float seen = out_of_sight < h.real ? float(out_of_sight - first_query) : queries;
        for (int lane = 0; lane < used; lane += lanes) {
            float* score = scores + j * queries + lane;
            store(score, select(load(counting) + float(lane) < seen, load(score), masked));
        }
    }
}

/// Masks `used` lanes of scores, of padded keys, and of keys after the query if causal. Rows lie
/// `stride` apart.
SWEETSPOT_INLINE void mask(const AttentionHead& h, float* scores, std::int64_t first_key,
                           std::int64_t n, std::int64_t first_query, int used,
                           std::int64_t stride = queries) {
    if (first_key + n <= h.real && (!h.causal || first_key + n - 1 <= first_query)) return;
    float counting[lanes];
    for (int i = 0; i < lanes; ++i) counting[i] = float(i);
    for (std::int64_t j = 0; j < n; ++j) {
        const std::int64_t key = first_key + j;
        const float hidden = key >= h.real ? queries : h.causal ? float(key - first_query) : 0.0f;
        for (int lane = 0; lane < used; lane += lanes) {
            float* score = scores + j * stride + lane;
            store(score, select(load(counting) + float(lane) < hidden, masked, load(score)));
        }
    }
}

/// Turns a block of scores into weights. Plain ones as they are, else below the running maximum,
/// which leaves in h.factor what to multiply earlier sums with.
template <class Math, bool plain>
void soften(const AttentionHead& h, std::int64_t n, int used) {
    for (int lane = 0; lane < used; lane += part_lanes) {
        FloatPart most{}, total = load_part(h.sum + lane);
        if (!plain) {
            const FloatPart before = load_part(h.most + lane);
            most = before;
            for (std::int64_t j = 0; j < n; ++j) {
                const FloatPart score = load_part(h.scores + j * queries + lane);
                most = score > most ? score : most;
            }
            const FloatPart factor = power_of_two<5>(before - most); // errors add up over blocks
            store_part(h.most + lane, most);
            store_part(h.factor + lane, factor);
            total *= factor;
        }
#pragma GCC unroll 4
        for (std::int64_t j = 0; j < n; j += 2) {
            const float* scores = h.scores + j * queries + lane;
            const FloatPart even = Math::power(load_part(scores) - most);
            const FloatPart odd = Math::power(load_part(scores + queries) - most);
            total += even + odd;
            Math::put_weights(h, j, lane, even, odd);
        }
        store_part(h.sum + lane, total);
    }
}

inline void rescale(const AttentionHead& h, int used) {
    for (int lane = 0; lane < used; lane += lanes) {
        const Vector factor = load(h.factor + lane);
        for (std::int64_t d = 0; d < h.size; ++d) {
            float* x = h.out + d * queries + lane;
            store(x, load(x) * factor);
        }
    }
}

/// y = out / sum.
template <class T>
void store_output(const AttentionHead& h, std::int64_t first, int count) {
    T* y = static_cast<T*>(h.y) + first * h.y_stride;
    for (int lane = 0; lane < count; lane += lanes) {
        const Vector inverse = Vector(1.0f) / load(h.sum + lane);
        for (std::int64_t d = 0; d < rounded_up(h.size, tile_rows); ++d) {
            float* x = h.out + d * queries + lane;
            store(x, load(x) * inverse);
        }
        for (std::int64_t d = 0; d < h.size; d += lanes)
            transpose(h.out + d * queries + lane, queries, h.spare + d, h.width);
        for (int i = 0; i < lanes && lane + i < count; ++i)
            for_lanes(h.size, [&](auto at) {
                at.store(y + (lane + i) * h.y_stride, at.load(h.spare + i * h.width));
            });
    }
}

/// There is a faster way for blocks of heads of at most some size where no maximum is needed.
template <class Math>
concept Streams = requires {
    Math::largest_streamed_size;
};

template <class Math, bool plain>
void attend(const AttentionHead& h, std::int64_t first, int count) {
    if constexpr (plain && Streams<Math>)
        if (h.size <= Math::largest_streamed_size && !h.window)
            return Math::stream(h, first, count);
    const int used = used_lanes(count);
    const std::int64_t keys = keys_of(h, first, count);
    const std::int64_t begin = first_key_of(h, first) / Math::keys * Math::keys;
    for (std::int64_t key = begin; key < keys; key += Math::keys) {
        const std::int64_t n =
            rounded_up(std::min<std::int64_t>(keys - key, Math::keys), Math::key_step);
        Math::scores(h, key, n, used);
        mask(h, h.scores, key, n, first, used);
        mask_before_window(h, h.scores, key, n, first, used);
        soften<Math, plain>(h, n, used);
        if (!plain && key > begin) rescale(h, used);
        if (key > begin)
            Math::template values<true>(h, key, n, used);
        else
            Math::template values<false>(h, key, n, used);
    }
}

template <class Math>
void flash(const AttentionHead& h, std::int64_t first, int count) {
    [[maybe_unused]] const typename Math::Session session{};
    const bool plain = load_queries<Math>(h, first, count);
    for (int lane = 0; lane < queries; lane += lanes) {
        store(h.most + lane, masked);
        store(h.sum + lane, 0.0f);
    }
    plain ? attend<Math, true>(h, first, count) : attend<Math, false>(h, first, count);
    if (h.log_sum_exp)
        for (int i = 0; i < count; ++i)
            h.log_sum_exp[first + i] = std::log(h.sum[i]) + (plain ? 0.0f : h.most[i] / log2_e);
    store_output<typename Math::Element>(h, first, count);
}

template <class Math>
void store_scores(const AttentionHead& h, std::int64_t first, int count, float* to) {
    [[maybe_unused]] const typename Math::Session session{};
    load_queries<Math>(h, first, count);
    const std::int64_t keys = keys_of(h, first, count);
    for (std::int64_t key = 0; key < keys; key += Math::keys) {
        const std::int64_t n = std::min<std::int64_t>(keys - key, Math::keys);
        const std::int64_t padded = rounded_up(n, Math::key_step);
        Math::scores(h, key, padded, used_lanes(count));
        mask(h, h.scores, key, padded, first, used_lanes(count));
        mask_before_window(h, h.scores, key, padded, first, used_lanes(count));
        for (std::int64_t j = 0; j < n; ++j)
            std::memcpy(to + (key + j) * count, h.scores + j * queries,
                        std::size_t(count) * sizeof(float));
    }
}

inline void normalise(float* scores, std::int64_t n, int count) {
    for_lanes(count, [&](auto at) {
        Vector most = masked, total = 0.0f;
        for (std::int64_t j = 0; j < n; ++j) most = max(most, at.load(scores + j * count));
        for (std::int64_t j = 0; j < n; ++j) {
            const Vector weight = exp2(at.load(scores + j * count) - most);
            total = total + weight;
            at.store(scores + j * count, weight);
        }
        const Vector inverse = Vector(1.0f) / total;
        for (std::int64_t j = 0; j < n; ++j)
            at.store(scores + j * count, at.load(scores + j * count) * inverse);
    });
}

template <class Math>
void combine(const AttentionHead& h, std::int64_t first, int count, const float* weights) {
    [[maybe_unused]] const typename Math::Session session{};
    const int used = used_lanes(count);
    const std::int64_t keys = keys_of(h, first, count);
    for (std::int64_t key = 0; key < keys; key += Math::keys) {
        const std::int64_t n = std::min<std::int64_t>(keys - key, Math::keys);
        const std::int64_t padded = rounded_up(n, Math::key_step);
        const auto weight = [&](std::int64_t j, int lane) {
            return j < n ? count - lane >= lanes
                               ? load(weights + (key + j) * count + lane)
                               : load_first(weights + (key + j) * count + lane, count - lane)
                         : Vector(0.0f);
        };
        for (std::int64_t j = 0; j < padded; j += 2)
            for (int lane = 0; lane < used; lane += lanes)
                Math::put_weights(h, j, lane, weight(j, lane), weight(j + 1, lane));
        if (key > 0)
            Math::template values<true>(h, key, padded, used);
        else
            Math::template values<false>(h, key, padded, used);
    }
    for (int lane = 0; lane < queries; lane += lanes) store(h.sum + lane, 1.0f);
    store_output<typename Math::Element>(h, first, count);
}

template <class Math>
inline constexpr AttentionKernel attention_steps{pack<Math>, flash<Math>, store_scores<Math>,
                                                 normalise, combine<Math>};

} // namespace sweetspot::SWEETSPOT_TARGET
