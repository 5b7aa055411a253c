#include "kernels/cuda/attention_backward.cuh"
#include "kernels/cuda/attention_kinds.cuh"
#include "kernels/cuda/segments.cuh"

// Attention that stores all scores, three passes over them, and its gradients, which store as many:
// what flash attention is compared with.

namespace sweetspot {

namespace {

constexpr int tile = 64;  // rows and columns of a block's product
constexpr int depth = 16; // of the sum at a time
constexpr int threads = 256;
constexpr int rows_per_block = 4; // of the softmax

/// Where a sequence's scores are: [heads, rows, rows] after those of the sequences before it.
/// Called by whole warps.
template <class T>
__device__ float* scores_of(const AttentionView<T>& a, int sequence, int head) {
    std::int64_t pairs = 0;
    for (int s = int(threadIdx.x) % 32; s < sequence; s += 32) {
        const std::int64_t rows = a.offsets[s + 1] - a.offsets[s];
        pairs += rows * rows;
    }
#pragma unroll
    for (int step = 16; step; step /= 2) pairs += __shfl_xor_sync(0xffffffff, pairs, step);
    const std::int64_t rows = a.offsets[sequence + 1] - a.offsets[sequence];
    return a.scores + pairs * a.heads + head * rows * rows;
}

/// The numbers that each thread has of a tile of a · b: rows and columns 4 (thread / 16) and
/// 4 (thread % 16) and the next three. a_at and b_at give element (row or column, place in the
/// sum), neighbours first: where `a_inner` these are places in the sum, or else rows or columns.
template <bool a_inner, bool b_inner, class A, class B>
__device__ void multiply(float (&sum)[4][4], int places, const A& a_at, const B& b_at) {
    SHARED(float[depth][tile + 4], a_tile);
    SHARED(float[depth][tile + 4], b_tile);
    const int thread = int(threadIdx.x);
    for (int first = 0; first < places; first += depth) {
#pragma unroll
        for (int i = thread; i < depth * tile; i += threads) {
            const int a_place = a_inner ? i % depth : i / tile;
            const int a_row = a_inner ? i / depth : i % tile;
            a_tile[a_place][a_row] = first + a_place < places ? a_at(a_row, first + a_place) : 0.0f;
            const int b_place = b_inner ? i % depth : i / tile;
            const int b_column = b_inner ? i / depth : i % tile;
            b_tile[b_place][b_column] =
                first + b_place < places ? b_at(b_column, first + b_place) : 0.0f;
        }
        __syncthreads();
#pragma unroll
        for (int place = 0; place < depth; ++place) {
            using Float4 = Pack<float, 4>;
            const auto x = *reinterpret_cast<const Float4*>(&a_tile[place][thread / 16 * 4]);
            const auto y = *reinterpret_cast<const Float4*>(&b_tile[place][thread % 16 * 4]);
#pragma unroll
            for (int r = 0; r < 4; ++r)
#pragma unroll
                for (int c = 0; c < 4; ++c) sum[r][c] = fmaf(x.x[r], y.x[c], sum[r][c]);
        }
        __syncthreads();
    }
}

/// The block's tile of a matrix with this many tiles of columns, of each sequence.
struct MatrixTile {
    int sequence, first_row, first_column;
};
__device__ MatrixTile matrix_tile(int longest, int column_tiles) {
    const int row_tiles = (longest + tile - 1) / tile;
    const int row = int(blockIdx.x) / column_tiles;
    return {row / row_tiles, row % row_tiles * tile, int(blockIdx.x) % column_tiles * tile};
}

template <class T>
__global__ void __launch_bounds__(threads) scores_kernel(AttentionView<T> a) {
    const auto [sequence, first_query, first_key] =
        matrix_tile(a.longest, (a.longest + tile - 1) / tile);
    const int head = int(blockIdx.y), start = a.offsets[sequence];
    const int rows = a.offsets[sequence + 1] - start;
    if (first_query >= rows || first_key >= rows) return;
    const T* q = a.q + (start + first_query) * a.q_stride + std::int64_t(head) * a.head_size;
    const T* k =
        a.k + (start + first_key) * a.k_stride + std::int64_t(head / a.group) * a.head_size;
    float score[4][4] = {};
    multiply<true, true>(
        score, a.head_size,
        [&](int query, int d) {
            return first_query + query < rows ? to_float(q[query * a.q_stride + d]) : 0.0f;
        },
        [&](int key, int d) {
            return first_key + key < rows ? to_float(k[key * a.k_stride + d]) : 0.0f;
        });
    float* to = scores_of(a, sequence, head);
#pragma unroll
    for (int r = 0; r < 4; ++r)
#pragma unroll
        for (int c = 0; c < 4; ++c) {
            const int query = first_query + int(threadIdx.x) / 16 * 4 + r;
            const int key = first_key + int(threadIdx.x) % 16 * 4 + c;
            if (query < rows && key < rows) to[std::int64_t(query) * rows + key] = score[r][c];
        }
}

/// A warp's query in softmax.
struct SoftmaxRow {
    int query, real; ///< of its sequence
    int keys, visible;
    float* scores; ///< [keys]
};
template <class T>
__device__ SoftmaxRow softmax_row(const AttentionView<T>& a, std::int64_t row) {
    const int sequence = sequence_of(a.offsets, a.sequences, int(row));
    const int query = int(row) - a.offsets[sequence], real = a.lengths[sequence];
    const int rows = a.offsets[sequence + 1] - a.offsets[sequence];
    return {query, real, rows, a.causal ? min(real, query + 1) : real,
            scores_of(a, sequence, int(blockIdx.y)) + std::int64_t(query) * rows};
}
__device__ std::int64_t row_of_warp() {
    return std::int64_t(blockIdx.x) * rows_per_block + threadIdx.x / 32;
}

/// Visible scores become weights that sum to one, the others zero.
template <class T>
__global__ void __launch_bounds__(32 * rows_per_block) softmax_kernel(AttentionView<T> a) {
    const std::int64_t row = row_of_warp();
    if (row >= a.rows) return;
    const auto [query, real, rows, visible, score] = softmax_row(a, row);
    const int lane = int(threadIdx.x) % 32;
    float most = -INFINITY, sum = 0;
    for (int key = lane; key < visible; key += 32) most = fmaxf(most, score[key] * a.scale);
    most = warp_max(most);
    for (int key = lane; key < visible; key += 32) {
        score[key] = exp2f(score[key] * a.scale - most);
        sum += score[key];
    }
    sum = warp_sum(sum);
    for (int key = lane; key < rows; key += 32) score[key] = key < visible ? score[key] / sum : 0;
}

/// A thread's numbers of a tile, as far as the matrix goes.
template <class T>
__device__ void write(T* to, std::int64_t stride, const float (&sum)[4][4], int rows, int columns) {
#pragma unroll
    for (int r = 0; r < 4; ++r)
#pragma unroll
        for (int c = 0; c < 4; ++c) {
            const int row = int(threadIdx.x) / 16 * 4 + r, column = int(threadIdx.x) % 16 * 4 + c;
            if (row < rows && column < columns)
                to[row * stride + column] = from_float<T>(sum[r][c]);
        }
}

template <class T>
__global__ void __launch_bounds__(threads) values_kernel(AttentionView<T> a) {
    const auto [sequence, first_query, first_column] =
        matrix_tile(a.longest, (a.head_size + tile - 1) / tile);
    const int head = int(blockIdx.y), start = a.offsets[sequence];
    const int rows = a.offsets[sequence + 1] - start, real = a.lengths[sequence];
    if (first_query >= rows) return;
    const float* weights = scores_of(a, sequence, head) + std::int64_t(first_query) * rows;
    const T* v =
        a.v + start * a.v_stride + std::int64_t(head / a.group) * a.head_size + first_column;
    float out[4][4] = {};
    multiply<true, false>(
        out, a.causal ? min(real, first_query + tile) : real,
        [&](int query, int key) {
            return first_query + query < rows ? weights[std::int64_t(query) * rows + key] : 0.0f;
        },
        [&](int column, int key) {
            return first_column + column < a.head_size ? to_float(v[key * a.v_stride + column])
                                                       : 0.0f;
        });
    T* y = a.y + (start + first_query) * a.y_stride + std::int64_t(head) * a.head_size;
    write(y + first_column, a.y_stride, out, rows - first_query, a.head_size - first_column);
}

// ---- gradients

/// Gradients by weights become those by scores, in place: weight · (gradient - the query's sum of
/// weight · gradient), zero where nothing is seen and for padding.
template <class T>
__global__ void __launch_bounds__(32 * rows_per_block)
    softmax_backward_kernel(AttentionView<T> a, float* gradients, float scale) {
    const std::int64_t row = row_of_warp();
    if (row >= a.rows) return;
    const auto [query, real, rows, visible, weight] = softmax_row(a, row);
    const int lane = int(threadIdx.x) % 32, seen = query < real ? visible : 0;
    float* gradient = gradients + (weight - a.scores);
    float sum = 0;
    for (int key = lane; key < seen; key += 32) sum = fmaf(weight[key], gradient[key], sum);
    sum = warp_sum(sum);
    for (int key = lane; key < rows; key += 32)
        gradient[key] = key < seen ? weight[key] * (gradient[key] - sum) * scale : 0;
}

/// What keys, or values, get of the queries of all heads that share them: a.scores, transposed,
/// times the rows of queries.
template <class T>
__global__ void __launch_bounds__(threads)
    keys_kernel(AttentionView<T> a, RowsOf<const T> queries, RowsOf<T> to) {
    const auto [sequence, first_key, first_column] =
        matrix_tile(a.longest, (a.head_size + tile - 1) / tile);
    const int kv_head = int(blockIdx.y), start = a.offsets[sequence];
    const int rows = a.offsets[sequence + 1] - start, first_query = a.causal ? first_key : 0;
    if (first_key >= rows) return;
    float sum[4][4] = {};
    for (int head = kv_head * a.group; head < (kv_head + 1) * a.group; ++head) {
        const float* weights =
            scores_of(a, sequence, head) + std::int64_t(first_query) * rows + first_key;
        const T* from = queries.data + (start + first_query) * queries.stride +
                        std::int64_t(head) * a.head_size + first_column;
        multiply<false, false>(
            sum, a.lengths[sequence] - first_query,
            [&](int key, int query) {
                return first_key + key < rows ? weights[std::int64_t(query) * rows + key] : 0.0f;
            },
            [&](int column, int query) {
                return first_column + column < a.head_size
                           ? to_float(from[query * queries.stride + column])
                           : 0.0f;
            });
    }
    write(to.data + (start + first_key) * to.stride + std::int64_t(kv_head) * a.head_size +
              first_column,
          to.stride, sum, rows - first_key, a.head_size - first_column);
}

/// Blocks for a tile each of a matrix with so many tiles of columns, of each sequence and head.
template <class T>
dim3 grid(const AttentionView<T>& a, std::int64_t column_tiles, int heads) {
    const std::int64_t blocks = blocks_for(a.longest, tile) * column_tiles * a.sequences;
    require(blocks <= 0x7fffffff, Failure::unsupported, "naive attention fits into one launch");
    return dim3(unsigned(blocks), unsigned(heads));
}

template <class T>
LaunchShape softmax_shape(const AttentionView<T>& a) {
    return {dim3(blocks_for(a.rows, rows_per_block), unsigned(a.heads)), 32 * rows_per_block};
}

} // namespace

template <class T>
void launch_naive(const AttentionView<T>& a, cudaStream_t stream) {
    launch_kernel<scores_kernel<T>>(stream,
                                    {grid(a, blocks_for(a.longest, tile), a.heads), threads}, a);
    launch_kernel<softmax_kernel<T>>(stream, softmax_shape(a), a);
    launch_kernel<values_kernel<T>>(stream,
                                    {grid(a, blocks_for(a.head_size, tile), a.heads), threads}, a);
}

/// Gradients by weights are what scores are, of dy with the values; those by queries are what y is,
/// of the keys with gradients by scores for weights.
template <class T>
void launch_naive_backward(const AttentionView<T>& weights, const BackwardView<T>& of,
                           float* d_weights, cudaStream_t stream) {
    AttentionView<T> gradients = weights;
    gradients.scores = d_weights;
    gradients.q = of.dy.data, gradients.q_stride = of.dy.stride;
    gradients.k = of.v.data, gradients.k_stride = of.v.stride;
    gradients.v = of.k.data, gradients.v_stride = of.k.stride;
    gradients.y = of.dq.data, gradients.y_stride = of.dq.stride;
    const std::int64_t columns = blocks_for(of.head_size, tile);
    const LaunchShape of_queries{grid(weights, columns, of.heads), threads},
        of_keys{grid(weights, columns, of.heads / of.group), threads};
    launch_kernel<scores_kernel<T>>(
        stream, {grid(weights, blocks_for(of.longest, tile), of.heads), threads}, gradients);
    launch_kernel<softmax_backward_kernel<T>>(stream, softmax_shape(weights), weights, d_weights,
                                              of.scale);
    launch_kernel<values_kernel<T>>(stream, of_queries, gradients);
    launch_kernel<keys_kernel<T>>(stream, of_keys, gradients, of.q, of.dk);
    launch_kernel<keys_kernel<T>>(stream, of_keys, weights, of.dy, of.dv);
}

template void launch_naive(const AttentionView<float>&, cudaStream_t);
template void launch_naive(const AttentionView<__nv_bfloat16>&, cudaStream_t);
template void launch_naive(const AttentionView<__half>&, cudaStream_t);
template void launch_naive_backward(const AttentionView<float>&, const BackwardView<float>&, float*,
                                    cudaStream_t);
template void launch_naive_backward(const AttentionView<__nv_bfloat16>&,
                                    const BackwardView<__nv_bfloat16>&, float*, cudaStream_t);
template void launch_naive_backward(const AttentionView<__half>&, const BackwardView<__half>&,
                                    float*, cudaStream_t);

} // namespace sweetspot
