#include "kernels/ops/attention_backward.h"
#include "kernels/cpu/attention_rows.h"
#include "kernels/cpu/attention_scratch.h"
#include "kernels/cpu/functions.h"
#include "kernels/cpu/parallel.h"

namespace sweetspot::SWEETSPOT_TARGET {

namespace {

template <class A, class B>
float dot(const A* a, const B* b, std::int64_t size) {
    Vector products = 0.0f;
    for_lanes(size, [&](auto at) { products = fma(at.load(a), at.load(b), products); });
    return sum(products);
}

/// x, turned by a position, is turned back.
void turn_back(float* x, std::int64_t size, const float* cosine, const float* sine) {
    float* upper = x + size / 2;
    for_lanes(size / 2, [&](auto at) {
        const Vector a = at.load(x), b = at.load(upper);
        const Vector c = at.load(cosine), s = at.load(sine);
        at.store(x, a * c + b * s);
        at.store(upper, b * c - a * s);
    });
}

template <class To>
void fill(To* to, const float* from, std::int64_t size) {
    for_lanes(size, [&](auto at) { at.store(to, from ? at.load(from) : Vector(0.0f)); });
}

/// Queries that meet a block of keys at once: their products fill eight registers, so that none
/// waits for the one before.
constexpr int queries = 8 / parts;
static_assert(lanes == AttentionBackward::block && queries <= lanes);

/// Of 16 keys those that a query sees: lanes [from, to).
struct Seen {
    std::int64_t from, to;

    bool all() const { return from <= 0 && to >= lanes; }
    Vector keep(Vector v) const {
        if (all()) return v;
        Vector lane;
        for (int i = 0; i < lanes; ++i) lane.part[i / part_lanes][i % part_lanes] = float(i);
        const Vector low = select(lane < Vector(float(to)), v, 0.0f);
        return select(lane < Vector(float(from)), 0.0f, low);
    }
};

/// products[r] = rows[r] · each of 16 keys or values, whose channels lie in `block` [size][16].
SWEETSPOT_INLINE void meet(const float* rows, const float* block, std::int64_t size,
                           Vector (&products)[queries]) {
    Vector sums[queries];
#pragma GCC unroll 8
    for (int r = 0; r < queries; ++r) sums[r] = 0.0f;
    for (std::int64_t c = 0; c < size; ++c) {
        const Vector channel = load(block + c * lanes);
#pragma GCC unroll 8
        for (int r = 0; r < queries; ++r)
            sums[r] = fma(Vector(rows[r * size + c]), channel, sums[r]);
    }
#pragma GCC unroll 8
    for (int r = 0; r < queries; ++r) products[r] = sums[r];
}

/// block [size][16] += rows[r], each times the factor of each of 16 keys.
SWEETSPOT_INLINE void spread(const Vector (&factors)[queries], const float* rows, std::int64_t size,
                             float* block) {
    Vector by[queries];
#pragma GCC unroll 8
    for (int r = 0; r < queries; ++r) by[r] = factors[r];
    for (std::int64_t c = 0; c < size; ++c) {
        Vector sums = load(block + c * lanes);
#pragma GCC unroll 8
        for (int r = 0; r < queries; ++r) sums = fma(by[r], Vector(rows[r * size + c]), sums);
        store(block + c * lanes, sums);
    }
}

/// rows[r] += each of 16 keys times its factor in factors [queries][16]; rows and keys are of
/// `width` channels, whole vectors.
SWEETSPOT_INLINE void collect(const float* factors, const float* keys, std::int64_t width,
                              float* rows) {
    for (std::int64_t c = 0; c < width; c += lanes) {
        Vector sums[queries];
#pragma GCC unroll 8
        for (int r = 0; r < queries; ++r) sums[r] = load(rows + r * width + c);
        for (int j = 0; j < lanes; ++j) {
            const Vector key = load(keys + j * width + c);
#pragma GCC unroll 8
            for (int r = 0; r < queries; ++r)
                sums[r] = fma(Vector(factors[r * lanes + j]), key, sums[r]);
        }
#pragma GCC unroll 8
        for (int r = 0; r < queries; ++r) store(rows + r * width + c, sums[r]);
    }
}

/// The gradients of one key head of one sequence and of the query heads that share it, some queries
/// by 16 keys at a time. Keys and values lie in blocks of 16, a channel of all of them after the
/// other, and so do their gradients: no sums across lanes, no ends of rows.
template <class T>
class BackwardHead {
public:
    BackwardHead(const AttentionBackward& op, int sequence, int kv_head, float* scratch)
        : op_(op), kv_head_(kv_head), size_(op.head_size()),
          width_((size_ + lanes - 1) / lanes * lanes), row_(op.segments->offsets[sequence]),
          rows_(op.segments->rows_of(sequence)), count_(op.segments->lengths[sequence]),
          padded_((rows_ + lanes - 1) / lanes * lanes),
          scores_(op.weights.present() ? score_count(*op.segments, op.heads, sequence) : 0),
          k_(scratch), v_(k_ + padded_ * width_), dk_(v_ + padded_ * width_),
          dv_(dk_ + padded_ * width_), keys_(dv_ + padded_ * width_), q_(keys_ + padded_ * width_),
          dy_(q_ + queries * width_), dq_(dy_ + queries * width_) {}

