#include "kernels/core/philox.h"
#include "kernels/core/random_rounding.h"
#include "kernels/cuda/reduce.cuh"
#include "kernels/cuda/rows.cuh"
#include "kernels/ops/optimizer.h"

namespace sweetspot {

namespace {

struct AdamWNumbers {
    float *weight, *mean, *square;
    const float *gradient, *scale; ///< scale or null
    const float *numbers, *norm;   ///< of DeviceStep, or null
    float step, root, kept, beta1, rest1, beta2, rest2, epsilon;
};

/// Whether gradients are such that a step may be made of them.
__device__ bool is_finite(const float* norm) {
    return !norm || *norm - *norm == 0;
}

__global__ void __launch_bounds__(threads_per_block)
    adamw_kernel(AdamWNumbers a, std::int64_t count) {
    const std::int64_t i = std::int64_t(blockIdx.x) * threads_per_block + threadIdx.x;
    if (i >= count || !is_finite(a.norm)) return;
    float g = a.gradient[i] * (a.scale ? *a.scale : 1.0f);
    float step = a.step, root = a.root, kept = a.kept;
    if (a.numbers) step = a.numbers[0], root = a.numbers[1], kept = a.numbers[2], g *= a.numbers[3];
    const float m = a.mean[i] * a.beta1 + g * a.rest1;
    const float v = a.square[i] * a.beta2 + g * g * a.rest2;
    a.mean[i] = m;
    a.square[i] = v;
    a.weight[i] = a.weight[i] * kept - step * (m / (sqrtf(v) * root + a.epsilon));
}

__global__ void __launch_bounds__(threads_per_block)
    sgd_kernel(float* weight, const float* gradient, float* velocity, const float* scale,
               const float* numbers, const float* norm, float rate, float momentum, float decay,
               std::int64_t count) {
    const std::int64_t i = std::int64_t(blockIdx.x) * threads_per_block + threadIdx.x;
    if (i >= count || !is_finite(norm)) return;
    float g = gradient[i] * (scale ? *scale : 1.0f);
    if (numbers) rate = numbers[0], g *= numbers[1];
    float step = g + weight[i] * decay;
    if (velocity) velocity[i] = step += velocity[i] * momentum;
    weight[i] -= step * rate;
}

/// A block a piece.
__global__ void __launch_bounds__(threads_per_block)
    square_sums_kernel(const float* x, float* sums, std::int64_t count) {
    SHARED(float[32], scratch);
    const std::int64_t first = blockIdx.x * SquareSum::piece;
    const std::int64_t end = first + SquareSum::piece < count ? first + SquareSum::piece : count;
    float sum = 0;
    for (std::int64_t i = first + threadIdx.x; i < end; i += threads_per_block) sum += x[i] * x[i];
    sum = block_sum(sum, scratch);
    if (threadIdx.x == 0) sums[blockIdx.x] = sum;
}

__global__ void __launch_bounds__(threads_per_block)
    sum_kernel(const float* x, float* y, std::int64_t count) {
    SHARED(double[32], scratch);
    double sum = 0;
    for (std::int64_t i = threadIdx.x; i < count; i += threads_per_block) sum += x[i];
    sum = block_sum(sum, scratch);
    if (threadIdx.x == 0) *y = float(sum);
}

__global__ void clip_kernel(const float* squares, int count, float* norm, float* scale,
                            float limit) {
    double sum = 0;
    for (int i = 0; i < count; ++i) sum += double(squares[i]);
    const double found = sqrt(sum);
    *norm = float(found);
    const bool clips = limit > 0 && double(limit) < found + 1e-6 && found - found == 0;
    *scale = clips ? float(double(limit) / (found + 1e-6)) : 1.0f;
}

__global__ void __launch_bounds__(threads_per_block)
    stochastic_round_kernel(const float* x, std::uint16_t* y, std::int64_t first,
                            std::uint64_t seed, const std::uint64_t* device_seed,
                            std::int64_t count) {
    const std::int64_t i = std::int64_t(blockIdx.x) * threads_per_block + threadIdx.x;
    if (device_seed) seed = *device_seed;
    if (i < count) y[i] = bfloat16_at_random(x[i], philox_word(std::uint64_t(first + i), seed));
}

unsigned blocks_of(const Out& weight) {
    return blocks_for(weight.shape.count(), threads_per_block);
}

} // namespace

void launch(const AdamW& op, CudaStream& stream) {
    launch_kernel<adamw_kernel>(stream.handle, {blocks_of(op.weight), threads_per_block},
                                AdamWNumbers{.weight = op.weight.as<float>(),
                                             .mean = op.mean.as<float>(),
                                             .square = op.square.as<float>(),
                                             .gradient = op.gradient.as<float>(),
                                             .scale = op.scale.as<float>(),
                                             .numbers = op.on_device.numbers.as<float>(),
                                             .norm = op.on_device.norm.as<float>(),
                                             .step = op.step_size(),
                                             .root = op.square_factor(),
                                             .kept = op.kept_weight(),
                                             .beta1 = float(op.beta1),
                                             .rest1 = float(1 - op.beta1),
                                             .beta2 = float(op.beta2),
                                             .rest2 = float(1 - op.beta2),
                                             .epsilon = float(op.epsilon)},
                                op.weight.shape.count());
}

void launch(const Sgd& op, CudaStream& stream) {
    launch_kernel<sgd_kernel>(
        stream.handle, {blocks_of(op.weight), threads_per_block}, op.weight.as<float>(),
        op.gradient.as<float>(), op.velocity.as<float>(), op.scale.as<float>(),
        op.on_device.numbers.as<float>(), op.on_device.norm.as<float>(), float(op.learning_rate),
        float(op.momentum), float(op.decay), op.weight.shape.count());
}

void launch(const SquareSum& op, CudaStream& stream) {
    auto* sums = static_cast<float*>(stream.workspace);
    launch_kernel<square_sums_kernel>(stream.handle, {unsigned(op.pieces()), threads_per_block},
                                      op.x.as<float>(), sums, op.x.shape.count());
    launch_kernel<sum_kernel>(stream.handle, {1u, threads_per_block}, sums, op.sum.as<float>(),
                              op.pieces());
}

void launch(const ClipScale& op, CudaStream& stream) {
    launch_kernel<clip_kernel>(stream.handle, {1u, 1u}, op.squares.as<float>(),
                               int(op.squares.shape[0]), op.norm.as<float>(), op.scale.as<float>(),
                               op.limit);
}

void launch(const StochasticRound& op, CudaStream& stream) {
    launch_kernel<stochastic_round_kernel>(stream.handle, {blocks_of(op.y), threads_per_block},
                                           op.x.as<float>(), op.y.as<std::uint16_t>(), op.first,
                                           op.seed, op.device_seed, op.x.shape.count());
}

} // namespace sweetspot
