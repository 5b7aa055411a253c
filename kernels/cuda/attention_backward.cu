#include "kernels/cuda/attention_backward.cuh"
#include "kernels/cuda/attention_turn.h"
#include "kernels/ops/attention_checks.h"
#include <cmath>

// Gradients of flash attention in two passes, as in FlashAttention-2 (Dao, 2023): a block owns keys
// and visits queries for dk and dv, or owns queries and visits keys for dq.

namespace sweetspot {

namespace {

// ---- what belongs to a query

template <class T>
struct SumsArguments {
    RowsOf<const T> y, dy;
    const float* log_sum_exp; ///< [heads, rows]
    QuerySums* sums;          ///< [heads, rows]
    std::int64_t rows;
    int heads, head_size;
};

constexpr int sums_per_block = 4;

/// A warp a row and head.
template <class T>
__global__ void __launch_bounds__(32 * sums_per_block) sums_kernel(SumsArguments<T> a) {
    const std::int64_t item = std::int64_t(blockIdx.x) * sums_per_block + threadIdx.x / 32;
    const std::int64_t row = item / a.heads;
    const int head = int(item % a.heads), lane = int(threadIdx.x) % 32;
    if (row >= a.rows) return;
    const T* y = a.y.data + row * a.y.stride + head * a.head_size;
    const T* dy = a.dy.data + row * a.dy.stride + head * a.head_size;
    float sum = 0;
    for (int i = lane; i < a.head_size; i += 32) sum = fmaf(to_float(y[i]), to_float(dy[i]), sum);
    sum = warp_sum(sum);
    const std::int64_t at = head * a.rows + row;
    if (lane == 0) a.sums[at] = {a.log_sum_exp[at] * log2_e, sum};
}

// ---- gradients by float arithmetic, for every T

constexpr int float_rows = 32; ///< own ones, and visited ones, of a block
constexpr int float_side = 16; ///< threads in a square: each has 2 x 2 scores
constexpr int float_threads = float_side * float_side;
constexpr int weight_stride = float_rows + 1;

/// Floats between rows in shared memory: odd, so that a column lies in different banks.
constexpr int float_stride(int head_size) {
    return head_size | 1;
}
std::size_t float_shared_bytes(int head_size) {
    return std::size_t(4 * float_rows * float_stride(head_size) + 2 * float_rows * weight_stride) *
               sizeof(float) +
           float_rows * sizeof(QuerySums);
}

/// Where a block's rows lie in shared memory, as floats: its own and the visited ones, of both
/// factors, then [own, visited] weights and their gradients, and what belongs to queries.
struct FloatTiles {
    __device__ explicit FloatTiles(int size)
        : size(size), stride(float_stride(size)), sums(dynamic_shared<QuerySums>()),
          mine(reinterpret_cast<float*>(sums + float_rows)), mine_too(mine + float_rows * stride),
          others(mine_too + float_rows * stride), others_too(others + float_rows * stride),
          weights(others_too + float_rows * stride),
          gradients(weights + float_rows * weight_stride) {}

    /// The sequence's rows from `first` on, of one head; zeros from `count` on.
    template <class T>
    __device__ void load(float* to, const RowsOf<const T>& rows, const BackwardTile& tile, int head,
                         int first) const {
        const T* from = rows.data + (tile.row + first) * rows.stride + head * size;
        for (int i = int(threadIdx.x); i < float_rows * size; i += float_threads) {
            const int row = i / size, column = i % size;
            to[row * stride + column] =
                first + row < tile.count ? to_float(from[row * rows.stride + column]) : 0.0f;
        }
    }
    __device__ void load_sums(const QuerySums* of_head, const BackwardTile& tile, int first) const {
        const int row = int(threadIdx.x);
        if (row < float_rows)
            sums[row] = first + row < tile.count ? of_head[tile.row + first + row] : QuerySums{};
    }

