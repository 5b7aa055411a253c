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

/// v, but for zeros in the first n lanes.
Vector without_first(Vector v, std::int64_t n) {
    float x[lanes];
    store(x, v);
    std::fill_n(x, n, 0.0f);
    return load(x);
}

static_assert(lanes == AttentionBackward::block);

/// The gradients of one key head of one sequence and of the query heads that share it, query by
/// query. Its keys and values lie in blocks of 16 rows, a row in a lane, so that a query meets 16
/// keys at once: no sums across lanes, no ends of rows.
template <class T>
class BackwardHead {
public:
    BackwardHead(const AttentionBackward& op, int sequence, int kv_head, float* scratch)
        : op_(op), kv_head_(kv_head), size_(op.head_size()), row_(op.segments->offsets[sequence]),
          rows_(op.segments->rows_of(sequence)), count_(op.segments->lengths[sequence]),
          padded_((rows_ + lanes - 1) / lanes * lanes),
          scores_(op.weights.present() ? score_count(*op.segments, op.heads, sequence) : 0),
          k_(scratch), v_(k_ + padded_ * size_), dk_(v_ + padded_ * size_),
          dv_(dk_ + padded_ * size_), dqs_(dv_ + padded_ * size_), q_(dqs_ + size_ * lanes),
          dy_(q_ + size_), one_(dy_ + size_) {}

