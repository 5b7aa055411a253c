#include "kernels/cpu/attention_cache_scratch.h"
#include "kernels/cpu/attention_rows.h"
#include "kernels/cpu/block_reader.h"
#include "kernels/cpu/dispatch.h"
#include "kernels/cpu/functions.h"
#include "kernels/cpu/parallel.h"

namespace sweetspot::SWEETSPOT_TARGET {

namespace {

constexpr float log2_e = 1.44269504f;
constexpr float masked = -1e30f; // not infinite, so that differences are never NaN

const float* row_of(const In& table, std::int64_t position) {
    return table.present() ? table.as<float>() + position * table.shape[1] : nullptr;
}

/// The longest row of a head that is kept in another type than it is computed in.
constexpr std::int64_t most_rounded = 1024;

template <class T, class To>
void convert(const T* from, std::int64_t size, To* to) {
    for_lanes(size, [&](auto at) { at.store(to, at.load(from)); });
}

/// f(Stored{}) with the type of what is cached; with std::uint8_t for blocks.
template <class F>
void with_stored(WeightFormat format, DType type, const F& f) {
    if (format != WeightFormat::dense) return f(std::uint8_t{});
    type == DType::bf16 ? f(BFloat16{}) : f(float{});
}

/// Puts a key, turned by its position if there are tables, or a value, where it is cached.
template <class T, class Stored>
void keep(WeightFormat format, const T* row, std::int64_t size, const float* cosine,
          const float* sine, Stored* to) {
    if constexpr (std::is_same_v<Stored, std::uint8_t>) {
        alignas(64) float numbers[most_rounded];
        turn(row, size, cosine, sine, 1.0f, numbers);
        quantise(format, {numbers, std::size_t(size)}, to);
    } else {
        turn(row, size, cosine, sine, 1.0f, to);
    }
}

template <class T, class Stored>
void append(const AppendKeyValue& op, const CpuStream& stream) {
    const auto& cache = op.cache.k.shape;
    const std::int64_t heads = cache[1], capacity = cache[2], row_size = cache[3];
    const std::int64_t size = op.head_size();
    const WeightFormat format = op.cache.format;
    const std::size_t bytes = 2 * op.k.bytes();
    for_rows(op.segments->count() * heads, bytes, stream.threads, [&](std::int64_t row) {
        const std::int64_t s = row / heads, h = row % heads;
        const std::int64_t first = op.segments->offsets[s], start = (*op.starts)[s];
        for (std::int64_t i = 0; i < op.segments->lengths[s]; ++i) {
            const T* k = op.k.as<T>() + (first + i) * op.k.stride() + h * size;
            const T* v = op.v.as<T>() + (first + i) * op.v.stride() + h * size;
            const std::int64_t to = ((s * heads + h) * capacity + start + i) * row_size;
            keep(format, k, size, row_of(op.cosine, start + i), row_of(op.sine, start + i),
                 op.cache.k.as<Stored>() + to);
            keep(format, v, size, nullptr, nullptr, op.cache.v.as<Stored>() + to);
        }
    });
}

/// row = what is read again of it once it was kept.
template <class T, class Stored>
void round_row(WeightFormat format, std::int64_t size, const float* cosine, const float* sine,
               T* row) {
    alignas(64) Stored kept[most_rounded];
    keep(format, row, size, cosine, sine, kept);
    if constexpr (std::is_same_v<Stored, std::uint8_t>) {
        alignas(64) float numbers[most_rounded];
        dequantise(format, kept, {numbers, std::size_t(size)});
        convert(numbers, size, row);
    } else {
        convert(kept, size, row);
    }
}

template <class T, class Stored>
void round_rows(const RoundKeyValue& op, const CpuStream& stream) {
    const std::int64_t size = op.head_size();
    const std::size_t bytes = 2 * (op.q.bytes() + 2 * op.k.bytes());
    for (int s = 0; s < op.segments->count(); ++s)
        for_rows(op.segments->rows_of(s), bytes, stream.threads, [&](std::int64_t i) {
            const std::int64_t row = op.segments->offsets[s] + i;
            const float *cosine = row_of(op.cosine, i), *sine = row_of(op.sine, i);
            const auto at = [&](const Out& x, int head) {
                return x.as<T>() + row * x.stride() + head * size;
            };
            for (int head = 0; head < op.heads; ++head)
                turn(at(op.q, head), size, cosine, sine, 1.0f, at(op.q, head));
            for (int head = 0; head < op.kv_heads; ++head) {
                round_row<T, Stored>(op.format, size, cosine, sine, at(op.k, head));
                round_row<T, Stored>(op.format, size, nullptr, nullptr, at(op.v, head));
            }
        });
}

/// What a part of the keys leaves for one head, and the state while it grows: weights are relative
/// to 2^most.
struct Part {
    float *most, *sum, *out; ///< [1], [1], [size]
};

/// The heads that share the keys of one sequence, on one thread: T is what q and y are of, Stored
/// what is cached, std::uint8_t for blocks.
template <class T, class Stored>
class CachedHeads {
    static constexpr bool in_blocks = std::is_same_v<Stored, std::uint8_t>;
    using Read = std::conditional_t<in_blocks, float, Stored>;

public:
    static constexpr int block = CachedScratch::keys;

