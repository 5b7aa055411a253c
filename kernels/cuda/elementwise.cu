#include "kernels/cuda/check.h"
#include "kernels/cuda/rows.cuh"
#include "kernels/ops/elementwise.h"

// Ops that read and write each element once: their time is that of the memory.

namespace sweetspot {

namespace {

template <class T, int count>
__global__ void __launch_bounds__(threads_per_block)
    add_bias_kernel(T* x, std::int64_t stride, const float* bias, std::int64_t rows,
                    std::int64_t width) {
    const std::int64_t row = row_of_thread(), column = column_of_thread(count);
    if (row >= rows || column >= width) return;
    auto sum = load_floats<count>(x + row * stride + column);
    const auto added = load_floats<count>(bias + column);
#pragma unroll
    for (int i = 0; i < count; ++i) sum.x[i] += added.x[i];
    store_floats(x + row * stride + column, sum);
}

template <class T, int count>
__global__ void __launch_bounds__(threads_per_block)
    scale_kernel(const T* x, std::int64_t stride, T* y, float factor, std::int64_t rows,
                 std::int64_t width) {
    const std::int64_t row = row_of_thread(), column = column_of_thread(count);
    if (row >= rows || column >= width) return;
    auto value = load_floats<count>(x + row * stride + column);
#pragma unroll
    for (int i = 0; i < count; ++i) value.x[i] *= factor;
    store_floats(y + row * width + column, value);
}

template <class T>
struct Sum {
    float* x;
    const T* delta;

    template <int count>
    __device__ Pack<float, count> value(std::int64_t i) const {
        auto sum = load_floats<count>(x + i);
        const auto added = load_floats<count>(delta + i);
#pragma unroll
        for (int j = 0; j < count; ++j) sum.x[j] += added.x[j];
        return sum;
    }
    template <int count>
    __device__ void store(std::int64_t i, const Pack<float, count>& sum) const {
        store_floats(x + i, sum);
    }
};

template <class From, class To>
struct Conversion {
    const From* x;
    To* y;

    template <int count>
    __device__ Pack<float, count> value(std::int64_t i) const {
        return load_floats<count>(x + i);
    }
    template <int count>
    __device__ void store(std::int64_t i, const Pack<float, count>& value) const {
        store_floats(y + i, value);
    }
};

template <class T>
struct Held {
    const T* x;
    float* y;

