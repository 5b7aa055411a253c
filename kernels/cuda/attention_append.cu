// New keys and values on their way into the cache: as they are, in another type, or in blocks; and
// what they become in place, as a token would find them that is decoded.
#include "kernels/cuda/attention_heads.cuh"
#include "kernels/cuda/convert.cuh"
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/segments.cuh"
#include "kernels/ops/attention_cache.h"
#include <bit>

namespace sweetspot {

namespace {

// ---- as they are

template <class T>
struct AppendArguments {
    const T *k, *v;
    std::int64_t k_stride, v_stride;
    const float *cosine, *sine; ///< or null
    T *cache_k, *cache_v;       ///< [sequences, kv_heads, capacity, size]
    const std::int32_t *offsets, *lengths, *starts;
    std::int64_t capacity;
    int sequences, kv_heads, size;
};

/// A block has items of one row; a thread turns `count` elements of the lower half of a head and
/// the ones of the upper half that rotate with them.
template <class T, int count>
__global__ void __launch_bounds__(128) append_kernel(AppendArguments<T> a) {
    const int row = int(blockIdx.x);
    const int sequence = sequence_of(a.offsets, a.sequences, row);
    const int within = row - a.offsets[sequence];
    if (within >= a.lengths[sequence]) return;
    const int half = a.size / 2, items_per_head = half / count;
    const int item = int(blockIdx.y * blockDim.x + threadIdx.x);
    const int head = item / items_per_head, low = item % items_per_head * count;
    if (head >= a.kv_heads) return;

    using Elements = Pack<T, count>;
    const auto load = [](const T* from) { return *reinterpret_cast<const Elements*>(from); };
    const auto store = [](T* to, const Elements& x) { *reinterpret_cast<Elements*>(to) = x; };
    const std::int64_t position = a.starts[sequence] + within;
    const T* k = a.k + row * a.k_stride + std::int64_t(head) * a.size + low;
    const T* v = a.v + row * a.v_stride + std::int64_t(head) * a.size + low;
    const std::int64_t to =
        ((std::int64_t(sequence) * a.kv_heads + head) * a.capacity + position) * a.size + low;

    Elements k_low = load(k), k_high = load(k + half);
    const Elements v_low = load(v), v_high = load(v + half);
    if (a.cosine) {
        using Factors = Pack<float, count>;
        const std::int64_t at = position * half + low;
        const Factors cosine = *reinterpret_cast<const Factors*>(a.cosine + at);
        const Factors sine = *reinterpret_cast<const Factors*>(a.sine + at);
#pragma unroll
        for (int i = 0; i < count; ++i) {
            const float x = to_float(k_low.x[i]), y = to_float(k_high.x[i]);
            k_low.x[i] = from_float<T>(x * cosine.x[i] - y * sine.x[i]);
            k_high.x[i] = from_float<T>(y * cosine.x[i] + x * sine.x[i]);
        }
    }
    store(a.cache_k + to, k_low);
    store(a.cache_k + to + half, k_high);
    store(a.cache_v + to, v_low);
    store(a.cache_v + to + half, v_high);
}

// ---- in another type, or in blocks

constexpr int most_size = 256, per_lane = most_size / 32;

/// A row of a head, a warp's: each lane has every 32nd number.
using Numbers = float[per_lane];

/// What a row is kept in.
struct Kept {
    DType type; ///< f32, bf16 or f16 if there are no blocks
    WeightFormat format;
};

/// A row that is turned by its position, if there are tables: factors of its lower half.
template <class T>
__device__ inline void load_turned(const T* row, int size, const float* cosine, const float* sine,
                                   Numbers& x) {
    const int lane = int(threadIdx.x) % 32, half = size / 2;
#pragma unroll
    for (int b = 0; b < per_lane; ++b) {
        const int i = 32 * b + lane;
        x[b] = i < size ? to_float(row[i]) : 0.0f;
        if (!cosine || i >= size) continue;
        const int low = i % half;
        const float other = to_float(row[i < half ? i + half : low]);
        x[b] = x[b] * cosine[low] + (i < half ? -other : other) * sine[low];
    }
}

/// A block of 32 numbers, one a lane, as quantise() has it.
struct Coded {
    __half scale;
    int code; ///< of this lane
    float number;
};
__device__ inline Coded coded(WeightFormat format, float x) {
    const int lane = int(threadIdx.x) % 32;
    const float most = warp_max(fabsf(x));
    const bool eight = format == WeightFormat::q8_0;
    // The first of those with the greatest magnitude gives its sign; four bits have one more below.
    int first = fabsf(x) == most ? lane : 32;
#pragma unroll
    for (int step = 16; step; step /= 2)
        first = min(first, __shfl_xor_sync(0xffffffff, first, step));
    const float extreme = __shfl_sync(0xffffffff, x, first % 32);
    const float scale = eight ? most / 127 : extreme / -8, inverse = scale == 0 ? 0 : 1 / scale;
    Coded y{.scale = __float2half(scale), .code = 0, .number = 0};
    if (eight) {
        y.code = int(fminf(127.0f, fmaxf(-127.0f, roundf(x * inverse))));
        y.number = __half2float(y.scale) * float(y.code);
    } else {
        y.code = int(fminf(15.0f, fmaxf(0.0f, x * inverse + 8.5f)));
        y.number = __half2float(y.scale) * float(y.code - 8);
    }
    return y;
}

/// The block's bytes: scale, then codes.
__device__ inline void store_block(WeightFormat format, const Coded& x, std::uint8_t* to) {
    const int lane = int(threadIdx.x) % 32;
    const int upper = __shfl_sync(0xffffffff, x.code, lane % 16 + 16);
    if (lane == 0) *reinterpret_cast<std::uint16_t*>(to) = std::bit_cast<std::uint16_t>(x.scale);
    if (format == WeightFormat::q8_0)
        to[2 + lane] = std::uint8_t(x.code);
    else if (lane < 16)
        to[2 + lane] = std::uint8_t(x.code | upper << 4);
}

/// Row `row` of a cache.
__device__ inline void keep(const Kept& kept, const Numbers& x, int size, void* cache,
                            std::int64_t row) {
    const int lane = int(threadIdx.x) % 32;
    if (kept.format == WeightFormat::dense) {
        with_device_type(kept.type, [&]<class Stored>(Stored) {
            Stored* to = static_cast<Stored*>(cache) + row * size;
#pragma unroll
            for (int b = 0; b < per_lane; ++b)
                if (32 * b + lane < size) to[32 * b + lane] = from_float<Stored>(x[b]);
        });
        return;
    }
    auto* to = static_cast<std::uint8_t*>(cache) + row * row_bytes(kept.format, size);
#pragma unroll
    for (int b = 0; b < per_lane; ++b)
        if (32 * b < size)
            store_block(kept.format, coded(kept.format, x[b]),
                        to + b * block_format(kept.format).bytes);
}

/// What is read again of a row that was kept.
__device__ inline void round_as(const Kept& kept, int size, Numbers& x) {
#pragma unroll
    for (int b = 0; b < per_lane; ++b) {
        if (kept.format == WeightFormat::dense)
            with_device_type(kept.type, [&]<class Stored>(Stored) {
                x[b] = to_float(from_float<Stored>(x[b]));
            });
        else if (32 * b < size)
            x[b] = coded(kept.format, x[b]).number;
    }
}

constexpr int warps = 4;
__device__ inline int item_of_warp() {
    return int(blockIdx.y) * warps + int(threadIdx.x) / 32;
}

template <class T>
struct RoundedArguments {
    const T *k, *v;
    std::int64_t k_stride, v_stride;
    const float *cosine, *sine; ///< or null
    void *cache_k, *cache_v;
    Kept kept;
    const std::int32_t *offsets, *lengths, *starts;
    std::int64_t capacity;
    int sequences, kv_heads, size;
};

/// A warp has a head of one row of k or v.
template <class T>
__global__ void __launch_bounds__(32 * warps) append_rounded_kernel(RoundedArguments<T> a) {
    const int row = int(blockIdx.x), item = item_of_warp();
    const int sequence = sequence_of(a.offsets, a.sequences, row);
    const int within = row - a.offsets[sequence];
    if (within >= a.lengths[sequence] || item >= 2 * a.kv_heads) return;
    const int head = item % a.kv_heads;
    const bool key = item < a.kv_heads;
    const std::int64_t position = a.starts[sequence] + within;
    const T* from = (key ? a.k + row * a.k_stride : a.v + row * a.v_stride) + head * a.size;
    const std::int64_t at = position * (a.size / 2);
    const bool turns = key && a.cosine;
    Numbers x;
    load_turned(from, a.size, turns ? a.cosine + at : nullptr, turns ? a.sine + at : nullptr, x);
    keep(a.kept, x, a.size, key ? a.cache_k : a.cache_v,
         (std::int64_t(sequence) * a.kv_heads + head) * a.capacity + position);
}

template <class T>
struct RoundArguments {
    T *q, *k, *v;
    std::int64_t q_stride, k_stride, v_stride;
    const float *cosine, *sine; ///< or null
    Kept kept;
    const std::int32_t* offsets;
    int sequences, heads, kv_heads, size;
};

/// A warp has a head of one row of q, k or v.
template <class T>
__global__ void __launch_bounds__(32 * warps) round_kernel(RoundArguments<T> a) {
    const int row = int(blockIdx.x), item = item_of_warp();
    if (item >= a.heads + 2 * a.kv_heads) return;
    const int position = row - a.offsets[sequence_of(a.offsets, a.sequences, row)];
    const bool query = item < a.heads, value = item >= a.heads + a.kv_heads;
    T* at = query   ? a.q + row * a.q_stride + item * a.size
            : value ? a.v + row * a.v_stride + (item - a.heads - a.kv_heads) * a.size
                    : a.k + row * a.k_stride + (item - a.heads) * a.size;
    const std::int64_t turn = std::int64_t(position) * (a.size / 2);
    const bool turns = !value && a.cosine;
    Numbers x;
    load_turned(at, a.size, turns ? a.cosine + turn : nullptr, turns ? a.sine + turn : nullptr, x);
    if (!query) round_as(a.kept, a.size, x);
    __syncwarp(); // each lane has read its partners' numbers
    const int lane = int(threadIdx.x) % 32;
#pragma unroll
    for (int b = 0; b < per_lane; ++b)
        if (32 * b + lane < a.size) at[32 * b + lane] = from_float<T>(x[b]);
}

} // namespace

static void append_rounded(const AppendKeyValue& op, const CudaStream& stream) {
    with_type(op.k.dtype, [&]<class T>(T) {
        const RoundedArguments<T> arguments{
            .k = op.k.as<T>(),
            .v = op.v.as<T>(),
            .k_stride = op.k.stride(),
            .v_stride = op.v.stride(),
            .cosine = op.cosine.as<float>(),
            .sine = op.sine.as<float>(),
            .cache_k = op.cache.k.data,
            .cache_v = op.cache.v.data,
            .kept = {op.cache.k.dtype, op.cache.format},
            .offsets = op.segments->device_offsets.as<std::int32_t>(),
            .lengths = op.segments->device_lengths.as<std::int32_t>(),
            .starts = op.device_starts.as<std::int32_t>(),
            .capacity = op.cache.k.shape[2],
            .sequences = op.segments->count(),
            .kv_heads = int(op.cache.k.shape[1]),
            .size = int(op.head_size()),
        };
        launch_kernel<append_rounded_kernel<T>>(
            stream.handle,
            {dim3(unsigned(op.k.shape[0]), blocks_for(2 * arguments.kv_heads, warps)), 32 * warps},
            arguments);
    });
}

void launch(const AppendKeyValue& op, CudaStream& stream) {
    const std::int64_t rows = op.k.shape[0], size = op.head_size();
    require_size(size);
    if (rows == 0) return;
    if (op.cache.k.dtype != op.k.dtype) return append_rounded(op, stream);
    with_type(op.k.dtype, [&]<class T>(T) {
        const AppendArguments<T> arguments{
            .k = op.k.as<T>(),
            .v = op.v.as<T>(),
            .k_stride = op.k.stride(),
            .v_stride = op.v.stride(),
            .cosine = op.cosine.as<float>(),
            .sine = op.sine.as<float>(),
            .cache_k = op.cache.k.as<T>(),
            .cache_v = op.cache.v.as<T>(),
            .offsets = op.segments->device_offsets.as<std::int32_t>(),
            .lengths = op.segments->device_lengths.as<std::int32_t>(),
            .starts = op.device_starts.as<std::int32_t>(),
            .capacity = op.cache.k.shape[2],
            .sequences = op.segments->count(),
            .kv_heads = int(op.cache.k.shape[1]),
            .size = int(size),
        };
        const auto launch_by = [&]<int count>(std::integral_constant<int, count>) {
            const std::int64_t items = op.cache.k.shape[1] * (size / 2 / count);
            launch_kernel<append_kernel<T, count>>(
                stream.handle, {{unsigned(rows), blocks_for(items, 128)}, 128}, arguments);
        };
        constexpr int most = 16 / sizeof(T);
        if (fits<T, most>(size / 2, op.k, op.v, op.cache.k, op.cache.v))
            launch_by(std::integral_constant<int, most>{});
        else
            launch_by(std::integral_constant<int, 1>{});
    });
}

void launch(const RoundKeyValue& op, CudaStream& stream) {
    require_size(op.head_size());
    if (op.q.shape[0] == 0) return;
    with_type(op.q.dtype, [&]<class T>(T) {
        const RoundArguments<T> arguments{
            .q = op.q.as<T>(),
            .k = op.k.as<T>(),
            .v = op.v.as<T>(),
            .q_stride = op.q.stride(),
            .k_stride = op.k.stride(),
            .v_stride = op.v.stride(),
            .cosine = op.cosine.as<float>(),
            .sine = op.sine.as<float>(),
            .kept = {op.type, op.format},
            .offsets = op.segments->device_offsets.as<std::int32_t>(),
            .sequences = op.segments->count(),
            .heads = op.heads,
            .kv_heads = op.kv_heads,
            .size = int(op.head_size()),
        };
        launch_kernel<round_kernel<T>>(
            stream.handle,
            {dim3(unsigned(op.q.shape[0]), blocks_for(op.heads + 2 * op.kv_heads, warps)),
             32 * warps},
            arguments);
    });
}

} // namespace sweetspot
