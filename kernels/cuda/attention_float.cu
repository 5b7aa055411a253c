#include "kernels/cuda/attention_kinds.cuh"

// Flash attention by float arithmetic: for f32, and where tensor cores cannot serve.

namespace sweetspot {

namespace {

constexpr int queries = 32, keys = 32; // of a block, and at a time
constexpr int lanes = 16;              // that share four queries
constexpr int threads = queries / 4 * lanes;
constexpr int weight_stride = keys + 4;

/// Elements from row to row in shared memory: an odd multiple of 16 bytes, against bank conflicts.
template <int width>
constexpr int row_stride = width + 4;

using Float4 = Pack<float, 4>;

__device__ const Float4& float4_at(const float* x) {
    return *reinterpret_cast<const Float4*>(x);
}

/// 32 rows in float, with zeros from `valid` and from `size` on.
template <int width, class T>
__device__ void load_rows(float* to, const T* rows, std::int64_t stride, int valid, int size) {
    const int lane = int(threadIdx.x) % 32;
#pragma unroll 4
    for (int row = int(threadIdx.x) / 32; row < 32; row += threads / 32)
#pragma unroll
        for (int column = lane; column < width; column += 32)
            to[row * row_stride<width> + column] =
                row < valid && column < size ? to_float(rows[row * stride + column]) : 0.0f;
}

/// A thread's four queries of a block: their scores with every 16th key, and four of every 64
/// channels of their outputs. Heads have at most `width` channels.
template <int width>
class FloatQueries {
public:
    using Scores = float[4][2];

    __device__ FloatQueries(int thread) : lane_(thread % lanes), first_row_(thread / lanes * 4) {
#pragma unroll
        for (int r = 0; r < 4; ++r) most_[r] = -INFINITY;
    }

    __device__ void multiply(Scores& score, const float* q_rows, const float* key_rows) const {
        for (int d = 0; d < width; d += 4)
#pragma unroll
            for (int j = 0; j < 2; ++j) {
                const Float4 key = float4_at(key_rows + (lane_ + j * lanes) * stride + d);
#pragma unroll
                for (int r = 0; r < 4; ++r) {
                    const Float4 query = float4_at(q_rows + (first_row_ + r) * stride + d);
#pragma unroll
                    for (int i = 0; i < 4; ++i)
                        score[r][j] = fmaf(query.x[i], key.x[i], score[r][j]);
                }
            }
    }

    /// Scores become weights, in shared memory; what was summed before shrinks to their scale.
    __device__ void soften(Scores& score, float* weights, const QueryTile& tile, int first_key,
                           bool causal, float scale) {
#pragma unroll
        for (int r = 0; r < 4; ++r) {
            const int query = tile.first_query + first_row_ + r;
            const int visible = causal ? min(tile.keys, query + 1) : tile.keys;
            float largest = most_[r];
#pragma unroll
            for (int j = 0; j < 2; ++j) {
                const bool seen = first_key + lane_ + j * lanes < visible;
                score[r][j] = seen ? score[r][j] * scale : -INFINITY;
                largest = fmaxf(largest, score[r][j]);
            }
#pragma unroll
            for (int step = lanes / 2; step; step /= 2)
                largest = fmaxf(largest, __shfl_xor_sync(0xffffffff, largest, step));
            const float shrink = exp2f(most_[r] - largest);
            most_[r] = largest;
            sum_[r] *= shrink;
#pragma unroll
            for (int part = 0; part < parts; ++part)
#pragma unroll
                for (int i = 0; i < 4; ++i) out_[r][part][i] *= shrink;
#pragma unroll
            for (int j = 0; j < 2; ++j) {
                const float weight = exp2f(score[r][j] - largest);
                sum_[r] += weight;
                weights[(first_row_ + r) * weight_stride + lane_ + j * lanes] = weight;
            }
        }
    }

    __device__ void add(const float* weights, const float* value_rows) {
        for (int key = 0; key < keys; key += 4) {
            Float4 weight[4];
#pragma unroll
            for (int r = 0; r < 4; ++r)
                weight[r] = float4_at(weights + (first_row_ + r) * weight_stride + key);
#pragma unroll
            for (int j = 0; j < 4; ++j)
#pragma unroll
                for (int part = 0; part < parts; ++part) {
                    const Float4 value =
                        float4_at(value_rows + (key + j) * stride + part * 64 + lane_ * 4);
#pragma unroll
                    for (int r = 0; r < 4; ++r)
#pragma unroll
                        for (int i = 0; i < 4; ++i)
                            out_[r][part][i] = fmaf(weight[r].x[j], value.x[i], out_[r][part][i]);
                }
        }
    }

