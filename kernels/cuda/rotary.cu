#include "kernels/cuda/rows.cuh"
#include "kernels/ops/rotary.h"

// Rotary positions as an op of their own.

namespace sweetspot {

namespace {

__global__ void __launch_bounds__(threads_per_block)
    rotary_table_kernel(float* cosine, float* sine, const float* slower, double base,
                        double magnitude, int half, std::int64_t positions) {
    const std::int64_t position = row_of_thread(), i = column_of_thread(1);
    if (position >= positions || i >= half) return;
    double angle = double(position) * pow(base, -double(i) / half);
    if (slower) angle /= double(slower[i]);
    cosine[position * half + i] = float(cos(angle) * magnitude);
    sine[position * half + i] = float(sin(angle) * magnitude);
}

template <class T>
struct Turned {
    T* x;
    std::int64_t stride;
    const std::int32_t* positions;
    const float *cosine, *sine;
    std::int64_t rows;
    int heads, half;
};

/// Turns (first, second) by these angles.
template <int count>
__device__ void turn(Pack<float, count>& first, Pack<float, count>& second,
                     const Pack<float, count>& cosine, const Pack<float, count>& sine) {
#pragma unroll
    for (int i = 0; i < count; ++i) {
        const float a = first.x[i], b = second.x[i];
        first.x[i] = a * cosine.x[i] - b * sine.x[i];
        second.x[i] = b * cosine.x[i] + a * sine.x[i];
    }
}

/// A thread turns `count` pairs of one head.
template <class T, RotaryPairs pairs, int count>
__global__ void __launch_bounds__(threads_per_block) rotary_kernel(Turned<T> t) {
    const std::int64_t row = row_of_thread();
    const int column = int(column_of_thread(count)), head = column / t.half;
    if (row >= t.rows || head >= t.heads) return;
    const int i = column - head * t.half;
    const std::int64_t angle = std::int64_t(t.positions[row]) * t.half + i;
    const auto cosine = load_floats<count>(t.cosine + angle);
    const auto sine = load_floats<count>(t.sine + angle);
    T* x = t.x + row * t.stride + head * 2 * t.half;

    if constexpr (pairs == RotaryPairs::halves) {
        auto first = load_floats<count>(x + i), second = load_floats<count>(x + i + t.half);
        turn(first, second, cosine, sine);
        store_floats(x + i, first);
        store_floats(x + i + t.half, second);
    } else {
        constexpr int at_once = count > 1 ? 2 * count : 1; // a single pair may lie anywhere
        Pack<float, count> first, second;
#pragma unroll
        for (int j = 0; j < 2 * count; j += at_once) {
            const auto both = load_floats<at_once>(x + 2 * i + j);
#pragma unroll
            for (int k = 0; k < at_once; ++k)
                ((j + k) % 2 ? second : first).x[(j + k) / 2] = both.x[k];
        }
        turn(first, second, cosine, sine);
#pragma unroll
        for (int j = 0; j < 2 * count; j += at_once) {
            Pack<float, at_once> both;
#pragma unroll
            for (int k = 0; k < at_once; ++k)
                both.x[k] = ((j + k) % 2 ? second : first).x[(j + k) / 2];
            store_floats(x + 2 * i + j, both);
        }
    }
}

template <class T, RotaryPairs pairs>
void turn(const Rotary& op, CudaStream& stream) {
    // 16 bytes a thread: of each half, or of pairs.
    constexpr int at_once = 16 / sizeof(T),
                  most = pairs == RotaryPairs::halves ? at_once : at_once / 2;
    const std::int64_t half = op.cosine.shape[1];
    const auto heads = int(op.x.shape[1] / (2 * half));
    const bool fit =
        in_packs(op.x, at_once) && half % most == 0 && aligned(op.cosine, 4) && aligned(op.sine, 4);
    with_packs<most>(fit, [&]<int count>(Count<count>) {
        launch_rows<rotary_kernel<T, pairs, count>>(
            stream, op.x.shape[0], heads * half, count,
            Turned<T>{op.x.as<T>(), op.x.stride(), op.positions.as<std::int32_t>(),
                      op.cosine.as<float>(), op.sine.as<float>(), op.x.shape[0], heads, int(half)});
    });
}

} // namespace

void launch(const RotaryTable& op, CudaStream& stream) {
    const std::int64_t positions = op.cosine.shape[0], half = op.cosine.shape[1];
    launch_rows<rotary_table_kernel>(stream, positions, half, 1, op.cosine.as<float>(),
                                     op.sine.as<float>(), op.slower.as<float>(), double(op.base),
                                     double(op.magnitude), int(half), positions);
}

void launch(const Rotary& op, CudaStream& stream) {
    with_type(op.x.dtype, [&]<class T>(T) {
        if (op.pairs == RotaryPairs::halves)
            turn<T, RotaryPairs::halves>(op, stream);
        else
            turn<T, RotaryPairs::interleaved>(op, stream);
    });
}

} // namespace sweetspot
