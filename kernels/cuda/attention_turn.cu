#include "kernels/cuda/attention_turn.h"
#include "kernels/cuda/convert.cuh"
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/segments.cuh"

// Rotary positions for attention: q and k turned into the workspace before it, gradients turned
// back behind it.

namespace sweetspot {

namespace {

constexpr int turn_threads = 128;

template <class T>
struct TurnArguments {
    const T *q, *k;
    T *to_q, *to_k;
    const float *cosine, *sine;
    const std::int32_t* offsets;
    std::int64_t q_stride, k_stride, to_q_stride, to_k_stride;
    int sequences, heads, kv_heads, half;
    float sign; ///< -1 turns back
};

/// A block a row. A thread turns `count` channels of the lower half of a head and the ones of the
/// upper half that rotate with them.
template <class T, int count>
__global__ void __launch_bounds__(turn_threads) turn_kernel(TurnArguments<T> a) {
    const int row = int(blockIdx.x), parts = a.half / count;
    const int position = row - a.offsets[sequence_of(a.offsets, a.sequences, row)];
    for (int item = int(threadIdx.x); item < (a.heads + a.kv_heads) * parts; item += turn_threads) {
        const bool is_q = item < a.heads * parts;
        const int head = item / parts - (is_q ? 0 : a.heads), low = item % parts * count;
        const int column = head * 2 * a.half + low;
        const T* from = is_q ? a.q + row * a.q_stride + column : a.k + row * a.k_stride + column;
        T* to =
            is_q ? a.to_q + row * a.to_q_stride + column : a.to_k + row * a.to_k_stride + column;
        using Part = Pack<T, count>;
        using Factors = Pack<float, count>;
        const std::int64_t at = std::int64_t(position) * a.half + low;
        const Part x = *reinterpret_cast<const Part*>(from);
        const Part y = *reinterpret_cast<const Part*>(from + a.half);
        const Factors cosine = *reinterpret_cast<const Factors*>(a.cosine + at);
        const Factors sine = *reinterpret_cast<const Factors*>(a.sine + at);
        Part lower, upper;
#pragma unroll
        for (int i = 0; i < count; ++i) {
            const float c = cosine.x[i], s = sine.x[i] * a.sign;
            lower.x[i] = from_float<T>(to_float(x.x[i]) * c - to_float(y.x[i]) * s);
            upper.x[i] = from_float<T>(to_float(y.x[i]) * c + to_float(x.x[i]) * s);
        }
        *reinterpret_cast<Part*>(to) = lower;
        *reinterpret_cast<Part*>(to + a.half) = upper;
    }
}

template <class T>
void launch_turn_of(const Turn& turn, const CudaStream& stream) {
    const TurnArguments<T> arguments{
        .q = turn.q.as<T>(),
        .k = turn.k.as<T>(),
        .to_q = turn.to_q.as<T>(),
        .to_k = turn.to_k.as<T>(),
        .cosine = turn.cosine.as<float>(),
        .sine = turn.sine.as<float>(),
        .offsets = turn.segments->device_offsets.as<std::int32_t>(),
        .q_stride = turn.q.stride(),
        .k_stride = turn.k.stride(),
        .to_q_stride = turn.to_q.stride(),
        .to_k_stride = turn.to_k.stride(),
        .sequences = turn.segments->count(),
        .heads = turn.heads,
        .kv_heads = turn.kv_heads,
        .half = int(turn.q.shape[1] / turn.heads / 2),
        .sign = turn.back ? -1.0f : 1.0f,
    };
    constexpr int count = 16 / sizeof(T);
    const auto fits = [&](const In& t) {
        return reinterpret_cast<std::uintptr_t>(t.data) % (count * size_of(t.dtype)) == 0 &&
               t.stride() % count == 0;
    };
    const LaunchShape shape{unsigned(turn.q.shape[0]), turn_threads};
    if (arguments.half % count == 0 && fits(turn.q) && fits(turn.k) && fits(turn.to_q) &&
        fits(turn.to_k) && fits(turn.cosine) && fits(turn.sine))
        launch_kernel<turn_kernel<T, count>>(stream.handle, shape, arguments);
    else
        launch_kernel<turn_kernel<T, 1>>(stream.handle, shape, arguments);
}

} // namespace

void launch_turn(const Turn& turn, const CudaStream& stream) {
    with_type(turn.q.dtype, [&]<class T>(T) { launch_turn_of<T>(turn, stream); });
}

Attention with_turned_rows(const Attention& op, CudaStream& stream) {
    require(op.segments->device_offsets.present() && op.segments->device_lengths.present(),
            Failure::bug, "attention on a GPU finds offsets and lengths there");
    if (!op.cosine.present()) return op;
    const Out q{stream.workspace, op.q.shape, op.q.dtype};
    const Out k{static_cast<std::byte*>(stream.workspace) + op.q.bytes(), op.k.shape, op.k.dtype};
    launch_turn({.q = op.q,
                 .k = op.k,
                 .to_q = q,
                 .to_k = k,
                 .cosine = op.cosine,
                 .sine = op.sine,
                 .segments = op.segments,
                 .heads = op.heads,
                 .kv_heads = op.kv_heads},
                stream);
    Attention turned = op;
    turned.cosine = turned.sine = {};
    turned.q = q;
    turned.k = k;
    return turned;
}

} // namespace sweetspot
