#include "kernels/cuda/attention_heads.cuh"
#include "kernels/cuda/attention_tiles.cuh"
#include "kernels/cuda/block_read.cuh"
#include "kernels/ops/attention_cache.h"
#include "kernels/ops/attention_checks.h"
#include <algorithm>
#include <cmath>

// Decoding: one query a sequence attends to all that is cached.

namespace sweetspot {

namespace {

constexpr float masked = -1e30f; // not infinite, so that differences are never NaN

struct CachedArguments {
    const void* q;
    std::int64_t q_stride;
    const float *cosine, *sine; ///< or null
    const void *k, *v;          ///< [sequences, kv_heads, capacity, size], or blocks of a row
    const std::int32_t* lengths;
    float* parts; ///< [sequences, heads, splits, size + 2]: maximum, sum, sum of values by weight
    void* y;
    DType type; ///< of q and y
    std::int64_t y_stride, capacity;
    int heads, kv_heads, size, splits;
    int lanes;   ///< that share a key: a power of two
    float scale; ///< with log2(e), for powers of two
};

/// Keys of one sequence that each of its splits has. All splits work on short sequences too.
__device__ int keys_per_split(int length, int splits) {
    constexpr int step = CachedAttention::keys_at_once;
    return ((length + splits - 1) / splits + step - 1) / step * step;
}

/// The turned and scaled queries of `group` heads from `first_head` on: [group, size].
__device__ inline void load_queries(const CachedArguments& a, int sequence, int first_head,
                                    int group, int position, float* queries) {
    const int half = a.size / 2;
    for (int i = int(threadIdx.x); i < group * half; i += int(blockDim.x)) {
        const int head = i / half, low = i % half;
        float x = 0, y = 0;
        with_device_type(a.type, [&]<class T>(T) {
            const T* q = static_cast<const T*>(a.q) + sequence * a.q_stride +
                         std::int64_t(first_head + head) * a.size + low;
            x = to_float(q[0]) * a.scale;
            y = to_float(q[half]) * a.scale;
        });
        const std::int64_t at = std::int64_t(position) * half + low;
        const float cosine = a.cosine ? a.cosine[at] : 1, sine = a.cosine ? a.sine[at] : 0;
        queries[head * a.size + low] = x * cosine - y * sine;
        queries[head * a.size + low + half] = y * cosine + x * sine;
    }
}

/// What some of the keys leave for one head: weights are relative to 2^most.
template <int elements>
struct Part {
    float most = masked, sum = 0, out[elements] = {};

    __device__ void rescale(float factor) {
        sum *= factor;
#pragma unroll
        for (float& x : out) x *= factor;
    }
};

/// Some neighbours of a cached row.
template <class Stored, int count>
struct CachedPack {
    Pack<Stored, count> x{};

    /// From number `from` of a row of `size`.
    static __device__ CachedPack load(const void* all, std::int64_t row, int size, int from) {
        const auto* at = static_cast<const Stored*>(all) + row * size + from;
        return {*reinterpret_cast<const Pack<Stored, count>*>(at)};
    }
    __device__ float number(int i) const { return to_float(x.x[i]); }
};
template <WeightFormat format>
struct InBlocks {};
template <WeightFormat format, int count>
struct CachedPack<InBlocks<format>, count> {
    float scale = 0;
    std::uint32_t codes[count / 4] = {};

    static __device__ CachedPack load(const void* all, std::int64_t row, int size, int from) {
        constexpr BlockFormat facts = block_format(format);
        const std::uint8_t* block = static_cast<const std::uint8_t*>(all) +
                                    row * row_bytes(format, size) +
                                    from / facts.numbers * facts.bytes;
        const BlockReadOf<format> read;
        CachedPack y{.scale = read.half(block)};
        const int within = from % int(facts.numbers);
#pragma unroll
        for (int w = 0; w < count / 4; ++w)
            y.codes[w] = four_codes::word_of<format>(block, within / 16, within % 16 / 4 + w, read);
        return y;
    }
    __device__ float number(int i) const {
        return scale * float(std::int8_t(codes[i / 4] >> 8 * (i % 4)));
    }
};

/// A thread's share of a warp's work on up to `heads` query heads that share their keys. `lanes`
/// neighbours have a key's elements, each `vectors` times `count` of them, so a warp has several
/// keys at once and each of its subgroups a softmax of its own.
template <class Stored, int count, int vectors, int heads>
class CachedWarp {
public:
    __device__ CachedWarp(const CachedArguments& a, int lane)
        : a_(a), lane_(lane), within_(lane % a.lanes), subgroup_(lane / a.lanes) {}