    CachedHeads(const CachedAttention& op, int threads)
        : op_(op), scratch_(CachedScratch::of(op, threads)), size_(op.head_size()),
          width_((size_ + lanes - 1) / lanes * lanes), group_(op.heads / op.cache.k.shape[1]) {}

    Part part(float* workspace, std::int64_t sequence, std::int64_t head, std::int64_t p) const {
        float* at =
            workspace + ((sequence * op_.heads + head) * scratch_.parts + p) * scratch_.part_floats;
        return {at, at + 1, at + lanes};
    }
    /// Part p of the keys of one sequence and kv head.
    void attend(float* workspace, int thread, std::int64_t sequence, std::int64_t kv_head,
                std::int64_t p) const {
        const std::int64_t n = (*op_.lengths)[sequence];
        const std::int64_t begin = op_.window ? std::max<std::int64_t>(0, n - op_.window) : 0;
        const std::int64_t blocks = (n - begin + block - 1) / block;
        float* queries = workspace + scratch_.floats - (thread + 1) * scratch_.thread_floats;
        float* scores = queries + group_ * width_;
        float* read = scores + group_ * block; // of blocks
        for (std::int64_t g = 0; g < group_; ++g) {
            const std::int64_t head = kv_head * group_ + g;
            float* query = queries + g * width_;
            store(query + width_ - lanes, 0.0f);
            turn(op_.q.as<T>() + sequence * op_.q.stride() + head * size_, size_,
                 row_of(op_.cosine, n - 1), row_of(op_.sine, n - 1), op_.scale * log2_e, query);
            const Part state = part(workspace, sequence, head, p);
            *state.most = masked;
            *state.sum = 0;
            for (std::int64_t d = 0; d < width_; d += lanes) store(state.out + d, 0.0f);
        }
        const std::int64_t from =
            (sequence * op_.cache.k.shape[1] + kv_head) * op_.cache.k.shape[2] * row_size_;
        const Stored *k = op_.cache.k.as<Stored>() + from, *v = op_.cache.v.as<Stored>() + from;
        for (std::int64_t b = blocks * p / scratch_.parts; b < blocks * (p + 1) / scratch_.parts;
             ++b) {
            const std::int64_t first = begin + b * block,
                               count = std::min<std::int64_t>(block, n - first);
            const Read* keys = rows(k + first * row_size_, count, read);
            for (std::int64_t g = 0; g < group_; ++g)
                score(queries + g * width_, keys, count, scores + g * block);
            const Read* values = rows(v + first * row_size_, count, read);
            for (std::int64_t g = 0; g < group_; ++g) {
                const Part state = part(workspace, sequence, kv_head * group_ + g, p);
                float* weights = scores + g * block;
                combine(values, count, weights, state.out, soften(weights, state));
            }
        }
    }
    /// y of one head from its parts.
    void join(float* workspace, std::int64_t sequence, std::int64_t head) const {
        float most = masked, sum = 0;
        for (std::int64_t p = 0; p < scratch_.parts; ++p)
            most = std::max(most, *part(workspace, sequence, head, p).most);
        const Part first = part(workspace, sequence, head, 0);
        for (std::int64_t p = 0; p < scratch_.parts; ++p) {
            const Part state = part(workspace, sequence, head, p);
            const Vector factor = exp2(Vector(*state.most - most));
            sum += *state.sum * factor[0];
            for (std::int64_t d = 0; d < width_; d += lanes) {
                const Vector before = p > 0 ? load(first.out + d) : Vector(0.0f);
                store(first.out + d, fma(load(state.out + d), factor, before));
            }
        }
        T* y = op_.y.as<T>() + sequence * op_.y.stride() + head * size_;
        for_lanes(size_, [&](auto at) { at.store(y, at.load(first.out) / sum); });
    }
    std::int64_t parts() const { return scratch_.parts; }

private:
    /// Rows of cached keys or values as they are computed with: where they lie, or `to`.
    const Read* rows(const Stored* from, std::int64_t count, [[maybe_unused]] float* to) const {
        if constexpr (!in_blocks) {
            return from;
        } else {
            const bool four = op_.cache.format == WeightFormat::q4_0;
            for (std::int64_t i = 0; i < count; ++i) {
                const std::uint8_t* row = from + i * row_size_;
                four ? read_row<WeightFormat::q4_0>(row, size_, to + i * size_)
                     : read_row<WeightFormat::q8_0>(row, size_, to + i * size_);
            }
            return to;
        }
    }
    /// Scores of a block of keys; masked ones from `count` on.
    void score(const float* query, const Read* k, std::int64_t count, float* to) const {
        for (std::int64_t first = 0; first < block; first += lanes) {
            float products[lanes * lanes];
            for (std::int64_t i = 0; i < lanes; ++i) {
                const Read* key = k + std::min(first + i, count - 1) * size_;
                Vector product = 0.0f;
                for_lanes(size_,
                          [&](auto at) { product = fma(at.load(query), at.load(key), product); });
                store(products + i * lanes, product);
            }
            store(to + first, first < count ? sums_of_rows(products) : Vector(masked));
        }
        for (std::int64_t j = count; j < block; ++j) to[j] = masked;
    }
    /// Turns scores into weights below the running maximum; what to multiply earlier sums with.
    float soften(float* scores, const Part& state) const {
        Vector largest = masked, total = 0.0f;
        for (int j = 0; j < block; j += lanes) largest = max(largest, load(scores + j));
        const float before = *state.most;
        *state.most = std::max(before, maximum(largest));
        const Vector factor = exp2(Vector(before - *state.most));
        for (int j = 0; j < block; j += lanes) {
            const Vector weight = exp2(load(scores + j) - *state.most);
            total = total + weight;
            store(scores + j, weight);
        }
        *state.sum = *state.sum * factor[0] + sum(total);
        return factor[0];
    }
    /// out = out · factor + values by their weights, up to 64 channels at a time.
    void combine(const Read* v, std::int64_t count, const float* weights, float* out,
                 float factor) const {
        std::int64_t d = 0;
        for (; d + 4 * lanes <= size_; d += 4 * lanes) {
            Vector sums[4];
#pragma GCC unroll 4
            for (int i = 0; i < 4; ++i) sums[i] = load(out + d + i * lanes) * factor;
            for (std::int64_t j = 0; j < count; ++j)
#pragma GCC unroll 4
                for (int i = 0; i < 4; ++i)
                    sums[i] = fma(weights[j], load(v + j * size_ + d + i * lanes), sums[i]);
#pragma GCC unroll 4
            for (int i = 0; i < 4; ++i) store(out + d + i * lanes, sums[i]);
        }
        for_lanes(size_ - d, [&](auto at) {
            Vector sums = at.load(out + d) * factor;
            for (std::int64_t j = 0; j < count; ++j)
                sums = fma(weights[j], at.load(v + j * size_ + d), sums);
            at.store(out + d, sums);
        });
    }

