#pragma once
#include "kernels/cuda/attention_kinds.cuh"

/// Flash attention on the tensor cores of compute capability 8.0 (Dao, 2023).
namespace sweetspot {

/// How the work is cut for heads of at most `width` channels. A warp has row_tiles · 16 queries; of
/// two tiles it reads keys and values half as often, as long as their outputs fit its registers.
template <int width_>
struct FlashShape {
    static constexpr int width = width_;
    static constexpr int queries = 128;
    static constexpr int row_tiles = width <= 128 ? 2 : 1;
    static constexpr int warps = queries / (16 * row_tiles);
    static constexpr int threads = 32 * warps;
    static constexpr int keys = width <= 64 ? 64 : 32;
    static constexpr bool keeps_queries = row_tiles * width <= 176; ///< in registers
    static constexpr int stages = 2;
    static constexpr int stride = tile_stride<width>;
    /// The queries, which become the outputs, and `stages` times keys and values: at most 92 KiB,
    /// which every GPU has.
    static constexpr std::size_t elements = std::size_t(queries + stages * 2 * keys) * stride;
};

/// A warp's running softmax of its queries, and their outputs.
template <class T, class Shape>
class FlashWarp {
public:
    /// The warp's queries lie in `tile` from `row` on; the first of them is `first_query`.
    __device__ FlashWarp(const T* tile, int row, int first_query)
        : q_tile_(tile), row_(row), first_query_(first_query) {
#pragma unroll
        for (int m = 0; m < row_tiles; ++m) reference_[m][0] = reference_[m][1] = -INFINITY;
        if constexpr (Shape::keeps_queries)
#pragma unroll
            for (int m = 0; m < row_tiles; ++m)
#pragma unroll
                for (int d = 0; d < steps; ++d)
                    load_a<Shape::width>(q_[m][d], tile, row + m * 16, d * 16);
    }

    /// Takes Shape::keys keys and values from `first_key` on.
    __device__ void attend(const T* k_tile, const T* v_tile, int first_key, int key_count,
                           bool causal, float scale) {
        float score[row_tiles][key_tiles][4] = {};
#pragma unroll
        for (int d = 0; d < steps; ++d) {
            std::uint32_t q[row_tiles][4];
#pragma unroll
            for (int m = 0; m < row_tiles; ++m)
                if constexpr (Shape::keeps_queries)
#pragma unroll
                    for (int i = 0; i < 4; ++i) q[m][i] = q_[m][d][i];
                else
                    load_a<Shape::width>(q[m], q_tile_, row_ + m * 16, d * 16);
#pragma unroll
            for (int n = 0; n < key_tiles; n += 2) {
                std::uint32_t k[4];
                load_b_of_rows<Shape::width>(k, k_tile, n * 8, d * 16);
#pragma unroll
                for (int m = 0; m < row_tiles; ++m) {
                    mma_m16n8k16<T>(score[m][n], q[m], k[0], k[1]);
                    mma_m16n8k16<T>(score[m][n + 1], q[m], k[2], k[3]);
                }
            }
        }
        if (first_key + Shape::keys > key_count ||
            (causal && first_key + Shape::keys - 1 > first_query_))
            mask(score, first_key, key_count, causal);
        soften(score, scale);
#pragma unroll
        for (int n = 0; n < key_tiles; n += 2) {
            std::uint32_t p[row_tiles][4];
#pragma unroll
            for (int m = 0; m < row_tiles; ++m)
#pragma unroll
                for (int i = 0; i < 4; ++i)
                    p[m][i] = pack2<T>(score[m][n + i / 2][i % 2 * 2],
                                       score[m][n + i / 2][i % 2 * 2 + 1]);
#pragma unroll
            for (int d = 0; d < steps; ++d) {
                std::uint32_t v[4];
                load_b_of_columns<Shape::width>(v, v_tile, n * 8, d * 16);
#pragma unroll
                for (int m = 0; m < row_tiles; ++m) {
                    mma_m16n8k16<T>(out_[m][2 * d], p[m], v[0], v[1]);
                    mma_m16n8k16<T>(out_[m][2 * d + 1], p[m], v[2], v[3]);
                }
            }
        }
    }

