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

template <class T, Activation activation>
struct TurnedBack {
    const T *x, *dy;
    T* dx;

    template <int count>
    __device__ Pack<float, count> value(std::int64_t i) const {
        const auto given = load_floats<count>(x + i);
        auto y = load_floats<count>(dy + i);
#pragma unroll
        for (int j = 0; j < count; ++j) y.x[j] *= activation_slope(activation, given.x[j]);
        return y;
    }
    template <int count>
    __device__ void store(std::int64_t i, const Pack<float, count>& y) const {
        store_floats(dx + i, y);
    }
};

template <class T, Activation activation>
void turn_back(const ActivateBackward& op, CudaStream& stream) {
    constexpr int most = 16 / sizeof(T);
    const bool fit = aligned(op.x, most) && aligned(op.dy, most) && aligned(op.dx, most);
    with_packs<most>(fit, [&]<int count>(Count<count>) {
        launch_flat<count>(stream,
                           TurnedBack<T, activation>{op.x.as<T>(), op.dy.as<T>(), op.dx.as<T>()},
                           op.x.shape.count());
    });
}

template <class T>
struct SwiGluTensors {
    const T *gate, *up, *dy;
    T *dgate, *dup;
    std::int64_t gate_stride, up_stride, dgate_stride, dup_stride, rows, width;
};

template <class T, int count>
__global__ void __launch_bounds__(threads_per_block) swiglu_backward_kernel(SwiGluTensors<T> a) {
    const std::int64_t row = row_of_thread(), column = column_of_thread(count);
    if (row >= a.rows || column >= a.width) return;
    const auto gate = load_floats<count>(a.gate + row * a.gate_stride + column);
    const auto up = load_floats<count>(a.up + row * a.up_stride + column);
    const auto dy = load_floats<count>(a.dy + row * a.width + column);
    Pack<float, count> dgate, dup;
#pragma unroll
    for (int i = 0; i < count; ++i) {
        dgate.x[i] = dy.x[i] * up.x[i] * silu_slope(gate.x[i]);
        dup.x[i] = dy.x[i] * silu(gate.x[i]);
    }
    store_floats(a.dgate + row * a.dgate_stride + column, dgate);
    store_floats(a.dup + row * a.dup_stride + column, dup);
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

void launch(const ActivateBackward& op, CudaStream& stream) {
    with_type(op.x.dtype, [&]<class T>(T) {
        switch (op.activation) {
        case Activation::none: return turn_back<T, Activation::none>(op, stream);
        case Activation::gelu: return turn_back<T, Activation::gelu>(op, stream);
        case Activation::gelu_tanh: return turn_back<T, Activation::gelu_tanh>(op, stream);
        case Activation::silu: return turn_back<T, Activation::silu>(op, stream);
        }
    });
}

void launch(const SwiGluBackward& op, CudaStream& stream) {
    const std::int64_t rows = op.dy.shape[0], width = op.dy.shape[1];
    with_type(op.dy.dtype, [&]<class T>(T) {
        constexpr int most = 16 / sizeof(T);
        const bool fit = in_packs(op.gate, most) && in_packs(op.up, most) &&
                         in_packs(op.dy, most) && in_packs(op.dgate, most) &&
                         in_packs(op.dup, most);
        with_packs<most>(fit, [&]<int count>(Count<count>) {
            launch_rows<swiglu_backward_kernel<T, count>>(
                stream, rows, width, count,
                SwiGluTensors<T>{op.gate.as<T>(), op.up.as<T>(), op.dy.as<T>(), op.dgate.as<T>(),
                                 op.dup.as<T>(), op.gate.stride(), op.up.stride(),
                                 op.dgate.stride(), op.dup.stride(), rows, width});
        });
    });
}

} // namespace sweetspot
