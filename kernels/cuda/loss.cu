#include "kernels/cuda/convert.cuh"
#include "kernels/cuda/reduce.cuh"
#include "kernels/ops/loss.h"

// What is made of rows of logits: their cross-entropy, which reads each once, and the draw of a
// token.

namespace sweetspot {

namespace {

constexpr float lowest = -3.402823466e38f;

/// A block a row, with at most 1024 threads; each reads eight numbers or more of a wide row.
template <auto kernel, class... Arguments>
void launch_block_a_row(CudaStream& stream, const In& logits, const Arguments&... arguments) {
    if (logits.shape[0] == 0) return;
    const unsigned warps = std::min(blocks_for(logits.shape[1], 32 * 8), 32u);
    launch_kernel<kernel>(stream.handle, {unsigned(logits.shape[0]), 32 * warps}, arguments...);
}

/// A row in aligned packs of four, wherever it begins: the first and the last may hold fewer, and
/// have -infinity in the other places.
struct RowInPacks {
    const float* x;
    int width, before; ///< places in the first pack before the row

    __device__ RowInPacks(const float* x, int width)
        : x(x), width(width), before(int(reinterpret_cast<std::uintptr_t>(x) / 4 % 4)) {}
    __device__ int packs() const { return (before + width + 3) / 4; }
    __device__ Pack<float, 4> operator[](int pack) const {
        const int first = 4 * pack - before;
        if (first >= 0 && first + 4 <= width) return load_floats<4>(x + first);
        Pack<float, 4> y;
#pragma unroll
        for (int i = 0; i < 4; ++i)
            y.x[i] = first + i >= 0 && first + i < width ? x[first + i] : -INFINITY;
        return y;
    }
};

/// The row is read once: each thread keeps its largest logit and a sum that is relative to it
/// (Milakov and Gimelshein, 2018).
__global__ void __launch_bounds__(1024, 1)
    cross_entropy_kernel(const float* logits, const std::int32_t* targets, float* losses,
                         int vocabulary) {
    SHARED(float[32], scratch);
    const std::int64_t row = blockIdx.x;
    const std::int32_t target = targets[row];
    if (target < 0) {
        if (threadIdx.x == 0) losses[row] = 0;
        return;
    }
    const RowInPacks packs(logits + row * vocabulary, vocabulary);
    float largest = lowest, sum = 0;
#pragma unroll 4
    for (int p = int(threadIdx.x); p < packs.packs(); p += int(blockDim.x)) {
        const auto x = packs[p];
        const float before = largest;
        largest = fmaxf(largest, fmaxf(fmaxf(x.x[0], x.x[1]), fmaxf(x.x[2], x.x[3])));
        sum = sum * expf(before - largest) + (expf(x.x[0] - largest) + expf(x.x[1] - largest)) +
              (expf(x.x[2] - largest) + expf(x.x[3] - largest));
    }
    const float all =
        block_reduce(largest, lowest, scratch, [](float a, float b) { return fmaxf(a, b); });
    const float total = block_sum(sum * expf(largest - all), scratch);
    if (threadIdx.x == 0) losses[row] = logf(total) + (all - packs.x[target]);
}

/// Each thread writes where it has read, so the gradient may take the place of the logits.
template <class T>
__global__ void __launch_bounds__(1024, 1)
    cross_entropy_gradient_kernel(const float* logits, const std::int32_t* targets, float* losses,
                                  T* dlogits, int vocabulary, float scale,
                                  const float* device_scale) {
    SHARED(float[32], scratch);
    const std::int64_t row = blockIdx.x;
    const std::int32_t target = targets[row];
    if (device_scale) scale = *device_scale;
    const float* x = logits + row * vocabulary;
    T* dx = dlogits + row * vocabulary;
    const int thread = int(threadIdx.x), threads = int(blockDim.x);
    if (target < 0) {
        for (int i = thread; i < vocabulary; i += threads) dx[i] = from_float<T>(0);
        if (thread == 0) losses[row] = 0;
        return;
    }
    float mine = lowest;
#pragma unroll 4
    for (int i = thread; i < vocabulary; i += threads) mine = fmaxf(mine, x[i]);
    const float largest =
        block_reduce(mine, lowest, scratch, [](float a, float b) { return fmaxf(a, b); });
    float sum = 0;
#pragma unroll 4
    for (int i = thread; i < vocabulary; i += threads) sum += expf(x[i] - largest);
    const float total = block_sum(sum, scratch);
    if (thread == 0) losses[row] = logf(total) + (largest - x[target]);
    __syncthreads(); // the target's logit may be overwritten
    const float share = 1.0f / total;
    for (int i = thread; i < vocabulary; i += threads)
        dx[i] = from_float<T>((expf(x[i] - largest) * share - (i == target ? 1.0f : 0.0f)) * scale);
}

/// One row of a draw. Everything that a block finds out it knows in each thread.
struct SampledRow {
    const float* x;
    int width;
    double* scratch;

