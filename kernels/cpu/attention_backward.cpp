#include "kernels/ops/attention_backward.h"
#include "kernels/cpu/attention_rows.h"
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

/// to += factor · x
template <class T>
void add(float* to, float factor, const T* x, std::int64_t size) {
    for_lanes(size, [&](auto at) { at.store(to, fma(at.load(x), factor, at.load(to))); });
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

/// The gradients of one key head of one sequence and of the query heads that share it, query by
/// query.
template <class T>
class BackwardHead {
public:
    BackwardHead(const AttentionBackward& op, int sequence, int kv_head, float* scratch)
        : op_(op), kv_head_(kv_head), size_(op.head_size()), row_(op.segments->offsets[sequence]),
          rows_(op.segments->rows_of(sequence)), count_(op.segments->lengths[sequence]),
          k_(scratch), dk_(k_ + rows_ * size_), dv_(dk_ + rows_ * size_), q_(dv_ + rows_ * size_),
          dq_(q_ + size_) {}

    void run() {
        for (std::int64_t j = 0; j < rows_; ++j) {
            fill(dk_ + j * size_, nullptr, size_);
            fill(dv_ + j * size_, nullptr, size_);
            if (j < count_) turn(at(op_.k, kv_head_, j), size_, cosine(j), sine(j), 1, key(j));
        }
        const int group = op_.heads / op_.kv_heads;
        for (int head = kv_head_ * group; head < (kv_head_ + 1) * group; ++head)
            for (std::int64_t i = 0; i < rows_; ++i) {
                fill(dq_, nullptr, size_);
                if (i < count_) visit(head, i);
                if (op_.cosine.present()) turn_back(dq_, size_, cosine(i), sine(i));
                fill(at(op_.dq, head, i), dq_, size_);
            }
        for (std::int64_t j = 0; j < rows_; ++j) {
            if (op_.cosine.present()) turn_back(dk_ + j * size_, size_, cosine(j), sine(j));
            fill(at(op_.dk, kv_head_, j), dk_ + j * size_, size_);
            fill(at(op_.dv, kv_head_, j), dv_ + j * size_, size_);
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
    float* key(std::int64_t j) const { return k_ + j * size_; }

    /// What query i sees: y = sum over keys of weight · v, with weight = exp(scale · q k - lse).
    void visit(int head, std::int64_t i) {
        const T* dy = at(op_.dy, head, i);
        turn(at(op_.q, head, i), size_, cosine(i), sine(i), 1, q_);
        const float log_sum_exp = op_.log_sum_exp.as<float>()[head * op_.q.shape[0] + row_ + i];
        const float mean = dot(at(op_.y, head, i), dy, size_); // of the weights' gradients
        const std::int64_t visible = op_.causal ? i + 1 : count_;
        for (std::int64_t j = 0; j < visible; ++j) {
            const T* v = at(op_.v, kv_head_, j);
            const float weight = exp(Vector(op_.scale * dot(q_, key(j), size_) - log_sum_exp))[0];
            const float d_score = weight * (dot(dy, v, size_) - mean) * op_.scale;
            add(dv_ + j * size_, weight, dy, size_);
            add(dk_ + j * size_, d_score, q_, size_);
            add(dq_, d_score, key(j), size_);
        }
    }

    const AttentionBackward& op_;
    const int kv_head_;
    const std::int64_t size_, row_, rows_, count_;
    float *k_, *dk_, *dv_; ///< [rows, size]
    float *q_, *dq_;       ///< [size]
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
