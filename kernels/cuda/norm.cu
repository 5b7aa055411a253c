#include "kernels/cuda/convert.cuh"
#include "kernels/cuda/launch.cuh"
#include "kernels/ops/norm.h"

namespace sweetspot {

namespace {

constexpr int rows_per_block = 4;

template <class D, class T>
struct Arguments {
    float* x;
    const D* delta; ///< or null
    const float* weight;
    const float* bias; ///< or null
    T* y;
    std::int64_t rows;
    int width;
    float epsilon;
    bool rms;
};

/// A warp a row.
template <class D, class T>
__global__ void __launch_bounds__(32 * rows_per_block) norm_kernel(Arguments<D, T> a) {
    const int lane = int(threadIdx.x) % 32;
    const std::int64_t row = std::int64_t(blockIdx.x) * rows_per_block + threadIdx.x / 32;
    if (row >= a.rows) return;
    float* x = a.x + row * a.width;

    float total = 0;
    for (int i = lane; i < a.width; i += 32) {
        float sum = x[i];
        if (a.delta) {
            sum += to_float(a.delta[row * a.width + i]);
            x[i] = sum;
        }
        total += sum;
    }
    const float mean = a.rms ? 0 : warp_sum(total) / float(a.width);

    float squares = 0;
    for (int i = lane; i < a.width; i += 32) squares += (x[i] - mean) * (x[i] - mean);
    const float scale = rsqrtf(warp_sum(squares) / float(a.width) + a.epsilon);

    for (int i = lane; i < a.width; i += 32)
        a.y[row * a.width + i] =
            from_float<T>((x[i] - mean) * scale * a.weight[i] + (a.bias ? a.bias[i] : 0.0f));
}

} // namespace

void launch(const Norm& op, CudaStream& stream) {
    with_type(op.delta.present() ? op.delta.dtype : DType::f32, [&]<class D>(D) {
        with_type(op.y.dtype, [&]<class T>(T) {
            const Arguments<D, T> arguments{
                .x = op.x.as<float>(),
                .delta = op.delta.as<D>(),
                .weight = op.weight.as<float>(),
                .bias = op.bias.as<float>(),
                .y = op.y.as<T>(),
                .rows = op.x.shape[0],
                .width = int(op.x.shape[1]),
                .epsilon = op.epsilon,
                .rms = op.kind == NormKind::rms,
            };
            launch_kernel<norm_kernel<D, T>>(
                stream.handle, {blocks_for(op.x.shape[0], rows_per_block), 32 * rows_per_block},
                arguments);
        });
    });
}

} // namespace sweetspot