    int size, stride;
    QuerySums* sums;
    float *mine, *mine_too, *others, *others_too, *weights, *gradients;
};

/// Weights and their gradients of the block's rows with those from first_other on: a thread has 2 x
/// 2 of them, with its own row y.
template <Mine which>
__device__ void backward_weights(const FloatTiles& t, const BackwardTile& tile, int first_other,
                                 bool causal, float scale, int y, int x) {
    constexpr bool of_keys = which == Mine::keys;
#pragma unroll
    for (int i = 0; i < 4; ++i) {
        const int row = y + i / 2 * float_side, column = x + i % 2 * float_side;
        float score = 0, gradient = 0;
        for (int d = 0; d < t.size; ++d) {
            score = fmaf(t.mine[row * t.stride + d], t.others[column * t.stride + d], score);
            gradient =
                fmaf(t.mine_too[row * t.stride + d], t.others_too[column * t.stride + d], gradient);
        }
        const int own = tile.first + row, other = first_other + column;
        const int key = of_keys ? own : other, query = of_keys ? other : own;
        const bool visible = key < tile.count && query < tile.count && (!causal || key <= query);
        const QuerySums sum = t.sums[of_keys ? column : row];
        const float weight = visible ? exp2f(fmaf(score, scale * log2_e, -sum.log_sum_exp)) : 0.0f;
        t.weights[row * weight_stride + column] = weight;
        t.gradients[row * weight_stride + column] = weight * (gradient - sum.product);
    }
}

/// `columns` channels, 16 apart, of two rows' gradients.
template <int columns>
using FloatGradients = float[2][columns];

/// to += weights times the visited rows.
template <int columns>
__device__ void accumulate(FloatGradients<columns>& to, const float* weights, const float* others,
                           const FloatTiles& t, int y, int x, int j) {
#pragma unroll
    for (int i = 0; i < columns; ++i) {
        const int d = x + i * float_side;
        if (d >= t.size) continue;
#pragma unroll
        for (int half = 0; half < 2; ++half)
            to[half][i] = fmaf(weights[(y + half * float_side) * weight_stride + j],
                               others[j * t.stride + d], to[half][i]);
    }
}

template <class T, int columns>
__device__ void store(const RowsOf<T>& rows, const FloatGradients<columns>& from, float factor,
                      const BackwardTile& tile, int size, int y, int x) {
#pragma unroll
    for (int half = 0; half < 2; ++half)
#pragma unroll
        for (int i = 0; i < columns; ++i) {
            const int row = tile.first + y + half * float_side, d = x + i * float_side;
            if (row < tile.padded && d < size)
                rows.data[(tile.row + row) * rows.stride + tile.head * size + d] =
                    from_float<T>(from[half][i] * factor);
        }
}

template <class T, int columns, Mine which>
__global__ void __launch_bounds__(float_threads) backward_float_kernel(BackwardView<T> a) {
    constexpr bool of_keys = which == Mine::keys;
    const BackwardTile tile = backward_tile<which>(a, float_rows, float_rows);
    if (tile.first >= tile.padded) return;
    const FloatTiles t(a.head_size);
    const Roles<which, T> roles(a);
    t.load(t.mine, roles.mine, tile, tile.head, tile.first);
    t.load(t.mine_too, roles.mine_too, tile, tile.head, tile.first);
    if (!of_keys) t.load_sums(a.sums + tile.head * a.rows, tile, tile.first);

    const int y = int(threadIdx.x) / float_side, x = int(threadIdx.x) % float_side;
    FloatGradients<columns> out = {}, out_too = {};
    for (int step = 0; step < tile.steps; ++step) {
        const int first_other = tile.first_other(step, float_rows), head = tile.other_head(step);
        __syncthreads();
        t.load(t.others, roles.others, tile, head, first_other);
        t.load(t.others_too, roles.others_too, tile, head, first_other);
        if (of_keys) t.load_sums(a.sums + head * a.rows, tile, first_other);
        __syncthreads();
        backward_weights<which>(t, tile, first_other, a.causal, a.scale, y, x);
        __syncthreads();
        for (int j = 0; j < float_rows; ++j) {
            accumulate<columns>(out, t.gradients, t.others, t, y, x, j);
            if (of_keys) accumulate<columns>(out_too, t.weights, t.others_too, t, y, x, j);
        }
    }
    store<T, columns>(of_keys ? a.dk : a.dq, out, a.scale, tile, a.head_size, y, x);
    if (of_keys) store<T, columns>(a.dv, out_too, 1, tile, a.head_size, y, x);
}

template <class T>
void launch_backward_float(const BackwardView<T>& a, cudaStream_t stream) {
    const std::size_t bytes = float_shared_bytes(a.head_size);
    const auto launch_both = [&]<int columns>(std::integral_constant<int, columns>) {
        launch_kernel<backward_float_kernel<T, columns, Mine::keys>>(
            stream, {backward_blocks(a, Mine::keys, float_rows), float_threads, bytes}, a);
        launch_kernel<backward_float_kernel<T, columns, Mine::queries>>(
            stream, {backward_blocks(a, Mine::queries, float_rows), float_threads, bytes}, a);
    };
    if (a.head_size <= 64)
        launch_both(std::integral_constant<int, 4>{});
    else
        launch_both(std::integral_constant<int, largest_backward_head / float_side>{});
}

// ---- launch

/// Whether rows of all of them can be accessed `bytes` at a time.
template <class... Views>
bool aligned_to(std::int64_t bytes, std::int64_t head_size, const Views&... t) {
    const auto fits = [&](const void* data, std::int64_t stride, std::size_t size) {
        return reinterpret_cast<std::uintptr_t>(data) % std::uintptr_t(bytes) == 0 &&
               stride * std::int64_t(size) % bytes == 0 &&
               head_size * std::int64_t(size) % bytes == 0;
    };
    return (fits(t.data, t.stride(), size_of(t.dtype)) && ...);
}

template <class T>
void launch_backward_of(const AttentionBackward& op, CudaStream& stream) {
    auto* sums = static_cast<QuerySums*>(stream.workspace);
    const auto in = [](const In& t) { return RowsOf<const T>{t.as<T>(), t.stride()}; };
    const auto out = [](const Out& t) { return RowsOf<T>{t.as<T>(), t.stride()}; };
    const auto aligned = [&](std::int64_t bytes) {
        return aligned_to(bytes, op.head_size(), op.q, op.k, op.v, op.dy, op.dq, op.dk, op.dv);
    };
    const BackwardView<T> view{
        .q = in(op.q),
        .k = in(op.k),
        .v = in(op.v),
        .dy = in(op.dy),
        .dq = out(op.dq),
        .dk = out(op.dk),
        .dv = out(op.dv),
        .sums = sums,
        .offsets = op.segments->device_offsets.as<std::int32_t>(),
        .lengths = op.segments->device_lengths.as<std::int32_t>(),
        .rows = op.q.shape[0],
        .sequences = op.segments->count(),
        .longest = op.segments->longest(),
        .heads = op.heads,
        .group = op.heads / op.kv_heads,
        .head_size = int(op.head_size()),
        .scale = op.scale,
        .causal = op.causal,
        .wide = aligned(16),
    };
    if (op.kind == AttentionKind::naive)
        return launch_naive_backward(view_of<T>(op.forward()), view, op.d_weights.as<float>(),
                                     stream.handle);
    const SumsArguments<T> arguments{.y = in(op.y),
                                     .dy = in(op.dy),
                                     .log_sum_exp = op.log_sum_exp.as<float>(),
                                     .sums = sums,
                                     .rows = op.q.shape[0],
                                     .heads = op.heads,
                                     .head_size = int(op.head_size())};
    launch_kernel<sums_kernel<T>>(
        stream.handle, {blocks_for(op.q.shape[0] * op.heads, sums_per_block), 32 * sums_per_block},
        arguments);
    if constexpr (sizeof(T) == 2)
        if (aligned(4)) return launch_backward(view, stream.handle);
    launch_backward_float(view, stream.handle);
}

} // namespace

void launch(const AttentionBackward& op, CudaStream& stream) {
    require_no_window(op.window);
    require(op.kind == AttentionKind::naive || op.head_size() <= largest_backward_head,
            Failure::unsupported,
            "flash attention's gradients on a GPU are of heads of at most 176 channels");
    const Attention turned = with_turned_rows(op.forward(), stream);
    AttentionBackward of_turned = op;
    of_turned.q = turned.q;
    of_turned.k = turned.k;
    CudaStream behind = stream;
    behind.workspace = static_cast<std::byte*>(stream.workspace) + op.gpu_turned_bytes();
    with_type(op.q.dtype, [&]<class T>(T) { launch_backward_of<T>(of_turned, behind); });
    if (!op.cosine.present()) return;
    launch_turn({.q = op.dq,
                 .k = op.dk,
                 .to_q = op.dq,
                 .to_k = op.dk,
                 .cosine = op.cosine,
                 .sine = op.sine,
                 .segments = op.segments,
                 .heads = op.heads,
                 .kv_heads = op.kv_heads,
                 .back = true},
                stream);
}

} // namespace sweetspot
