#include "kernels/cuda/epilogue.h"
#include "kernels/cuda/functions.cuh"
#include "kernels/cuda/rows.cuh"

namespace sweetspot {

namespace {

/// `bias` and `before` may be null.
template <class T, int count>
__global__ void __launch_bounds__(threads_per_block)
    epilogue_kernel(T* x, std::int64_t stride, const float* bias, Activation activation, T* before,
                    std::int64_t before_stride, std::int64_t rows, std::int64_t width) {
    const std::int64_t row = row_of_thread(), column = column_of_thread(count);
    if (row >= rows || column >= width) return;
    auto value = load_floats<count>(x + row * stride + column);
    if (bias) {
        const auto added = load_floats<count>(bias + column);
#pragma unroll
        for (int i = 0; i < count; ++i) value.x[i] += added.x[i];
    }
    if (before) store_floats(before + row * before_stride + column, value);
#pragma unroll
    for (int i = 0; i < count; ++i) value.x[i] = activated(activation, value.x[i]);
    store_floats(x + row * stride + column, value);
}

} // namespace

void launch_epilogue(const Out& x, const In& bias, Activation activation, const Out& before,
                     const CudaStream& stream) {
    const std::int64_t rows = x.shape[0], width = x.shape[1];
    with_type(x.dtype, [&]<class T>(T) {
        constexpr int most = 16 / sizeof(T);
        const bool fit = in_packs(x, most) && (!bias.present() || aligned(bias, most)) &&
                         (!before.present() || in_packs(before, most));
        with_packs<most>(fit, [&]<int count>(Count<count>) {
            launch_rows<epilogue_kernel<T, count>>(stream, rows, width, count, x.as<T>(),
                                                   x.stride(), bias.as<float>(), activation,
                                                   before.as<T>(), before.stride(), rows, width);
        });
    });
}

} // namespace sweetspot