    const CachedAttention& op_;
    const CachedScratch scratch_;
    const std::int64_t size_, row_size_ = op_.cache.k.shape[3], width_, group_;
};

template <class T, class Stored>
void attend(const CachedAttention& op, const CpuStream& stream) {
    const CachedHeads<T, Stored> heads(op, stream.threads);
    auto* workspace = static_cast<float*>(stream.workspace);
    const std::int64_t sequences = op.q.shape[0], kv_heads = op.cache.k.shape[1];
    const std::int64_t parts = heads.parts();
    for_pieces(sequences * kv_heads * parts, stream.threads, [&](std::int64_t i, int thread) {
        const TinyIsZero tiny_is_zero;
        heads.attend(workspace, thread, i / parts / kv_heads, i / parts % kv_heads, i % parts);
    });
    for_rows(sequences * op.heads, std::size_t(parts) * op.y.bytes(), stream.threads,
             [&](std::int64_t row) {
                 const TinyIsZero tiny_is_zero;
                 heads.join(workspace, row / op.heads, row % op.heads);
             });
}

} // namespace

void launch(const AppendKeyValue& op, CpuStream& stream) {
    with_type(op.k.dtype, [&]<class T>(T) {
        with_stored(op.cache.format, op.cache.k.dtype,
                    [&]<class Stored>(Stored) { append<T, Stored>(op, stream); });
    });
}
void launch(const CachedAttention& op, CpuStream& stream) {
    with_type(op.q.dtype, [&]<class T>(T) {
        with_stored(op.cache.format, op.cache.k.dtype,
                    [&]<class Stored>(Stored) { attend<T, Stored>(op, stream); });
    });
}
void launch(const RoundKeyValue& op, CpuStream& stream) {
    with_type(op.q.dtype, [&]<class T>(T) {
        with_stored(op.format, op.type,
                    [&]<class Stored>(Stored) { round_rows<T, Stored>(op, stream); });
    });
}

} // namespace sweetspot::SWEETSPOT_TARGET
