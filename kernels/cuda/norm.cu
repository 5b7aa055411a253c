#include "kernels/core/philox.h"
#include "kernels/cuda/convert.cuh"
#include "kernels/cuda/reduce.cuh"
#include "kernels/cuda/rows.cuh"
#include "kernels/ops/norm.h"

// LayerNorm and RMSNorm with the residual sum before and dropout inside: a row that fits is read
// once and stays in registers.

namespace sweetspot {

namespace {

template <class D, class T>
struct Arguments {
    const float* x;
    const D* delta; ///< or null
    float* sum;     ///< with delta; may be x
    const float* weight;
    const float* bias; ///< or null
    T* y;
    float *mean, *rstd; ///< or null
    std::int64_t rows;
    int width;
    float epsilon;
    bool rms;
    std::uint32_t dropped_below; ///< words of Philox; 0 = no dropout
    float kept_scale;
    std::uint64_t seed;
    const std::uint64_t* device_seed; ///< read in place of seed, or null

    __device__ std::uint64_t drawn_by() const { return device_seed ? *device_seed : seed; }
};

/// A row's place: threads along x take part in it, and those along y have rows of their own.
template <class A>
struct RowOf {
    const A& a;
    float* scratch;
    std::int64_t row = std::int64_t(blockIdx.x) * blockDim.y + threadIdx.y;
    std::int64_t first = row * a.width;