    __device__ int subgroup() const { return subgroup_; }

    /// Of `here` heads, from shared memory.
    __device__ void take_queries(const float* queries, int here) {
#pragma unroll
        for (int h = 0; h < heads; ++h)
#pragma unroll
            for (int i = 0; i < elements; ++i)
                if (h < here && element(i) < a_.size)
                    query_[h][i] = queries[h * a_.size + element(i)];
    }

    /// The subgroup's keys `key`, key + step, …, of those below `end`; `first` is where key 0 lies.
    __device__ void visit(std::int64_t first, int key, int step, int end) {
        Rows k, v;
        load(k, v, first, key, step, end);
        Scores score;
        multiply(score, k);
#pragma unroll
        for (int h = 0; h < heads; ++h) add(h, score, v, key, step, end);
    }

    /// Puts the subgroups together and leaves [heads, warps, size + 2] in shared memory.
    __device__ void finish(float* shared, int warp, int warps) {
#pragma unroll
        for (int h = 0; h < heads; ++h) {
            Part<elements>& mine = part_[h];
            float most = mine.most;
            for (int step = a_.lanes; step < 32; step *= 2)
                most = fmaxf(most, __shfl_xor_sync(0xffffffff, most, step));
            mine.rescale(exp2f(mine.most - most));
            for (int step = a_.lanes; step < 32; step *= 2) {
                mine.sum += __shfl_xor_sync(0xffffffff, mine.sum, step);
#pragma unroll
                for (float& x : mine.out) x += __shfl_xor_sync(0xffffffff, x, step);
            }
            float* to = shared + (h * warps + warp) * (a_.size + 2);
            if (lane_ == 0) to[0] = most, to[1] = mine.sum;
#pragma unroll
            for (int i = 0; i < elements; ++i)
                if (subgroup_ == 0 && element(i) < a_.size) to[2 + element(i)] = mine.out[i];
        }
    }

    static constexpr int unrolled = 4; ///< keys of a subgroup at a time

private:
    static constexpr int elements = count * vectors;
    using Elements = CachedPack<Stored, count>;
    using Rows = Elements[unrolled][vectors];
    using Scores = float[unrolled][heads];

    /// Which of the head's elements is this thread's i-th.
    __device__ int element(int i) const {
        return (i / count * a_.lanes + within_) * count + i % count;
    }

    __device__ void load(Rows& k, Rows& v, std::int64_t first, int key, int step, int end) const {
#pragma unroll
        for (int u = 0; u < unrolled; ++u)
#pragma unroll
            for (int i = 0; i < vectors; ++i) {
                const int mine = key + u * step, from = element(i * count);
                const bool real = mine < end && from < a_.size;
                k[u][i] = real ? Elements::load(a_.k, first + mine, a_.size, from) : Elements{};
                v[u][i] = real ? Elements::load(a_.v, first + mine, a_.size, from) : Elements{};
            }
    }

    __device__ void multiply(Scores& score, const Rows& k) const {
#pragma unroll
        for (int u = 0; u < unrolled; ++u)
#pragma unroll
            for (int h = 0; h < heads; ++h) {
                float sum = 0;
#pragma unroll
                for (int i = 0; i < elements; ++i)
                    sum = fmaf(query_[h][i], k[u][i / count].number(i % count), sum);
                score[u][h] = sum;
            }
        for (int step = a_.lanes / 2; step; step /= 2)
#pragma unroll
            for (int u = 0; u < unrolled; ++u)
#pragma unroll
                for (int h = 0; h < heads; ++h)
                    score[u][h] += __shfl_xor_sync(0xffffffff, score[u][h], step);
    }

    /// The values by the softmax of their scores, to one head's part.
    __device__ void add(int h, const Scores& score, const Rows& v, int key, int step, int end) {
        Part<elements>& part = part_[h];
        float most = part.most;
#pragma unroll
        for (int u = 0; u < unrolled; ++u)
            if (key + u * step < end) most = fmaxf(most, score[u][h]);
        part.rescale(exp2f(part.most - most));
        part.most = most;
#pragma unroll
        for (int u = 0; u < unrolled; ++u) {
            const float weight = key + u * step < end ? exp2f(score[u][h] - most) : 0.0f;
            part.sum += weight;
#pragma unroll
            for (int i = 0; i < elements; ++i)
                part.out[i] = fmaf(weight, v[u][i / count].number(i % count), part.out[i]);
        }
    }

