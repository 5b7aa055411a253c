#include "kernels/cuda/functions.cuh"
#include "kernels/cuda/rows.cuh"

namespace sweetspot {

namespace {

template <class T, Activation activation>
struct Activated {
    T* x;

    template <int count>
    __device__ Pack<float, count> value(std::int64_t i) const {
        auto y = load_floats<count>(x + i);
#pragma unroll
        for (float& number : y.x) number = activated(activation, number);
        return y;
    }
    template <int count>
    __device__ void store(std::int64_t i, const Pack<float, count>& y) const {
        store_floats(x + i, y);
    }
};

template <class T, Activation activation>
void activate(const Activate& op, CudaStream& stream) {
    constexpr int most = 16 / sizeof(T);
    with_packs<most>(aligned(op.x, most), [&]<int count>(Count<count>) {
        launch_flat<count>(stream, Activated<T, activation>{op.x.as<T>()}, op.x.shape.count());
    });
}

template <class T, int count>
__global__ void __launch_bounds__(threads_per_block)
    swiglu_kernel(const T* gate, std::int64_t gate_stride, const T* up, std::int64_t up_stride,
                  T* y, std::int64_t rows, std::int64_t width) {
    const std::int64_t row = row_of_thread(), column = column_of_thread(count);
    if (row >= rows || column >= width) return;
    auto value = load_floats<count>(gate + row * gate_stride + column);
    const auto factor = load_floats<count>(up + row * up_stride + column);
#pragma unroll
    for (int i = 0; i < count; ++i) value.x[i] = silu(value.x[i]) * factor.x[i];
    store_floats(y + row * width + column, value);
}

} // namespace

void launch(const Activate& op, CudaStream& stream) {
    with_type(op.x.dtype, [&]<class T>(T) {
        switch (op.activation) {
        case Activation::none: return;
        case Activation::gelu: return activate<T, Activation::gelu>(op, stream);
        case Activation::gelu_tanh: return activate<T, Activation::gelu_tanh>(op, stream);
        case Activation::silu: return activate<T, Activation::silu>(op, stream);
        }
    });
}

void launch(const SwiGlu& op, CudaStream& stream) {
    const std::int64_t rows = op.y.shape[0], width = op.y.shape[1];
    with_type(op.y.dtype, [&]<class T>(T) {
        constexpr int most = 16 / sizeof(T);
        const bool fit = in_packs(op.gate, most) && in_packs(op.up, most) && in_packs(op.y, most);
        with_packs<most>(fit, [&]<int count>(Count<count>) {
            launch_rows<swiglu_kernel<T, count>>(stream, rows, width, count, op.gate.as<T>(),
                                                 op.gate.stride(), op.up.as<T>(), op.up.stride(),
                                                 op.y.as<T>(), rows, width);
        });
    });
}

} // namespace sweetspot