    /// Writes the outputs in place of the queries, of which no other warp has any, and if not null
    /// log_sum_exp of the first `queries` of them.
    __device__ void finish(T* tile, float* log_sum_exp, int queries) {
#pragma unroll
        for (int m = 0; m < row_tiles; ++m)
#pragma unroll
            for (int half = 0; half < 2; ++half) {
                const float sum = row_sum(sum_[m][half]), inverse = 1 / sum;
                const int row = m * 16 + row_of_lane(half);
                T* to = tile + (row_ + row) * Shape::stride;
#pragma unroll
                for (int d = 0; d < 2 * steps; ++d) {
                    const float* x = out_[m][d] + half * 2;
                    *reinterpret_cast<std::uint32_t*>(to + d * 8 + column_of_lane(0)) =
                        pack2<T>(x[0] * inverse, x[1] * inverse);
                }
                if (log_sum_exp && row < queries && threadIdx.x % 4 == 0)
                    log_sum_exp[row] = (reference_[m][half] + log2f(sum)) * ln_2;
            }
        __syncwarp();
    }

private:
    static constexpr int row_tiles = Shape::row_tiles;
    static constexpr int key_tiles = Shape::keys / 8, steps = Shape::width / 16;
    using Scores = float[row_tiles][key_tiles][4];

    __device__ void mask(Scores& score, int first_key, int key_count, bool causal) const {
#pragma unroll
        for (int m = 0; m < row_tiles; ++m)
#pragma unroll
            for (int i = 0; i < 4; ++i) {
                const int query = first_query_ + m * 16 + row_of_lane(i / 2);
                const int visible = causal ? min(key_count, query + 1) : key_count;
#pragma unroll
                for (int n = 0; n < key_tiles; ++n)
                    if (first_key + n * 8 + column_of_lane(i) >= visible)
                        score[m][n][i] = -INFINITY;
            }
    }

    /// Turns scores into weights: powers of two relative to a reference of each query. That is the
    /// largest score it had when the outputs were last scaled; as they need not be before weights
    /// pass 2^8, they rarely are.
    __device__ void soften(Scores& score, float scale) {
        float largest[row_tiles][2];
        bool rescale = false;
#pragma unroll
        for (int m = 0; m < row_tiles; ++m)
#pragma unroll
            for (int half = 0; half < 2; ++half) {
                float most = -INFINITY;
#pragma unroll
                for (int n = 0; n < key_tiles; ++n)
                    most = fmaxf(most, fmaxf(score[m][n][half * 2], score[m][n][half * 2 + 1]));
                largest[m][half] = row_max(most) * scale;
                rescale |= largest[m][half] > reference_[m][half] + 8;
            }
        if (__any_sync(0xffffffff, rescale)) {
#pragma unroll
            for (int m = 0; m < row_tiles; ++m)
#pragma unroll
                for (int half = 0; half < 2; ++half) {
                    const float most = fmaxf(largest[m][half], reference_[m][half]);
                    const float shrink = fast_exp2(reference_[m][half] - most);
                    reference_[m][half] = most;
                    sum_[m][half] *= shrink;
#pragma unroll
                    for (int d = 0; d < 2 * steps; ++d) {
                        out_[m][d][half * 2] *= shrink;
                        out_[m][d][half * 2 + 1] *= shrink;
                    }
                }
        }
#pragma unroll
        for (int m = 0; m < row_tiles; ++m)
#pragma unroll
            for (int n = 0; n < key_tiles; ++n)
#pragma unroll
                for (int i = 0; i < 4; ++i) {
                    const float weight =
                        fast_exp2(fmaf(score[m][n][i], scale, -reference_[m][i / 2]));
                    score[m][n][i] = weight;
                    sum_[m][i / 2] += weight;
                }
    }