    /// The sum of f(number, id) over the row.
    template <class F>
    __device__ double sum(F f) const {
        double mine = 0;
#pragma unroll 4
        for (int i = int(threadIdx.x); i < width; i += int(blockDim.x)) mine += f(x[i], i);
        return block_sum(mine, scratch);
    }
    __device__ float largest(float* shared) const {
        float mine = lowest;
#pragma unroll 4
        for (int i = int(threadIdx.x); i < width; i += int(blockDim.x)) mine = fmaxf(mine, x[i]);
        return block_reduce(mine, lowest, shared, [](float a, float b) { return fmaxf(a, b); });
    }
};

__global__ void __launch_bounds__(1024, 1)
    likeliest_kernel(const float* logits, std::int32_t* ids, int vocabulary) {
    SHARED(float[32], scratch);
    SHARED(int[32], more_scratch);
    const SampledRow row{logits + std::int64_t(blockIdx.x) * vocabulary, vocabulary, nullptr};
    const float largest = row.largest(scratch);
    int first = vocabulary;
    for (int i = int(threadIdx.x); i < vocabulary; i += int(blockDim.x))
        if (row.x[i] == largest) first = min(first, i);
    first = block_reduce(first, vocabulary, more_scratch, [](int a, int b) { return min(a, b); });
    if (threadIdx.x == 0) ids[blockIdx.x] = first < vocabulary ? first : 0; // 0: all are NaN
}

/// The largest number in [low, high] for which holds(), which fails above it and holds at `low`.
template <class Holds>
__device__ int last_where(int low, int high, Holds holds) {
    while (low < high) {
        const int middle = low + (high - low + 1) / 2;
        if (holds(middle))
            low = middle;
        else
            high = middle - 1;
    }
    return low;
}

/// Numbers >= 0 are ordered as their bits are.
constexpr int bits_of_one = 0x3f800000;

/// The token at `uniform` of the mass of the likeliest that hold top_p, likeliest first, the
/// smallest id first among equals. Nothing is sorted: where in that order a mass is reached is
/// found by bisection of the weights' bits, each step a sum over the row.
__device__ int drawn_of_likeliest(const SampledRow& weights, double wanted, double uniform) {
    const auto from = [&](int bits) { // mass of this weight and larger ones
        const float least = __int_as_float(bits);
        return weights.sum([=](float w, int) { return w >= least ? double(w) : 0.0; });
    };
    const auto above = [&](int bits) {
        const float most = __int_as_float(bits);
        return weights.sum([=](float w, int) { return w > most ? double(w) : 0.0; });
    };
    const int cut = last_where(1, bits_of_one, [&](int bits) { return from(bits) >= wanted; });
    const double cut_weight = double(__int_as_float(cut)), above_cut = above(cut);
    const double kept = max(1.0, ceil((wanted - above_cut) / cut_weight)); // of those at the cut
    const double target = uniform * (above_cut + kept * cut_weight);

    const int bits = last_where(cut, bits_of_one, [&](int b) { return from(b) > target; });
    const float weight = __int_as_float(bits);
    const double equals = weights.sum([=](float w, int) { return w == weight ? 1.0 : 0.0; });
    const double before = min(max(0.0, floor((target - above(bits)) / double(weight))),
                              (bits == cut ? min(kept, equals) : equals) - 1);
    return last_where(0, weights.width - 1, [&](int id) {
        const auto earlier = [=](float w, int i) { return w == weight && i < id ? 1.0 : 0.0; };
        return weights.sum(earlier) <= before;
    });
}

__global__ void __launch_bounds__(1024, 1)
    sample_kernel(const float* logits, const float* uniforms, float* all_weights, std::int32_t* ids,
                  int vocabulary, double temperature, double top_p) {
    SHARED(float[32], scratch);
    SHARED(double[32], sums);
    const std::int64_t first = std::int64_t(blockIdx.x) * vocabulary;
    const double uniform = double(uniforms[blockIdx.x]);
    const double largest = double(SampledRow{logits + first, vocabulary, sums}.largest(scratch));
    for (int i = int(threadIdx.x); i < vocabulary; i += int(blockDim.x))
        all_weights[first + i] = float(exp((double(logits[first + i]) - largest) / temperature));
    __syncthreads();

    const SampledRow weights{all_weights + first, vocabulary, sums};
    const double mass = weights.sum([](float w, int) { return double(w); });
    int id = 0;
    if (top_p < 1) {
        id = drawn_of_likeliest(weights, top_p * mass, uniform);
    } else {
        id = last_where(0, vocabulary - 1, [&](int id) {
            const auto earlier = [=](float w, int i) { return i < id ? double(w) : 0.0; };
            return weights.sum(earlier) <= uniform * mass;
        });
    }
    if (threadIdx.x == 0) ids[blockIdx.x] = id;
}

} // namespace

void launch(const CrossEntropy& op, CudaStream& stream) {
    launch_block_a_row<cross_entropy_kernel>(stream, op.logits, op.logits.as<float>(),
                                             op.targets.as<std::int32_t>(), op.losses.as<float>(),
                                             int(op.logits.shape[1]));
}

void launch(const CrossEntropyGradient& op, CudaStream& stream) {
    with_type(op.dlogits.dtype, [&]<class T>(T) {
        launch_block_a_row<cross_entropy_gradient_kernel<T>>(
            stream, op.logits, op.logits.as<float>(), op.targets.as<std::int32_t>(),
            op.losses.as<float>(), op.dlogits.as<T>(), int(op.logits.shape[1]), op.scale,
            op.device_scale.as<float>());
    });
}

void launch(const Sample& op, CudaStream& stream) {
    const int vocabulary = int(op.logits.shape[1]);
    if (op.temperature == 0)
        launch_block_a_row<likeliest_kernel>(stream, op.logits, op.logits.as<float>(),
                                             op.ids.as<std::int32_t>(), vocabulary);
    else
        launch_block_a_row<sample_kernel>(
            stream, op.logits, op.logits.as<float>(), op.uniforms.as<float>(),
            static_cast<float*>(stream.workspace), op.ids.as<std::int32_t>(), vocabulary,
            double(op.temperature), double(op.top_p));
}

} // namespace sweetspot