    template <class T>
    __device__ void write(const AttentionView<T>& a, const QueryTile& tile) const {
#pragma unroll
        for (int r = 0; r < 4; ++r) {
            float total = sum_[r];
#pragma unroll
            for (int step = lanes / 2; step; step /= 2)
                total += __shfl_xor_sync(0xffffffff, total, step);
            if (first_row_ + r >= tile.queries) continue;
            const std::int64_t row = tile.row + tile.first_query + first_row_ + r;
            T* y = a.y + row * a.y_stride + std::int64_t(tile.head) * a.head_size;
#pragma unroll
            for (int part = 0; part < parts; ++part)
#pragma unroll
                for (int i = 0; i < 4; ++i) {
                    const int column = part * 64 + lane_ * 4 + i;
                    if (column < a.head_size) y[column] = from_float<T>(out_[r][part][i] / total);
                }
            if (a.log_sum_exp && lane_ == 0)
                a.log_sum_exp[tile.head * a.rows + row] = (most_[r] + log2f(total)) * ln_2;
        }
    }

private:
    static constexpr int stride = row_stride<width>, parts = width / 64;

    int lane_, first_row_;
    float out_[4][parts][4] = {}, most_[4], sum_[4] = {};
};

template <class T, int width>
__global__ void __launch_bounds__(threads, 3) flash_float_kernel(AttentionView<T> a) {
    constexpr int stride = row_stride<width>;
    const QueryTile tile = query_tile(a, queries);
    if (tile.queries <= 0) return;
    float* q_rows = dynamic_shared<float>();
    float* rows = q_rows + queries * stride; // keys, then values
    float* weights = rows + keys * stride;

    const std::int64_t key_column = std::int64_t(tile.head / a.group) * a.head_size;
    const T* k = a.k + tile.row * a.k_stride + key_column;
    const T* v = a.v + tile.row * a.v_stride + key_column;
    load_rows<width>(q_rows,
                     a.q + (tile.row + tile.first_query) * a.q_stride +
                         std::int64_t(tile.head) * a.head_size,
                     a.q_stride, tile.queries, a.head_size);

    FloatQueries<width> mine{int(threadIdx.x)};
    const int key_end = a.causal ? min(tile.keys, tile.first_query + queries) : tile.keys;
    for (int first_key = 0; first_key < key_end; first_key += keys) {
        load_rows<width>(rows, k + first_key * a.k_stride, a.k_stride, tile.keys - first_key,
                         a.head_size);
        __syncthreads();
        float score[4][2] = {};
        mine.multiply(score, q_rows, rows);
        mine.soften(score, weights, tile, first_key, a.causal, a.scale);
        __syncthreads(); // everyone is done with the keys, and sees the weights
        load_rows<width>(rows, v + first_key * a.v_stride, a.v_stride, tile.keys - first_key,
                         a.head_size);
        __syncthreads();
        mine.add(weights, rows);
        __syncthreads();
    }
    mine.write(a, tile);
}

} // namespace

template <class T>
void launch_flash_float(const AttentionView<T>& a, cudaStream_t stream) {
    const auto fits = [&]<int width>(std::integral_constant<int, width>) {
        if (a.head_size > width) return false;
        constexpr std::size_t floats =
            (queries + keys) * row_stride<width> + queries * weight_stride;
        launch_kernel<flash_float_kernel<T, width>>(
            stream, {query_blocks(a, queries), threads, floats * sizeof(float)}, a);
        return true;
    };
    [&]<int... width>(std::integer_sequence<int, width...>) {
        (fits(std::integral_constant<int, width>{}) || ...);
    }
    (std::integer_sequence<int, 64, 128, 192, largest_float_head>{});
}

template void launch_flash_float(const AttentionView<float>&, cudaStream_t);
template void launch_flash_float(const AttentionView<__nv_bfloat16>&, cudaStream_t);
template void launch_flash_float(const AttentionView<__half>&, cudaStream_t);

} // namespace sweetspot
