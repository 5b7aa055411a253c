#include "kernels/cuda/convert.cuh"
#include "kernels/cuda/functions.cuh"
#include "kernels/cuda/mma.cuh"
#include "kernels/ops/fused.h"

// A norm and the product behind it in one kernel: rows are normalised on their way to shared
// memory.

namespace sweetspot {

namespace {

/// A row of x, less `mean`, times `scale`, is normalised.
struct RowStatistics {
    float mean, scale;
};

template <class T>
struct StatisticsArguments {
    const float* x;
    const T* delta; ///< or null
    float* sum;     ///< with delta
    RowStatistics* statistics;
    std::int64_t rows;
    int width;
    float epsilon;
    bool rms;
};

constexpr int rows_per_block = 4;

/// A warp a row. The row is read twice, the second time from the cache: a sum of squares without
/// the mean would lose a large mean's digits.
template <class T>
__global__ void __launch_bounds__(32 * rows_per_block) statistics_kernel(StatisticsArguments<T> a) {
    const int lane = int(threadIdx.x) % 32;
    const std::int64_t row = std::int64_t(blockIdx.x) * rows_per_block + threadIdx.x / 32;
    if (row >= a.rows) return;
    const float* x = a.x + row * a.width;
    float total = 0;
    for (int i = lane; i < a.width; i += 32) {
        float value = x[i];
        if (a.delta) {
            value += to_float(a.delta[row * a.width + i]);
            a.sum[row * a.width + i] = value;
        }
        total += value;
    }
    const float mean = a.rms ? 0 : warp_sum(total) / float(a.width);
    if (a.delta) x = a.sum + row * a.width; // each lane reads what it wrote
    float squares = 0;
    for (int i = lane; i < a.width; i += 32) squares += (x[i] - mean) * (x[i] - mean);
    const float scale = rsqrtf(warp_sum(squares) / float(a.width) + a.epsilon);
    if (lane == 0) a.statistics[row] = {mean, scale};
}

template <class T>
struct ProductArguments {
    const float* x; ///< with delta added
    const RowStatistics* statistics;
    const float *norm_weight, *norm_bias; ///< norm_bias or null
    const T* weight;                      ///< [padded_n, padded_k]
    const float* bias;                    ///< or null
    T* c;
    std::int64_t c_stride;
    std::int64_t rows;
    int width, n, padded_n, padded_k;
    Activation activation;
    bool quads; ///< rows of x begin at multiples of 16 bytes
};

/// Four neighbours of a row of x from column k on, normalised; zero past the row's end.
template <class T>
__device__ inline Pack<float, 4> normalised(const ProductArguments<T>& a, std::int64_t row, int k,
                                            RowStatistics s) {
    Pack<float, 4> y{};
    if (row >= a.rows || k >= a.width) return y;
    const float* x = a.x + row * a.width + k;
    if (a.quads) y = load_pack<4>(x);
#pragma unroll
    for (int i = 0; i < 4; ++i) {
        if (k + i >= a.width) continue;
        const float value = a.quads ? y.x[i] : x[i];
        const float shift = a.norm_bias ? a.norm_bias[k + i] : 0;
        y.x[i] = (value - s.mean) * s.scale * a.norm_weight[k + i] + shift;
    }
    return y;
}

template <class T>
__device__ inline void store(const ProductArguments<T>& a, std::int64_t row, int column,
                             float value) {
    if (row >= a.rows || column >= a.n) return;
    if (a.bias) value += a.bias[column];
    a.c[row * a.c_stride + column] = from_float<T>(activated(a.activation, value));
}

constexpr int tile = 128, tile_k = 32, product_threads = 256;
constexpr int stride = tile_k + 8; ///< so that ldmatrix finds its rows in different banks

/// Rows of x that a thread normalises: its column of four, in every 32nd row of the block's.
template <class T>
class NormalisedTile {
public:
    __device__ explicit NormalisedTile(const ProductArguments<T>& a) : a_(a) {
#pragma unroll
        for (int i = 0; i < 4; ++i)
            if (row(i) < a.rows) statistics_[i] = a.statistics[row(i)];
    }
    __device__ void load(int k) {
#pragma unroll
        for (int i = 0; i < 4; ++i) x_[i] = normalised(a_, row(i), k + column(), statistics_[i]);
    }
    __device__ void store(T* to) const {
#pragma unroll
        for (int i = 0; i < 4; ++i)
            store_floats<4>(to + (i * 32 + int(threadIdx.x) / 8) * stride + column(), x_[i]);
    }

private:
    __device__ std::int64_t row(int i) const {
        return std::int64_t(blockIdx.x) * tile + i * 32 + threadIdx.x / 8;
    }
    __device__ int column() const {
        return int(threadIdx.x) % 8 * 4;
    }