    void run() {
        fill(k_, nullptr, 4 * padded_ * size_);
        for (std::int64_t j = 0; j < count_; ++j) {
            turn(at(op_.k, kv_head_, j), size_, cosine(j), sine(j), 1, one_);
            scatter(k_, j);
            widen(at(op_.v, kv_head_, j), one_);
            scatter(v_, j);
        }
        const int group = op_.heads / op_.kv_heads;
        for (int head = kv_head_ * group; head < (kv_head_ + 1) * group; ++head)
            for (std::int64_t i = 0; i < rows_; ++i) {
                fill(one_, nullptr, size_);
                if (i < count_) visit(head, i);
                if (op_.cosine.present()) turn_back(one_, size_, cosine(i), sine(i));
                fill(at(op_.dq, head, i), one_, size_);
            }
        for (std::int64_t j = 0; j < rows_; ++j) {
            gather(dk_, j);
            if (op_.cosine.present()) turn_back(one_, size_, cosine(j), sine(j));
            fill(at(op_.dk, kv_head_, j), one_, size_);
            gather(dv_, j);
            fill(at(op_.dv, kv_head_, j), one_, size_);
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
    /// one_ as a row of a matrix in blocks, and back.
    void scatter(float* blocks, std::int64_t row) const {
        float* to = blocks + row / lanes * lanes * size_ + row % lanes;
        for (std::int64_t c = 0; c < size_; ++c) to[c * lanes] = one_[c];
    }
    void gather(const float* blocks, std::int64_t row) const {
        const float* from = blocks + row / lanes * lanes * size_ + row % lanes;
        for (std::int64_t c = 0; c < size_; ++c) one_[c] = from[c * lanes];
    }

    /// What query i sees: y = sum over keys of weight · v, with weight = exp(scale · q k - lse).
    /// one_ = its own gradient.
    void visit(int head, std::int64_t i) {
        turn(at(op_.q, head, i), size_, cosine(i), sine(i), 1, q_);
        widen(at(op_.dy, head, i), dy_);
        fill(dqs_, nullptr, size_ * lanes);
        if (op_.kind == AttentionKind::naive)
            meet_kept(head, i);
        else
            meet_again(head, i);
        for (std::int64_t c = 0; c < size_; ++c) one_[c] = sum(load(dqs_ + c * lanes));
    }

    /// Calls f for the keys that query i sees, in blocks of 16: all but the last are whole, and of
    /// the first some may be out of sight.
    template <class F>
    void each_block(std::int64_t i, F&& f) const {
        const std::int64_t end = end_seen(i);
        std::int64_t at = first_seen(i) / lanes * lanes;
        for (; at + lanes <= end; at += lanes) f(WholeLanes{at});
        if (at < end) f(FirstLanes{at, end - at});
    }
    std::int64_t first_seen(std::int64_t i) const {
        return op_.window ? std::max<std::int64_t>(0, i + 1 - op_.window) : 0;
    }
    std::int64_t end_seen(std::int64_t i) const { return op_.causal ? i + 1 : count_; }

    /// The weights are computed again, 16 at a time.
    void meet_again(int head, std::int64_t i) {
        const float log_sum_exp = op_.log_sum_exp.as<float>()[head * op_.q.shape[0] + row_ + i];
        const float mean = dot(at(op_.y, head, i), dy_, size_); // of the weights' gradients
        const std::int64_t first_key = first_seen(i);
        each_block(i, [&](auto seen) {
            const float *k = k_ + seen.first * size_, *v = v_ + seen.first * size_;
            Vector score = 0.0f, gradient = 0.0f;
            for (std::int64_t c = 0; c < size_; ++c) {
                score = fma(Vector(q_[c]), load(k + c * lanes), score);
                gradient = fma(Vector(dy_[c]), load(v + c * lanes), gradient);
            }
            Vector weight = seen.keep(exp(score * Vector(op_.scale) - Vector(log_sum_exp)), 0);
            if (seen.first < first_key) weight = without_first(weight, first_key - seen.first);
            add(seen, weight, weight * (gradient - Vector(mean)));
        });
    }

    /// They were kept: their gradients first, which their own sum is taken from. Attention keeps
    /// them by blocks of queries, key by key; gradients are stored query by query.
    void meet_kept(int head, std::int64_t i) {
        const std::int64_t before = scores_ + head * rows_ * rows_;
        const std::int64_t block = i / AttentionScratch::queries * AttentionScratch::queries,
                           count = std::min<std::int64_t>(AttentionScratch::queries, rows_ - block);
        const float* kept = op_.weights.as<float>() + before + block * rows_ + (i - block);
        float* gradients = op_.d_weights.as<float>() + before + i * rows_;
        const auto weights = [&](auto seen) {
            float y[lanes];
            for (std::int64_t j = 0; j < lanes; ++j)
                y[j] = kept[std::min(seen.first + j, end_seen(i) - 1) * count];
            return seen.keep(load(y), 0);
        };
        Vector products = 0.0f;
        each_block(i, [&](auto seen) {
            const Vector gradient = meet_values(seen.first);
            products = fma(weights(seen), gradient, products);
            seen.store(gradients, gradient);
        });
        const Vector mean = sum(products);
        each_block(i, [&](auto seen) {
            const Vector weight = weights(seen);
            add(seen, weight, weight * (seen.load(gradients) - mean));
        });
    }

    /// dy · v of 16 keys, in two sums side by side, so that additions overlap.
    Vector meet_values(std::int64_t first) const {
        const float* v = v_ + first * size_;
        Vector sums[2] = {0.0f, 0.0f};
        std::int64_t c = 0;
        for (; c + 2 <= size_; c += 2)
#pragma GCC unroll 2
            for (int j = 0; j < 2; ++j)
                sums[j] = fma(Vector(dy_[c + j]), load(v + (c + j) * lanes), sums[j]);
        if (c < size_) sums[0] = fma(Vector(dy_[c]), load(v + c * lanes), sums[0]);
        return sums[0] + sums[1];
    }

    /// What follows from the weights of 16 keys and their scores' gradients, before the scale.
    template <class Seen>
    void add(Seen seen, Vector weight, Vector gradient) {
        const std::int64_t first = seen.first;
        const float* k = k_ + first * size_;
        float *dk = dk_ + first * size_, *dv = dv_ + first * size_;
        const Vector d_score = seen.keep(gradient * Vector(op_.scale), 0);
        for (std::int64_t c = 0; c < size_; ++c) {
            const std::int64_t at = c * lanes;
            store(dv + at, fma(weight, Vector(dy_[c]), load(dv + at)));
            store(dk + at, fma(d_score, Vector(q_[c]), load(dk + at)));
            store(dqs_ + at, fma(d_score, seen.keep(load(k + at), 0), load(dqs_ + at)));
        }
    }

    const AttentionBackward& op_;
    const int kv_head_;
    const std::int64_t size_, row_, rows_, count_, padded_;
    const std::int64_t scores_; ///< of the sequences before, where weights were kept
    float *k_, *v_, *dk_, *dv_; ///< [padded / 16, size, 16]
    float* dqs_;                ///< [size, 16]
    float *q_, *dy_, *one_;     ///< [size]
};

} // namespace

void launch(const AttentionBackward& op, CpuStream& stream) {
    auto* scratch = static_cast<float*>(stream.workspace);
    const auto floats = std::int64_t(op.workspace_bytes(1) / sizeof(float));
    with_type(op.q.dtype, [&]<class T>(T) {
        const std::int64_t kv_heads = op.kv_heads;
        for_pieces(
            op.segments->count() * kv_heads, stream.threads, [&](std::int64_t i, int thread) {
                BackwardHead<T>(op, int(i / kv_heads), int(i % kv_heads), scratch + thread * floats)
                    .run();
            });
    });
}

} // namespace sweetspot::SWEETSPOT_TARGET