    const T* q_tile_;
    int row_, first_query_;
    std::uint32_t q_[row_tiles][Shape::keeps_queries ? steps : 1][4];
    float out_[row_tiles][2 * steps][4] = {};
    float reference_[row_tiles][2];
    float sum_[row_tiles][2] = {};
};

/// What becomes of a block's outputs, which lie in the tile of its queries: rows of y.
template <class T>
struct StoreOutputs {
    /// All threads of the block; those of a warp have the outputs from `row` on.
    template <class Shape>
    __device__ void finish(const AttentionView<T>& a, const QueryTile& tile, int row,
                           const T* outputs, T*) const {
        if (row >= tile.queries) return;
        T* y = a.y + (tile.row + tile.first_query + row) * a.y_stride +
               std::int64_t(tile.head) * a.head_size;
        store_tile<Shape::width, 16 * Shape::row_tiles>(
            y, a.y_stride, outputs + row * Shape::stride, tile.queries - row, a.head_size, a.wide);
    }
};

/// A block has 128 queries of one head. While it computes with some keys and values, the next are
/// copied to the other stage.
template <class T, class Shape, class Ending>
__global__ void __launch_bounds__(Shape::threads) flash_kernel(AttentionView<T> a, Ending ending) {
    constexpr int width = Shape::width, keys = Shape::keys, threads = Shape::threads;
    constexpr int tile_elements = keys * Shape::stride;
    const QueryTile tile = query_tile(a, Shape::queries);
    if (tile.queries <= 0) return;
    T* q_tile = dynamic_shared<T>();
    T* stages = q_tile + Shape::queries * Shape::stride;

    const T* q =
        a.q + (tile.row + tile.first_query) * a.q_stride + std::int64_t(tile.head) * a.head_size;
    const std::int64_t key_column = std::int64_t(tile.head / a.group) * a.head_size;
    const auto start_copy = [&](int first_key) {
        T* to = stages + first_key / keys % Shape::stages * 2 * tile_elements;
        const std::int64_t row = tile.row + first_key;
        copy_tile_async<width, keys, threads>(to, a.k + row * a.k_stride + key_column, a.k_stride,
                                              tile.keys - first_key, a.head_size, a.wide);
        copy_tile_async<width, keys, threads>(to + tile_elements,
                                              a.v + row * a.v_stride + key_column, a.v_stride,
                                              tile.keys - first_key, a.head_size, a.wide);
        copy_async_commit();
    };
    copy_tile_async<width, Shape::queries, threads>(q_tile, q, a.q_stride, tile.queries,
                                                    a.head_size, a.wide);
    start_copy(0);

    // Where the keys end that a number of this block's queries may see.
    const auto key_end = [&](int queries) {
        return a.causal ? min(tile.keys, tile.first_query + queries) : tile.keys;
    };
    const int row = int(threadIdx.x) / 32 * 16 * Shape::row_tiles;
    const int block_end = key_end(min(Shape::queries, tile.queries));
    const int warp_end = row < tile.queries ? key_end(row + 16 * Shape::row_tiles) : 0;
    copy_async_wait<0>();
    __syncthreads();
    FlashWarp<T, Shape> warp(q_tile, row, tile.first_query + row);
    for (int first_key = 0; first_key < block_end; first_key += keys) {
        if (first_key + keys < block_end) start_copy(first_key + keys);
        const T* here = stages + first_key / keys % Shape::stages * 2 * tile_elements;
        if (first_key < warp_end)
            warp.attend(here, here + tile_elements, first_key, tile.keys, a.causal, a.scale);
        copy_async_wait<0>();
        __syncthreads();
    }
    if (row < tile.queries) {
        float* log_sum_exp = a.log_sum_exp;
        if (log_sum_exp) log_sum_exp += tile.head * a.rows + tile.row + tile.first_query + row;
        warp.finish(q_tile, log_sum_exp, tile.queries - row);
    }
    ending.template finish<Shape>(a, tile, row, q_tile, stages);
}

/// On shapes for heads of at most so many channels: the narrowest that fits.
template <int... widths, class T, class Ending>
void launch_flash(const AttentionView<T>& a, const Ending& ending, cudaStream_t stream) {
    const auto fits = [&]<int width>(std::integral_constant<int, width>) {
        if (a.head_size > width) return false;
        using Shape = FlashShape<width>;
        launch_kernel<flash_kernel<T, Shape, Ending>>(
            stream, {query_blocks(a, Shape::queries), Shape::threads, Shape::elements * sizeof(T)},
            a, ending);
        return true;
    };
    (fits(std::integral_constant<int, widths>{}) || ...);
}

template <class T>
void launch_flash(const AttentionView<T>& a, cudaStream_t stream) {
    launch_flash<16, 32, 48, 64, 80, 96, 128, 144, largest_flash_head>(a, StoreOutputs<T>{},
                                                                       stream);
}

} // namespace sweetspot