    __device__ float mean(float sum) const { return block_sum(sum, scratch) / float(a.width); }
    __device__ void keep(float mean, float rstd) const {
        if (threadIdx.x != 0) return;
        if (a.mean) a.mean[row] = mean;
        if (a.rstd) a.rstd[row] = rstd;
    }
    /// What of `delta`, the element at this place of the tensor, is added.
    __device__ float kept(float delta, std::uint32_t word) const {
        return word >= a.dropped_below ? delta * a.kept_scale : 0.0f;
    }
};

/// The row stays in registers: `packs` packs of four numbers a thread.
template <class D, class T, int packs, int most_threads, int least_blocks>
__global__ void __launch_bounds__(most_threads, least_blocks) norm_kernel(Arguments<D, T> a) {
    SHARED(float[32], scratch);
    const RowOf<Arguments<D, T>> r{a, scratch};
    if (r.row >= a.rows) return;
    const auto column = [](int p) { return 4 * (p * int(blockDim.x) + int(threadIdx.x)); };

    Pack<float, 4> x[packs];
#pragma unroll
    for (int p = 0; p < packs; ++p)
        x[p] = column(p) < a.width ? load_floats<4>(a.x + r.first + column(p)) : Pack<float, 4>{};
    if (a.delta) {
#pragma unroll
        for (int p = 0; p < packs; ++p) {
            if (column(p) >= a.width) continue;
            auto delta = load_floats<4>(a.delta + r.first + column(p));
            if (a.dropped_below) {
                const auto words = philox(std::uint64_t(r.first + column(p)) / 4, a.drawn_by());
#pragma unroll
                for (int i = 0; i < 4; ++i) delta.x[i] = r.kept(delta.x[i], words.x[i]);
            }
#pragma unroll
            for (int i = 0; i < 4; ++i) x[p].x[i] += delta.x[i];
        }
#pragma unroll
        for (int p = 0; p < packs; ++p)
            if (column(p) < a.width) store_floats(a.sum + r.first + column(p), x[p]);
    }

    float sum = 0;
    if (!a.rms)
#pragma unroll
        for (int p = 0; p < packs; ++p) sum += (x[p].x[0] + x[p].x[1]) + (x[p].x[2] + x[p].x[3]);
    const float mean = a.rms ? 0 : r.mean(sum);

    float squares = 0;
#pragma unroll
    for (int p = 0; p < packs; ++p)
        if (column(p) < a.width)
#pragma unroll
            for (float& number : x[p].x) {
                number -= mean;
                squares += number * number;
            }
    const float scale = rsqrtf(r.mean(squares) + a.epsilon);
    r.keep(mean, scale);

#pragma unroll
    for (int p = 0; p < packs; ++p) {
        if (column(p) >= a.width) continue;
        const auto weight = load_floats<4>(a.weight + column(p));
        const auto bias = a.bias ? load_floats<4>(a.bias + column(p)) : Pack<float, 4>{};
#pragma unroll
        for (int i = 0; i < 4; ++i) x[p].x[i] = x[p].x[i] * scale * weight.x[i] + bias.x[i];
        store_floats(a.y + r.first + column(p), x[p]);
    }
}

/// Any width at any address: the row is read again for each pass.
template <class D, class T>
__global__ void __launch_bounds__(1024) norm_any_kernel(Arguments<D, T> a) {
    SHARED(float[32], scratch);
    const RowOf<Arguments<D, T>> r{a, scratch};
    if (r.row >= a.rows) return;
    const int thread = int(threadIdx.x), threads = int(blockDim.x);
    const float* x = (a.delta ? a.sum : a.x) + r.first;

    float sum = 0;
    for (int i = thread; i < a.width; i += threads) {
        if (a.delta) {
            const std::uint64_t place = std::uint64_t(r.first + i);
            float delta = to_float(a.delta[place]);
            if (a.dropped_below) delta = r.kept(delta, philox_word(place, a.drawn_by()));
            a.sum[place] = a.x[place] + delta;
        }
        sum += x[i];
    }
    const float mean = a.rms ? 0 : r.mean(sum);

    float squares = 0;
    for (int i = thread; i < a.width; i += threads) squares += (x[i] - mean) * (x[i] - mean);
    const float scale = rsqrtf(r.mean(squares) + a.epsilon);
    r.keep(mean, scale);

    for (int i = thread; i < a.width; i += threads)
        a.y[r.first + i] =
            from_float<T>((x[i] - mean) * scale * a.weight[i] + (a.bias ? a.bias[i] : 0.0f));
}

/// Narrow rows get a warp each, wide ones a block; wide enough for two loads of 16 bytes in flight
/// everywhere.
template <class D, class T>
void normalise(const Arguments<D, T>& a, bool in_packs_of_four, cudaStream_t stream) {
    if (a.rows == 0 || a.width == 0) return;
    const auto launch = [&]<auto kernel>(int numbers_per_thread) {
        const unsigned across = 32 * std::min(blocks_for(a.width, 32 * numbers_per_thread), 32u);
        const unsigned down = across == 32 ? 4 : 1;
        launch_kernel<kernel>(stream, {blocks_for(a.rows, down), {across, down}}, a);
    };
    if (in_packs_of_four && a.width > 512 && a.width <= 32 * 40)
        return launch.template operator()<norm_kernel<D, T, 10, 128, 4>>(40);
    if (in_packs_of_four && a.width <= 1024 * 16)
        return launch.template operator()<norm_kernel<D, T, 4, 1024, 1>>(16);
    launch.template operator()<norm_any_kernel<D, T>>(8);
}

/// A warp for each head of a row.
template <class T>
__global__ void __launch_bounds__(threads_per_block)
    head_norm_kernel(T* x, std::int64_t stride, const float* weight, float epsilon,
                     std::int64_t rows, int heads, int size) {
    const std::int64_t warp = std::int64_t(blockIdx.x) * blockDim.y + threadIdx.y;
    if (warp >= rows * heads) return;
    T* head = x + warp / heads * stride + warp % heads * size;
    float squares = 0;
    for (int i = int(threadIdx.x); i < size; i += 32)
        squares += to_float(head[i]) * to_float(head[i]);
    squares = warp_reduce(squares, [](float a, float b) { return a + b; });
    const float rstd = rsqrtf(squares / float(size) + epsilon);
    for (int i = int(threadIdx.x); i < size; i += 32)
        head[i] = from_float<T>(to_float(head[i]) * rstd * weight[i]);
}

template <class T>
struct HeadBackwardArguments {
    const T* x;
    const float* weight;
    T* dx;
    float* sums; ///< [parts, size]
    std::int64_t x_stride, dx_stride, rows;
    int heads, size;
    float epsilon;
};

/// A block a part of the rows, its warps turn about a head of them: with x̂ = x · rstd and
/// g = dy · weight, rstd times what of g is left without its share along x̂.
template <class T>
__global__ void __launch_bounds__(threads_per_block)
    head_norm_backward_kernel(HeadBackwardArguments<T> a) {
    float* sums = dynamic_shared<float>(); // [warps, size]
    const int lane = int(threadIdx.x), warp = int(threadIdx.y), warps = int(blockDim.y);
    float* own = sums + warp * a.size;
    for (int i = lane; i < a.size; i += 32) own[i] = 0;
    const std::int64_t part = blockIdx.x, parts = gridDim.x;
    const std::int64_t first = a.rows * part / parts * a.heads,
                       end = a.rows * (part + 1) / parts * a.heads;
    const auto add = [](float x, float y) { return x + y; };
    for (std::int64_t item = first + warp; item < end; item += warps) {
        const T* x = a.x + item / a.heads * a.x_stride + item % a.heads * a.size;
        T* dx = a.dx + item / a.heads * a.dx_stride + item % a.heads * a.size;
        float squares = 0, products = 0;
        for (int i = lane; i < a.size; i += 32) {
            const float number = to_float(x[i]);
            squares = fmaf(number, number, squares);
            products = fmaf(to_float(dx[i]) * a.weight[i], number, products);
        }
        const float rstd = rsqrtf(warp_reduce(squares, add) / float(a.size) + a.epsilon);
        const float along = warp_reduce(products, add) / float(a.size) * rstd;
        for (int i = lane; i < a.size; i += 32) {
            const float normal = to_float(x[i]) * rstd, d = to_float(dx[i]);
            own[i] = fmaf(d, normal, own[i]);
            dx[i] = from_float<T>((d * a.weight[i] - normal * along) * rstd);
        }
    }
    __syncthreads();
    for (int i = warp * 32 + lane; i < a.size; i += 32 * warps) {
        float sum = 0;
        for (int w = 0; w < warps; ++w) sum += sums[w * a.size + i];
        a.sums[part * a.size + i] = sum;
    }
}

__global__ void __launch_bounds__(threads_per_block)
    add_parts_kernel(const float* sums, float* to, int parts, int size) {
    const int i = int(blockIdx.x * blockDim.x + threadIdx.x);
    if (i >= size) return;
    float sum = 0;
    for (int part = 0; part < parts; ++part) sum += sums[part * size + i];
    to[i] += sum;
}

template <class T>
struct BackwardArguments {
    const float *x, *weight, *mean, *rstd; ///< mean or null
    const T* dy;
    float *dx, *dweight, *dbias; ///< dbias or null
    std::int64_t rows;
    int width;
    bool layer, accumulate;
};

/// dx, a block a row: with x̂ = (x - mean) · rstd and g = dy · weight, rstd times what of g is left
/// without its mean (of the layer kind) and without its share along x̂.
template <class T>
__global__ void __launch_bounds__(256) norm_backward_kernel(BackwardArguments<T> a) {
    SHARED(float[32], scratch);
    const std::int64_t row = blockIdx.x, first = row * a.width;
    const float mean = a.mean ? a.mean[row] : 0.0f, rstd = a.rstd[row];
    float sum = 0, product = 0;
    for (int i = int(threadIdx.x); i < a.width; i += int(blockDim.x)) {
        const float g = to_float(a.dy[first + i]) * a.weight[i];
        sum += g;
        product += g * ((a.x[first + i] - mean) * rstd);
    }
    const float shift = a.layer ? block_sum(sum, scratch) / float(a.width) : 0.0f;
    const float along = block_sum(product, scratch) / float(a.width);
    for (int i = int(threadIdx.x); i < a.width; i += int(blockDim.x)) {
        const float g = to_float(a.dy[first + i]) * a.weight[i];
        const float rest = (g - shift - (a.x[first + i] - mean) * rstd * along) * rstd;
        a.dx[first + i] = a.accumulate ? a.dx[first + i] + rest : rest;
    }
}

constexpr int sum_columns = 32, sum_rows = 32; ///< threads of a block

/// dweight and dbias: warps take rows turn about and add up in the same order each time.
template <class T>
__global__ void __launch_bounds__(sum_columns* sum_rows)
    norm_columns_kernel(BackwardArguments<T> a) {
    SHARED(float[sum_rows * sum_columns], weights);
    SHARED(float[sum_rows * sum_columns], biases);
    const int column = int(blockIdx.x) * sum_columns + int(threadIdx.x);
    float weight = 0, bias = 0;
    if (column < a.width)
        for (std::int64_t row = threadIdx.y; row < a.rows; row += sum_rows) {
            const float d = to_float(a.dy[row * a.width + column]);
            const float mean = a.mean ? a.mean[row] : 0.0f;
            weight += d * ((a.x[row * a.width + column] - mean) * a.rstd[row]);
            bias += d;
        }
    const unsigned place = threadIdx.y * sum_columns + threadIdx.x;
    weights[place] = weight;
    biases[place] = bias;
    __syncthreads();
    if (threadIdx.y != 0 || column >= a.width) return;
    for (int i = 1; i < sum_rows; ++i) {
        weight += weights[i * sum_columns + threadIdx.x];
        bias += biases[i * sum_columns + threadIdx.x];
    }
    a.dweight[column] += weight;
    if (a.dbias) a.dbias[column] += bias;
}

} // namespace

void launch(const NormBackward& op, CudaStream& stream) {
    const std::int64_t rows = op.x.shape[0], width = op.x.shape[1];
    if (rows == 0 || width == 0) return;
    with_type(op.dy.dtype, [&]<class T>(T) {
        const BackwardArguments<T> a{.x = op.x.as<float>(),
                                     .weight = op.weight.as<float>(),
                                     .mean = op.mean.as<float>(),
                                     .rstd = op.rstd.as<float>(),
                                     .dy = op.dy.as<T>(),
                                     .dx = op.dx.as<float>(),
                                     .dweight = op.dweight.as<float>(),
                                     .dbias = op.dbias.as<float>(),
                                     .rows = rows,
                                     .width = int(width),
                                     .layer = op.kind == NormKind::layer,
                                     .accumulate = op.accumulate};
        // First the sums of columns, as dx may be where dy was.
        launch_kernel<norm_columns_kernel<T>>(
            stream.handle, {blocks_for(width, sum_columns), {sum_columns, sum_rows}}, a);
        const unsigned warps = std::min(blocks_for(width, 32 * 4), 8u);
        launch_kernel<norm_backward_kernel<T>>(stream.handle, {unsigned(rows), 32 * warps}, a);
    });
}

void launch(const HeadNormBackward& op, CudaStream& stream) {
    const auto size = int(op.weight.shape[0]), heads = int(op.x.shape[1]) / size;
    constexpr unsigned parts = unsigned(HeadNormBackward::parts), warps = threads_per_block / 32;
    require(size <= 1024, Failure::unsupported,
            "gradients of norms by head are of heads of at most 1024 channels on a GPU");
    auto* sums = static_cast<float*>(stream.workspace);
    with_type(op.x.dtype, [&]<class T>(T) {
        launch_kernel<head_norm_backward_kernel<T>>(
            stream.handle, {parts, {32, warps}, warps * op.weight.bytes()},
            HeadBackwardArguments<T>{.x = op.x.as<T>(),
                                     .weight = op.weight.as<float>(),
                                     .dx = op.dx.as<T>(),
                                     .sums = sums,
                                     .x_stride = op.x.stride(),
                                     .dx_stride = op.dx.stride(),
                                     .rows = op.x.shape[0],
                                     .heads = heads,
                                     .size = size,
                                     .epsilon = op.epsilon});
    });
    if (op.dweight.present())
        launch_kernel<add_parts_kernel>(stream.handle,
                                        {blocks_for(size, threads_per_block), threads_per_block},
                                        sums, op.dweight.as<float>(), int(parts), size);
}

void launch(const HeadNorm& op, CudaStream& stream) {
    const auto size = int(op.weight.shape[0]), heads = int(op.x.shape[1]) / size;
    const std::int64_t rows = op.x.shape[0];
    if (rows == 0) return;
    constexpr unsigned down = threads_per_block / 32;
    with_type(op.x.dtype, [&]<class T>(T) {
        launch_kernel<head_norm_kernel<T>>(
            stream.handle, {blocks_for(rows * heads, down), {32, down}}, op.x.as<T>(),
            op.x.stride(), op.weight.as<float>(), op.epsilon, rows, heads, size);
    });
}

void launch(const Norm& op, CudaStream& stream) {
    const bool fit = in_packs(op.x, 4) && (!op.delta.present() || in_packs(op.delta, 4)) &&
                     (!op.sum.present() || in_packs(op.sum, 4)) && in_packs(op.weight, 4) &&
                     (!op.bias.present() || in_packs(op.bias, 4)) && in_packs(op.y, 4);
    with_type(op.delta.present() ? op.delta.dtype : DType::f32, [&]<class D>(D) {
        with_type(op.y.dtype, [&]<class T>(T) {
            normalise(
                Arguments<D, T>{
                    .x = op.x.as<float>(),
                    .delta = op.delta.as<D>(),
                    .sum = op.sum.as<float>(),
                    .weight = op.weight.as<float>(),
                    .bias = op.bias.as<float>(),
                    .y = op.y.as<T>(),
                    .mean = op.mean.as<float>(),
                    .rstd = op.rstd.as<float>(),
                    .rows = op.x.shape[0],
                    .width = int(op.x.shape[1]),
                    .epsilon = op.epsilon,
                    .rms = op.kind == NormKind::rms,
                    .dropped_below = op.dropout.dropped_below(),
                    .kept_scale = op.dropout.kept_scale(),
                    .seed = op.dropout.seed,
                    .device_seed = op.dropout.device_seed,
                },
                fit, stream.handle);
        });
    });
}

} // namespace sweetspot