    const CachedArguments& a_;
    int lane_, within_, subgroup_;
    float query_[heads][elements] = {};
    Part<elements> part_[heads];
};

/// Puts the warps' parts of `here` heads together: [here, size + 2], a head every splits · (size +
/// 2) numbers.
__device__ void combine_warps(const float* shared, int warps, int here, int size, int splits,
                              float* parts) {
    const int stride = size + 2;
    for (int i = int(threadIdx.x); i < here * (size + 1); i += int(blockDim.x)) {
        const int head = i / (size + 1), at = i % (size + 1) + 1;
        const float* from = shared + head * warps * stride;
        float most = masked, sum = 0;
        for (int w = 0; w < warps; ++w) most = fmaxf(most, from[w * stride]);
        for (int w = 0; w < warps; ++w)
            sum += from[w * stride + at] * exp2f(from[w * stride] - most);
        float* to = parts + std::int64_t(head) * splits * stride;
        to[at] = sum;
        if (at == 1) to[0] = most;
    }
}

/// Blocks that a multiprocessor has at once, at least: one head at a time is bound by memory, and
/// needs many loads on their way.
template <class Stored, int count, int heads>
constexpr int least_cached_blocks = heads == 1 && count * sizeof(Stored) == 16 ? 6 : 1;

/// Some of the keys of one sequence and kv head, for up to `heads` of the query heads that share
/// them: what the warps leave is put together in the end (Dao et al., "Flash-Decoding for
/// long-context inference", 2023).
template <class Stored, int count, int vectors, int heads>
__global__ void __launch_bounds__(128, least_cached_blocks<Stored, count, heads>)
    cached_kernel(CachedArguments a) {
    constexpr int warps = 4;
    const int group = a.heads / a.kv_heads, chunks = (group + heads - 1) / heads;
    const int split = int(blockIdx.x % unsigned(a.splits));
    const int chunk = int(blockIdx.x / unsigned(a.splits)) % chunks;
    const std::int64_t pair = blockIdx.x / unsigned(a.splits * chunks); // sequence, kv head
    const int sequence = int(pair / a.kv_heads), kv_head = int(pair % a.kv_heads);
    const int first_head = kv_head * group + chunk * heads;
    const int here = min(heads, group - chunk * heads);

    const int length = a.lengths[sequence], share = keys_per_split(length, a.splits);
    const int begin = split * share, end = min(begin + share, length);
    if (begin >= end) return;

    float* shared = dynamic_shared<float>();
    load_queries(a, sequence, first_head, here, length - 1, shared);
    __syncthreads();
    CachedWarp<Stored, count, vectors, heads> mine(a, int(threadIdx.x) % 32);
    mine.take_queries(shared, here);
    __syncthreads(); // the parts of warps lie where the queries were

    const int warp = int(threadIdx.x) / 32, subgroups = 32 / a.lanes, step = warps * subgroups;
    for (int key = begin + warp * subgroups + mine.subgroup(); key - mine.subgroup() < end;
         key += mine.unrolled * step)
        mine.visit(pair * a.capacity, key, step, end);
    mine.finish(shared, warp, warps);
    __syncthreads();
    const std::int64_t y_head = std::int64_t(sequence) * a.heads + first_head;
    combine_warps(shared, warps, here, a.size, a.splits,
                  a.parts + (y_head * a.splits + split) * (a.size + 2));
}

/// y of one head from what its splits left; a block a head.
__global__ void __launch_bounds__(128) combine_kernel(CachedArguments a) {
    const int sequence = int(blockIdx.x) / a.heads, head = int(blockIdx.x) % a.heads;
    const int stride = a.size + 2, length = a.lengths[sequence];
    const int share = keys_per_split(length, a.splits), splits = (length + share - 1) / share;
    const float* parts = a.parts + std::int64_t(blockIdx.x) * a.splits * stride;
    SHARED(float[CachedAttention::most_splits], factors);
    if (threadIdx.x < 32) {
        constexpr int per_lane = CachedAttention::most_splits / 32;
        float most[per_lane], sum = 0;
#pragma unroll
        for (int i = 0; i < per_lane; ++i) {
            const int split = int(threadIdx.x) + i * 32;
            most[i] = split < splits ? parts[split * stride] : masked;
        }
        float largest = most[0];
#pragma unroll
        for (int i = 1; i < per_lane; ++i) largest = fmaxf(largest, most[i]);
        largest = warp_max(largest);
#pragma unroll
        for (int i = 0; i < per_lane; ++i) {
            const int split = int(threadIdx.x) + i * 32;
            most[i] = exp2f(most[i] - largest);
            sum += split < splits ? parts[split * stride + 1] * most[i] : 0.0f;
        }
        sum = warp_sum(sum);
#pragma unroll
        for (int i = 0; i < per_lane; ++i) factors[threadIdx.x + i * 32] = most[i] / sum;
    }
    __syncthreads();
    for (int at = int(threadIdx.x); at < a.size; at += int(blockDim.x)) {
        float sum = 0;
#pragma unroll 4
        for (int split = 0; split < splits; ++split)
            sum = fmaf(parts[split * stride + 2 + at], factors[split], sum);
        const std::int64_t to = sequence * a.y_stride + std::int64_t(head) * a.size + at;
        with_device_type(a.type,
                         [&]<class T>(T) { static_cast<T*>(a.y)[to] = from_float<T>(sum); });
    }
}

/// Launches the kernel for rows that can be read `count` elements at a time.
template <class Stored, int count, int vectors>
void attend(CachedArguments a, std::int64_t sequences, cudaStream_t stream) {
    const int per_row = (a.size + count - 1) / count;
    a.lanes = 4;
    while (a.lanes < 32 && a.lanes * vectors < per_row) a.lanes *= 2;
    const int group = a.heads / a.kv_heads;
    const auto launch_for = [&]<int heads>(std::integral_constant<int, heads>) {
        const std::int64_t chunks = (group + heads - 1) / heads;
        const std::size_t shared = std::size_t(heads) * 4 * (a.size + 2) * sizeof(float);
        launch_kernel<cached_kernel<Stored, count, vectors, heads>>(
            stream, {unsigned(sequences * a.kv_heads * chunks * a.splits), 128, shared}, a);
    };
    if (group == 1)
        launch_for(std::integral_constant<int, 1>{});
    else if (group <= 4)
        launch_for(std::integral_constant<int, 4>{});
    else
        launch_for(std::integral_constant<int, 8>{});
    launch_kernel<combine_kernel>(stream, {unsigned(sequences * a.heads), 128}, a);
}

} // namespace

void launch(const CachedAttention& op, CudaStream& stream) {
    const auto& cache = op.cache.k.shape; // [sequences, kv_heads, capacity, size]
    const std::int64_t size = op.head_size();
    require_size(size);
    require_no_window(op.window);
    if (op.q.shape[0] == 0) return;
    const CachedArguments arguments{
        .q = op.q.data,
        .q_stride = op.q.stride(),
        .cosine = op.cosine.as<float>(),
        .sine = op.sine.as<float>(),
        .k = op.cache.k.data,
        .v = op.cache.v.data,
        .lengths = op.device_lengths.as<std::int32_t>(),
        .parts = static_cast<float*>(stream.workspace),
        .y = op.y.data,
        .type = op.q.dtype,
        .y_stride = op.y.stride(),
        .capacity = cache[2],
        .heads = op.heads,
        .kv_heads = int(cache[1]),
        .size = int(size),
        .splits = op.splits(),
        .lanes = 0,
        .scale = op.scale * log2_e,
    };
    if (op.cache.format == WeightFormat::q8_0)
        return attend<InBlocks<WeightFormat::q8_0>, 8, 1>(arguments, cache[0], stream.handle);
    if (op.cache.format == WeightFormat::q4_0)
        return attend<InBlocks<WeightFormat::q4_0>, 8, 1>(arguments, cache[0], stream.handle);
    with_type(op.cache.k.dtype, [&]<class Stored>(Stored) {
        constexpr int most = 16 / sizeof(Stored);
        if (fits<Stored, most>(size, op.cache.k, op.cache.v))
            attend<Stored, most, 256 / most / 32>(arguments, cache[0], stream.handle);
        else if (size <= 192)
            attend<Stored, 2, 3>(arguments, cache[0], stream.handle);
        else
            attend<Stored, 2, 4>(arguments, cache[0], stream.handle);
    });
}

} // namespace sweetspot