    const ProductArguments<T>& a_;
    RowStatistics statistics_[4] = {};
    Pack<float, 4> x_[4];
};

/// Starts copying 128 rows of the weight, 32 columns from k on.
template <class T>
__device__ inline void copy_weight(const ProductArguments<T>& a, T* to, int first_row, int k) {
#pragma unroll
    for (int i = 0; i < 2; ++i) {
        const int row = i * 64 + int(threadIdx.x) / 4, column = int(threadIdx.x) % 4 * 8;
        const bool real = first_row + row < a.padded_n;
        const T* from = a.weight + std::int64_t(first_row + row) * a.padded_k + k + column;
        copy_async_16(to + row * stride + column, real ? from : a.weight, real ? 16 : 0);
    }
    copy_async_commit();
}

/// A block has 128 rows and 128 columns of c, a warp 64 by 32 of these. While it multiplies one
/// stage, the next stage's weights are copied and its rows are loaded; they are normalised on their
/// way to shared memory.
template <class T>
__global__ void __launch_bounds__(product_threads, 2) product_kernel(ProductArguments<T> a) {
    SHARED(T[2 * tile * stride], x_tiles);
    SHARED(T[2 * tile * stride], weight_tiles);
    const int lane = int(threadIdx.x) % 32, warp = int(threadIdx.x) / 32;
    const int warp_row = warp / 4 * 64, warp_column = warp % 4 * 32;
    const int first_column = int(blockIdx.y) * tile;

    NormalisedTile<T> next(a);
    float sum[4][4][4] = {};
    copy_weight(a, &weight_tiles[0], first_column, 0);
    next.load(0);
    next.store(&x_tiles[0]);
    for (int k = 0; k < a.padded_k; k += tile_k) {
        const int stage = k / tile_k % 2;
        const T* x_tile = &x_tiles[stage * tile * stride];
        const T* weight_tile = &weight_tiles[stage * tile * stride];
        copy_async_wait<0>();
        __syncthreads(); // this stage is there, and everyone is done with the other
        const bool more = k + tile_k < a.padded_k;
        if (more) {
            copy_weight(a, &weight_tiles[(1 - stage) * tile * stride], first_column, k + tile_k);
            next.load(k + tile_k);
        }
#pragma unroll
        for (int step = 0; step < tile_k; step += 16) {
            std::uint32_t rows[4][4];
#pragma unroll
            for (int m = 0; m < 4; ++m)
                ldmatrix_x4(rows[m], x_tile + (warp_row + m * 16 + lane % 16) * stride + step +
                                         lane / 16 * 8);
#pragma unroll
            for (int pair = 0; pair < 2; ++pair) {
                std::uint32_t columns[4];
                ldmatrix_x4(columns,
                            weight_tile +
                                (warp_column + pair * 16 + lane / 16 * 8 + lane % 8) * stride +
                                step + lane / 8 % 2 * 8);
#pragma unroll
                for (int m = 0; m < 4; ++m) {
                    mma_m16n8k16<T>(sum[m][2 * pair], rows[m], columns[0], columns[1]);
                    mma_m16n8k16<T>(sum[m][2 * pair + 1], rows[m], columns[2], columns[3]);
                }
            }
        }
        if (more) next.store(&x_tiles[(1 - stage) * tile * stride]);
    }

#pragma unroll
    for (int m = 0; m < 4; ++m)
#pragma unroll
        for (int n = 0; n < 4; ++n)
#pragma unroll
            for (int i = 0; i < 4; ++i)
                store(a, std::int64_t(blockIdx.x) * tile + warp_row + m * 16 + lane / 4 + i / 2 * 8,
                      first_column + warp_column + n * 8 + lane % 4 * 2 + i % 2, sum[m][n][i]);
}

constexpr int float_tile = 32;

/// f32 on the plain units: a block has 32 by 32 of c, a thread four rows of one column.
__global__ void __launch_bounds__(product_threads) float_kernel(ProductArguments<float> a) {
    SHARED(float[float_tile * (float_tile + 1)], x_tile);
    SHARED(float[float_tile * (float_tile + 1)], weight_tile);
    const int column = int(threadIdx.x) % 32, first = int(threadIdx.x) / 32;
    const std::int64_t first_row = std::int64_t(blockIdx.x) * float_tile;
    const int first_column = int(blockIdx.y) * float_tile;
    float sum[4] = {};
    for (int k = 0; k < a.padded_k; k += float_tile) {
#pragma unroll
        for (int i = 0; i < 4; ++i) {
            const int row = first + i * 8;
            float x = 0, weight = 0;
            if (first_row + row < a.rows && k + column < a.width) {
                const RowStatistics s = a.statistics[first_row + row];
                x = (a.x[(first_row + row) * a.width + k + column] - s.mean) * s.scale *
                        a.norm_weight[k + column] +
                    (a.norm_bias ? a.norm_bias[k + column] : 0.0f);
            }
            if (first_column + row < a.padded_n && k + column < a.padded_k)
                weight = a.weight[std::int64_t(first_column + row) * a.padded_k + k + column];
            x_tile[row * (float_tile + 1) + column] = x;
            weight_tile[row * (float_tile + 1) + column] = weight;
        }
        __syncthreads();
#pragma unroll
        for (int i = 0; i < float_tile; ++i)
#pragma unroll
            for (int m = 0; m < 4; ++m)
                sum[m] = fmaf(x_tile[(first + m * 8) * (float_tile + 1) + i],
                              weight_tile[column * (float_tile + 1) + i], sum[m]);
        __syncthreads();
    }
#pragma unroll
    for (int m = 0; m < 4; ++m) store(a, first_row + first + m * 8, first_column + column, sum[m]);
}

template <class T>
void launch_as(const NormMatMul& op, CudaStream& stream) {
    const std::int64_t rows = op.x.shape[0];
    const int width = int(op.x.shape[1]), n = int(op.c.shape[1]);
    const bool delta = op.delta.present();
    auto* statistics = static_cast<RowStatistics*>(stream.workspace);
    launch_kernel<statistics_kernel<T>>(stream.handle,
                                        {blocks_for(rows, rows_per_block), 32 * rows_per_block},
                                        StatisticsArguments<T>{.x = op.x.as<float>(),
                                                               .delta = op.delta.as<T>(),
                                                               .sum = op.sum.as<float>(),
                                                               .statistics = statistics,
                                                               .rows = rows,
                                                               .width = width,
                                                               .epsilon = op.epsilon,
                                                               .rms = op.kind == NormKind::rms});
    const ProductArguments<T> arguments{.x = delta ? op.sum.as<float>() : op.x.as<float>(),
                                        .statistics = statistics,
                                        .norm_weight = op.norm_weight.as<float>(),
                                        .norm_bias = op.norm_bias.as<float>(),
                                        .weight = op.weight.data.as<T>(),
                                        .bias = op.bias.as<float>(),
                                        .c = op.c.as<T>(),
                                        .c_stride = op.c.stride(),
                                        .rows = rows,
                                        .width = width,
                                        .n = n,
                                        .padded_n = int(op.weight.data.shape[0]),
                                        .padded_k = int(op.weight.data.shape[1]),
                                        .activation = op.activation,
                                        .quads = in_packs(delta ? In(op.sum) : op.x, 4)};
    if constexpr (std::is_same_v<T, float>)
        launch_kernel<float_kernel>(
            stream.handle,
            {dim3(blocks_for(rows, float_tile), blocks_for(n, float_tile)), product_threads},
            arguments);
    else
        launch_kernel<product_kernel<T>>(
            stream.handle, {dim3(blocks_for(rows, tile), blocks_for(n, tile)), product_threads},
            arguments);
}

} // namespace

void launch(const NormMatMul& op, CudaStream& stream) {
    if (op.x.shape[0] == 0) return;
    with_type(op.c.dtype, [&]<class T>(T) { launch_as<T>(op, stream); });
}

} // namespace sweetspot