    template <int count>
    __device__ Pack<float, count> value(std::int64_t i) const {
        auto value = load_floats<count>(y + i);
        const auto mask = load_floats<count>(x + i);
#pragma unroll
        for (int j = 0; j < count; ++j) value.x[j] = mask.x[j] == 0 ? 0 : value.x[j];
        return value;
    }
    template <int count>
    __device__ void store(std::int64_t i, const Pack<float, count>& value) const {
        store_floats(y + i, value);
    }
};

/// Rows are moved in units of this type, whatever they mean. Picks rows if `gather`, else puts them
/// where they belong.
template <class Unit, bool gather>
__global__ void __launch_bounds__(threads_per_block)
    move_rows_kernel(const Unit* x, std::int64_t stride, const std::int32_t* indices, Unit* y,
                     std::int64_t count, std::int64_t width) {
    const std::int64_t row = row_of_thread(), column = column_of_thread(1);
    if (row >= count || column >= width) return;
    const std::int64_t from = gather ? indices[row] : row, to = gather ? row : indices[row];
    y[to * width + column] = x[from * stride + column];
}

template <bool gather>
void move_rows(const In& x, const In& indices, const Out& y, CudaStream& stream) {
    const auto move = [&]<class Unit>(Unit) {
        const auto per_unit = std::int64_t(sizeof(Unit) / size_of(x.dtype));
        const std::int64_t width = x.shape[1] / per_unit;
        launch_rows<move_rows_kernel<Unit, gather>>(
            stream, indices.shape[0], width, 1, x.as<Unit>(), x.stride() / per_unit,
            indices.as<std::int32_t>(), y.as<Unit>(), indices.shape[0], width);
    };
    const int most = int(16 / size_of(x.dtype));
    if (in_packs(x, most) && in_packs(y, most)) return move(Pack<std::uint32_t, 4>{});
    if (size_of(x.dtype) == 4) return move(std::uint32_t{});
    move(std::uint16_t{});
}

} // namespace

void launch(const AddBias& op, CudaStream& stream) {
    const std::int64_t rows = op.x.shape[0], width = op.x.shape[1];
    with_type(op.x.dtype, [&]<class T>(T) {
        constexpr int most = 16 / sizeof(T);
        const bool fit = in_packs(op.x, most) && in_packs(op.bias, most);
        with_packs<most>(fit, [&]<int count>(Count<count>) {
            launch_rows<add_bias_kernel<T, count>>(stream, rows, width, count, op.x.as<T>(),
                                                   op.x.stride(), op.bias.as<float>(), rows, width);
        });
    });
}

void launch(const Add& op, CudaStream& stream) {
    with_type(op.delta.dtype, [&]<class T>(T) {
        with_packs<4>(aligned(op.x, 4) && aligned(op.delta, 4), [&]<int count>(Count<count>) {
            launch_flat<count>(stream, Sum<T>{op.x.as<float>(), op.delta.as<T>()},
                               op.x.shape.count());
        });
    });
}

void launch(const Zero& op, CudaStream& stream) {
    check_cuda(cudaMemsetAsync(op.x.data, 0, op.x.bytes(), stream.handle), "cudaMemsetAsync");
}

void launch(const Convert& op, CudaStream& stream) {
    if (op.x.dtype == op.y.dtype) {
        check_cuda(cudaMemcpyAsync(op.y.data, op.x.data, op.x.bytes(), cudaMemcpyDeviceToDevice,
                                   stream.handle),
                   "cudaMemcpyAsync");
        return;
    }
    with_type(op.x.dtype, [&]<class From>(From) {
        with_type(op.y.dtype, [&]<class To>(To) {
            if constexpr (!std::is_same_v<From, To>)
                with_packs<8>(aligned(op.x, 8) && aligned(op.y, 8), [&]<int count>(Count<count>) {
                    launch_flat<count>(stream, Conversion<From, To>{op.x.as<From>(), op.y.as<To>()},
                                       op.x.shape.count());
                });
        });
    });
}

void launch(const Scale& op, CudaStream& stream) {
    const std::int64_t rows = op.x.shape[0], width = op.x.shape[1];
    with_type(op.x.dtype, [&]<class T>(T) {
        constexpr int most = 16 / sizeof(T);
        const bool fit = in_packs(op.x, most) && in_packs(op.y, most);
        with_packs<most>(fit, [&]<int count>(Count<count>) {
            launch_rows<scale_kernel<T, count>>(stream, rows, width, count, op.x.as<T>(),
                                                op.x.stride(), op.y.as<T>(), op.factor, rows,
                                                width);
        });
    });
}

void launch(const HoldZeros& op, CudaStream& stream) {
    with_type(op.x.dtype, [&]<class T>(T) {
        with_packs<4>(aligned(op.x, 4) && aligned(op.y, 4), [&]<int count>(Count<count>) {
            launch_flat<count>(stream, Held<T>{op.x.as<T>(), op.y.as<float>()}, op.x.shape.count());
        });
    });
}

void launch(const GatherRows& op, CudaStream& stream) {
    move_rows<true>(op.x, op.indices, op.y, stream);
}

void launch(const ScatterRows& op, CudaStream& stream) {
    check_cuda(cudaMemsetAsync(op.y.data, 0, In(op.y).bytes(), stream.handle), "cudaMemsetAsync");
    move_rows<false>(op.x, op.indices, op.y, stream);
}

} // namespace sweetspot
