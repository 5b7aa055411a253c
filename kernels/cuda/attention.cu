#include "kernels/cuda/attention_kinds.cuh"
#include "kernels/cuda/attention_sm90.h"
#include "kernels/cuda/attention_vendor.h"
#include "kernels/cuda/segments.cuh"

namespace sweetspot {

namespace {

constexpr int turn_threads = 128;

template <class T>
struct TurnArguments {
    const T *q, *k;
    T *turned_q, *turned_k; ///< [rows, heads · size], [rows, kv_heads · size]
    const float *cosine, *sine;
    const std::int32_t* offsets;
    std::int64_t q_stride, k_stride;
    int sequences, heads, kv_heads, half;
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
        T* to = is_q ? a.turned_q + std::int64_t(row) * a.heads * 2 * a.half + column
                     : a.turned_k + std::int64_t(row) * a.kv_heads * 2 * a.half + column;
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
            const float c = cosine.x[i], s = sine.x[i];
            lower.x[i] = from_float<T>(to_float(x.x[i]) * c - to_float(y.x[i]) * s);
            upper.x[i] = from_float<T>(to_float(y.x[i]) * c + to_float(x.x[i]) * s);
        }
        *reinterpret_cast<Part*>(to) = lower;
        *reinterpret_cast<Part*>(to + a.half) = upper;
    }
}

/// Queues the turning of q and k into the workspace, for all queries that will read them, and
/// returns attention to those.
template <class T>
Attention turned_rows(const Attention& op, CudaStream& stream) {
    Attention turned = op;
    turned.cosine = turned.sine = {};
    turned.q = {stream.workspace, op.q.shape, op.q.dtype};
    turned.k = {static_cast<std::byte*>(stream.workspace) + op.q.bytes(), op.k.shape, op.k.dtype};
    const TurnArguments<T> arguments{
        .q = op.q.as<T>(),
        .k = op.k.as<T>(),
        .turned_q = static_cast<T*>(const_cast<void*>(turned.q.data)),
        .turned_k = static_cast<T*>(const_cast<void*>(turned.k.data)),
        .cosine = op.cosine.as<float>(),
        .sine = op.sine.as<float>(),
        .offsets = op.segments->device_offsets.as<std::int32_t>(),
        .q_stride = op.q.stride(),
        .k_stride = op.k.stride(),
        .sequences = op.segments->count(),
        .heads = op.heads,
        .kv_heads = op.kv_heads,
        .half = int(op.head_size() / 2),
    };
    constexpr int count = 16 / sizeof(T);
    const auto fits = [&](const In& t) {
        return reinterpret_cast<std::uintptr_t>(t.data) % (count * size_of(t.dtype)) == 0 &&
               t.stride() % count == 0;
    };
    const LaunchShape shape{unsigned(op.q.shape[0]), turn_threads};
    if (arguments.half % count == 0 && fits(op.q) && fits(op.k) && fits(op.cosine) && fits(op.sine))
        launch_kernel<turn_kernel<T, count>>(stream.handle, shape, arguments);
    else
        launch_kernel<turn_kernel<T, 1>>(stream.handle, shape, arguments);
    return turned;
}

template <class T>
void launch_kind(const Attention& op, CudaStream& stream) {
    const AttentionView<T> view = view_of<T>(op);
    if (op.kind == AttentionKind::naive) return launch_naive(view, stream.handle);
    if constexpr (sizeof(T) == 2) {
        const auto fits = [](const In& t) {
            return reinterpret_cast<std::uintptr_t>(t.data) % 4 == 0 && t.stride() % 2 == 0;
        };
        if (view.head_size % 2 == 0 && view.head_size <= largest_flash_head && fits(op.q) &&
            fits(op.k) && fits(op.v) && fits(op.y))
            return launch_flash(view, stream.handle);
    }
    require(view.head_size <= largest_float_head, Failure::unsupported,
            "flash attention on a GPU has heads of at most 256 channels");
    launch_flash_float(view, stream.handle);
}

} // namespace

Attention with_turned_rows(const Attention& op, CudaStream& stream) {
    require(op.segments->device_offsets.present() && op.segments->device_lengths.present(),
            Failure::bug, "attention on a GPU finds offsets and lengths there");
    if (!op.cosine.present()) return op;
    Attention turned;
    with_type(op.q.dtype, [&]<class T>(T) { turned = turned_rows<T>(op, stream); });
    return turned;
}

void launch(const Attention& op, CudaStream& stream) {
    const Attention turned = with_turned_rows(op, stream);
    if (op.kind == AttentionKind::vendor) {
        CudaStream behind = stream;
        behind.workspace = static_cast<std::byte*>(stream.workspace) + op.gpu_turned_bytes();
        return launch_vendor(turned, behind);
    }
    if (launch_sm90(turned, stream)) return;
    with_type(op.q.dtype, [&]<class T>(T) { launch_kind<T>(turned, stream); });
}

} // namespace sweetspot
