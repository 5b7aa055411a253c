#include "kernels/core/float_types.h"
#include "kernels/ops/attention.h"
#include <cmath>

namespace sweetspot {

namespace {

void put(float& to, float x) {
    to = x;
}
void put(BFloat16& to, float x) {
    to = to_bfloat16(x);
}

/// Element i of a head, turned by its position if there are tables.
template <class T>
float turned(const T* head, std::int64_t i, std::int64_t size, const In& cosine, const In& sine,
             std::int64_t position) {
    const float x = to_float(head[i]);
    if (!cosine.present()) return x;
    const std::int64_t half = size / 2, pair = i % half;
    const float c = cosine.as<float>()[position * half + pair];
    const float s = sine.as<float>()[position * half + pair];
    return i < half ? x * c - to_float(head[i + half]) * s : x * c + to_float(head[pair]) * s;
}

template <class T>
void append(const AppendKeyValue& op, CpuStream& stream) {
    const auto& cache = op.cache.k.shape;
    const std::int64_t heads = cache[1], capacity = cache[2], size = cache[3];
    for (int s = 0; s < op.segments->count(); ++s) {
        const std::int64_t first = op.segments->offsets[s], start = (*op.starts)[s];
#pragma omp parallel for num_threads(stream.threads) collapse(2)
        for (std::int64_t h = 0; h < heads; ++h)
            for (std::int64_t i = 0; i < op.segments->lengths[s]; ++i) {
                const T* k = op.k.as<T>() + (first + i) * op.k.stride() + h * size;
                const T* v = op.v.as<T>() + (first + i) * op.v.stride() + h * size;
                const std::int64_t to = ((s * heads + h) * capacity + start + i) * size;
                for (std::int64_t d = 0; d < size; ++d) {
                    put(op.cache.k.as<T>()[to + d],
                        turned(k, d, size, op.cosine, op.sine, start + i));
                    op.cache.v.as<T>()[to + d] = v[d];
                }
            }
    }
}

template <class T>
void attend(const CachedAttention& op, CpuStream& stream) {
    const auto& cache = op.cache.k.shape;
    const std::int64_t capacity = cache[2], size = cache[3], group = op.heads / cache[1];
#pragma omp parallel for num_threads(stream.threads) collapse(2)
    for (std::int64_t s = 0; s < op.q.shape[0]; ++s)
        for (std::int64_t h = 0; h < op.heads; ++h) {
            const std::int64_t keys = (*op.lengths)[s];
            const T* q = op.q.as<T>() + s * op.q.stride() + h * size;
            const std::int64_t from = (s * cache[1] + h / group) * capacity * size;
            const T *k = op.cache.k.as<T>() + from, *v = op.cache.v.as<T>() + from;
            std::vector<float> query(size), out(size), score(keys);
            for (std::int64_t d = 0; d < size; ++d)
                query[d] = turned(q, d, size, op.cosine, op.sine, keys - 1) * op.scale;
            float most = -INFINITY, sum = 0;
            for (std::int64_t j = 0; j < keys; ++j) {
                for (std::int64_t d = 0; d < size; ++d)
                    score[j] += query[d] * to_float(k[j * size + d]);
                most = std::max(most, score[j]);
            }
            for (std::int64_t j = 0; j < keys; ++j) {
                const float p = std::exp(score[j] - most);
                sum += p;
                for (std::int64_t d = 0; d < size; ++d) out[d] += p * to_float(v[j * size + d]);
            }
            for (std::int64_t d = 0; d < size; ++d)
                put(op.y.as<T>()[s * op.y.stride() + h * size + d], out[d] / sum);
        }
}

} // namespace

void launch(const AppendKeyValue& op, CpuStream& stream) {
    op.k.dtype == DType::f32 ? append<float>(op, stream) : append<BFloat16>(op, stream);
}
void launch(const CachedAttention& op, CpuStream& stream) {
    op.q.dtype == DType::f32 ? attend<float>(op, stream) : attend<BFloat16>(op, stream);
}

} // namespace sweetspot