    void run() {
        fill(k_, nullptr, 5 * padded_ * width_);
        for (std::int64_t j = 0; j < count_; ++j) widen(at(op_.v, kv_head_, j), keys_ + j * width_);
        turn_rows(v_);
        for (std::int64_t j = 0; j < count_; ++j)
            turn(at(op_.k, kv_head_, j), size_, cosine(j), sine(j), 1, keys_ + j * width_);
        turn_rows(k_);
        const int group = op_.heads / op_.kv_heads;
        for (int head = kv_head_ * group; head < (kv_head_ + 1) * group; ++head)
            for (std::int64_t i = 0; i < rows_; i += queries) {
                visit(head, i);
                write(op_.dq, head, i, std::min<std::int64_t>(queries, rows_ - i), dq_, true);
            }
        for (std::int64_t j = 0; j < rows_; j += lanes) {
            const std::int64_t count = std::min<std::int64_t>(lanes, rows_ - j);
            write(op_.dk, kv_head_, j, count, rows_of(dk_, j), true);
            write(op_.dv, kv_head_, j, count, rows_of(dv_, j), false);
        }
    }

private:
    const T* at(const In& t, int head, std::int64_t row) const {
        return t.as<T>() + (row_ + row) * t.stride() + head * size_;
    }
    T* at(const Out& t, int head, std::int64_t row) const {
        return t.as<T>() + (row_ + row) * t.stride() + head * size_;
    }

    const float* cosine(std::int64_t position) const { return of_position(op_.cosine, position); }
    const float* sine(std::int64_t position) const { return of_position(op_.sine, position); }
    const float* of_position(const In& table, std::int64_t position) const {
        return table.present() ? table.as<float>() + position * (size_ / 2) : nullptr;
    }

    void widen(const T* from, float* to) const {
        for_lanes(size_, [&](auto at) { at.store(to, at.load(from)); });
    }
    /// keys_, rows of `width_`, as blocks of 16 of them.
    void turn_rows(float* blocks) const {
        for (std::int64_t j = 0; j < padded_; j += lanes)
            for (std::int64_t c = 0; c < width_; c += lanes)
                transpose(keys_ + j * width_ + c, width_, blocks + j * width_ + c * lanes, lanes);
    }
    /// The 16 rows of a block from row j on, where that of k was, which nobody needs any more.
    float* rows_of(const float* blocks, std::int64_t j) const {
        for (std::int64_t c = 0; c < width_; c += lanes)
            transpose(blocks + j * width_ + c * lanes, lanes, k_ + c, width_);
        return k_;
    }
    /// Rows of `width_` as the gradients of `count` rows from `first` on.
    void write(const Out& to, int head, std::int64_t first, std::int64_t count, float* rows,
               bool turned) const {
        for (std::int64_t r = 0; r < count; ++r) {
            float* row = rows + r * width_;
            if (turned && op_.cosine.present())
                turn_back(row, size_, cosine(first + r), sine(first + r));
            fill(at(to, head, first + r), row, size_);
        }
    }

    /// What the queries from i on see: y = sum over keys of weight · v, with weight =
    /// exp(scale · q k - lse). dq_ = their own gradients; those past the last see nothing.
    void visit(int head, std::int64_t i) {
        fill(dq_, nullptr, queries * width_);
        for (int r = 0; r < queries; ++r)
            if (i + r < count_) {
                turn(at(op_.q, head, i + r), size_, cosine(i + r), sine(i + r), 1, q_ + r * size_);
                widen(at(op_.dy, head, i + r), dy_ + r * size_);
            } else {
                fill(q_ + r * size_, nullptr, size_);
                fill(dy_ + r * size_, nullptr, size_);
            }
        if (op_.kind == AttentionKind::naive)
            meet_kept(head, i);
        else
            meet_again(head, i);
    }

    /// Calls f(first) for blocks of 16 keys of which one of the queries from i on sees some.
    template <class F>
    void each_block(std::int64_t i, F&& f) const {
        if (i >= count_) return;
        const std::int64_t end = end_seen(std::min(i + queries, count_) - 1);
        for (std::int64_t at = first_seen(i) / lanes * lanes; at < end; at += lanes) f(at);
    }
    std::int64_t first_seen(std::int64_t i) const {
        return op_.window ? std::max<std::int64_t>(0, i + 1 - op_.window) : 0;
    }
    std::int64_t end_seen(std::int64_t i) const { return op_.causal ? i + 1 : count_; }
    /// Of the 16 keys from `first` on.
    Seen seen(std::int64_t i, std::int64_t first) const {
        return i < count_ ? Seen{first_seen(i) - first, end_seen(i) - first} : Seen{0, 0};
    }

    /// The weights are computed again, 16 of each query at a time.
    void meet_again(int head, std::int64_t i) {
        float log_sum_exp[queries] = {}, mean[queries] = {}; // mean: of the weights' gradients
        for (int r = 0; r < queries && i + r < count_; ++r) {
            log_sum_exp[r] = op_.log_sum_exp.as<float>()[head * op_.q.shape[0] + row_ + i + r];
            mean[r] = dot(at(op_.y, head, i + r), dy_ + r * size_, size_);
        }
        each_block(i, [&](std::int64_t first) {
            Vector weights[queries], gradients[queries];
            meet(q_, k_ + first * width_, size_, weights);
            meet(dy_, v_ + first * width_, size_, gradients);
#pragma GCC unroll 8
            for (int r = 0; r < queries; ++r) {
                const Vector exponent = weights[r] * Vector(op_.scale) - Vector(log_sum_exp[r]);
                weights[r] = seen(i + r, first).keep(exp(exponent));
                gradients[r] = weights[r] * (gradients[r] - Vector(mean[r]));
            }
            add(first, weights, gradients);
        });
    }

    /// They were kept: their gradients first, which their own sum is taken from, and which are
    /// stored query by query.
    void meet_kept(int head, std::int64_t i) {
        const std::int64_t before = scores_ + head * rows_ * rows_;
        const float* kept = op_.weights.as<float>() + before;
        float* stored = op_.d_weights.as<float>() + before + i * rows_;
        const auto real = int(std::clamp<std::int64_t>(count_ - i, 0, queries));
        const auto lanes_of = [&](std::int64_t first) { // of stored rows, which have no padding
            return std::min<std::int64_t>(lanes, rows_ - first);
        };
        Vector weights[queries], gradients[queries], products[queries];
        for (Vector& each : products) each = 0.0f;
        each_block(i, [&](std::int64_t first) {
            take_weights(kept, i, first, weights);
            meet(dy_, v_ + first * width_, size_, gradients);
            for (int r = 0; r < queries; ++r)
                products[r] = fma(weights[r], gradients[r], products[r]);
            for (int r = 0; r < real; ++r)
                store_first(stored + r * rows_ + first, gradients[r], lanes_of(first));
        });
        each_block(i, [&](std::int64_t first) {
            take_weights(kept, i, first, weights);
            for (int r = 0; r < real; ++r)
                gradients[r] = load_first(stored + r * rows_ + first, lanes_of(first));
            for (int r = 0; r < queries; ++r)
                gradients[r] = weights[r] * (gradients[r] - Vector(sum(products[r])));
            add(first, weights, gradients);
        });
    }
    /// Attention keeps a head's weights by blocks of queries, key by key.
    void take_weights(const float* kept, std::int64_t i, std::int64_t first,
                      Vector (&weights)[queries]) const {
        constexpr std::int64_t most = AttentionScratch::queries;
        const std::int64_t block = i / most * most, count = std::min(most, rows_ - block);
        float by_query[queries][lanes] = {};
        for (std::int64_t j = 0; j < std::min<std::int64_t>(lanes, rows_ - first); ++j)
            for (std::int64_t r = 0; r < std::min<std::int64_t>(queries, rows_ - i); ++r)
                by_query[r][j] = kept[block * rows_ + (first + j) * count + (i - block) + r];
        for (int r = 0; r < queries; ++r) weights[r] = seen(i + r, first).keep(load(by_query[r]));
    }

    /// What follows from the weights of 16 keys and their scores' gradients, before the scale.
    void add(std::int64_t first, Vector (&weights)[queries], Vector (&gradients)[queries]) {
        float factors[queries * lanes];
#pragma GCC unroll 8
        for (int r = 0; r < queries; ++r) {
            gradients[r] = gradients[r] * Vector(op_.scale);
            store(factors + r * lanes, gradients[r]);
        }
        spread(weights, dy_, size_, dv_ + first * width_);
        spread(gradients, q_, size_, dk_ + first * width_);
        collect(factors, keys_ + first * width_, width_, dq_);
    }

    const AttentionBackward& op_;
    const int kv_head_;
    const std::int64_t size_, width_, row_, rows_, count_, padded_;
    const std::int64_t scores_; ///< of the sequences before, where weights were kept
    float *k_, *v_, *dk_, *dv_; ///< [padded / 16, width, 16]
    float* keys_;               ///< [padded, width]: k once more, by rows
    float *q_, *dy_, *dq_;      ///< [queries, size], dq [queries, width]
};

} // namespace

void launch(const AttentionBackward& op, CpuStream& stream) {
    auto* scratch = static_cast<float*>(stream.workspace);
    const auto floats = std::int64_t(op.workspace_bytes(1) / sizeof(float));
    with_type(op.q.dtype, [&]<class T>(T) {
        const std::int64_t kv_heads = op.kv_heads;
        for_pieces(
            op.segments->count() * kv_heads, stream.threads, [&](std::int64_t i, int thread) {
                const TinyIsZero tiny;
                BackwardHead<T>(op, int(i / kv_heads), int(i % kv_heads), scratch + thread * floats)
                    .run();
            });
    });
}

} // namespace sweetspot::SWEETSPOT_TARGET
