#pragma once
#include "kernels/cuda/attention_backward.cuh"

/// The gradients of attention on the tensor cores of compute capability 8.0 (Dao, 2023).
namespace sweetspot {

/// How the work is cut for heads of at most `width` channels. A warp has row_tiles · 16 rows: of
/// two tiles it reads the others half as often, as long as the gradients fit its registers.
template <int width_>
struct BackwardShape {
    static constexpr int width = width_;
    static constexpr int row_tiles = width <= 64 ? 2 : 1;
    static constexpr int warps = 4;
    static constexpr int threads = 32 * warps;
    static constexpr int own = warps * 16 * row_tiles;
    static constexpr int others = width <= 144 ? 32 : 16;
    static constexpr int stages = 2;
    static constexpr int stride = tile_stride<width>;
    static constexpr int own_elements = own * stride, other_elements = others * stride;
    /// The own rows, which become the gradients, and `stages` times others: at most 75 KiB, which
    /// every GPU has.
    template <class T>
    static constexpr std::size_t
        bytes = std::size_t(2 * own_elements + stages * 2 * other_elements) * sizeof(T) +
                stages* others * sizeof(QuerySums);
};

/// A warp's gradients of its rows.
template <class T, class Shape, Mine which>
class BackwardWarp {
public:
    using Scores = float[Shape::row_tiles][Shape::others / 8][4];

    /// The warp's rows lie in the tiles from `row` on; in the sequence they are `first` and on.
    __device__ BackwardWarp(const T* mine, const T* mine_too, int row, int first)
        : mine_(mine), mine_too_(mine_too), row_(row), first_(first) {}

    /// For queries: what belongs to the own rows, of `sums` of the sequence's `count` ones.
    __device__ void load_sums(const QuerySums* sums, int count) {
#pragma unroll
        for (int m = 0; m < row_tiles; ++m)
#pragma unroll
            for (int half = 0; half < 2; ++half) {
                const int row = first_ + m * 16 + row_of_lane(half);
                sums_[m][half] = row < count ? sums[row] : QuerySums{};
            }
    }

    /// Takes Shape::others rows from first_other on; `sums` is theirs, if they are queries.
    __device__ void visit(const T* others, const T* others_too, const QuerySums* sums,
                          int first_other, int count, bool causal, float scale) {
        Scores weight = {}, gradient = {};
        multiply(weight, mine_, others);
        const bool cut = which == Mine::keys
                             ? causal && first_other < first_ + row_tiles * 16 - 1
                             : first_other + Shape::others > count ||
                                   (causal && first_other + Shape::others - 1 > first_);
#pragma unroll
        for (int m = 0; m < row_tiles; ++m)
#pragma unroll
            for (int n = 0; n < other_tiles; ++n)
#pragma unroll
                for (int i = 0; i < 4; ++i) {
                    const int column = n * 8 + column_of_lane(i);
                    const float sum = which == Mine::keys ? sums[column].log_sum_exp
                                                          : sums_[m][i / 2].log_sum_exp;
                    float& x = weight[m][n][i];
                    x = fast_exp2(fmaf(x, scale * log2_e, -sum));
                    if (!cut) continue;
                    const int other = first_other + column;
                    const int own = first_ + m * 16 + row_of_lane(i / 2);
                    const bool visible = which == Mine::keys
                                             ? own <= other
                                             : other < count && (!causal || other <= own);
                    if (!visible) x = 0;
                }
        if constexpr (which == Mine::keys) accumulate(out_too_, weight, others_too);
        multiply(gradient, mine_too_, others_too);
#pragma unroll
        for (int m = 0; m < row_tiles; ++m)
#pragma unroll
            for (int n = 0; n < other_tiles; ++n)
#pragma unroll
                for (int i = 0; i < 4; ++i) {
                    const float product = which == Mine::keys
                                              ? sums[n * 8 + column_of_lane(i)].product
                                              : sums_[m][i / 2].product;
                    gradient[m][n][i] = weight[m][n][i] * (gradient[m][n][i] - product);
                }
        accumulate(out_, gradient, others);
    }

    /// Writes the gradients in place of the own rows; those from `count` on in the sequence are
    /// zero.
    __device__ void finish(T* mine, T* mine_too, int count, float scale) const {
        put(mine, out_, count, scale);
        if constexpr (which == Mine::keys) put(mine_too, out_too_, count, 1);
        __syncwarp();
    }

private:
    static constexpr int row_tiles = Shape::row_tiles, other_tiles = Shape::others / 8;
    static constexpr int steps = Shape::width / 16;
    using Gradients = float[row_tiles][2 * steps][4];

    /// to += own rows times others, transposed.
    __device__ void multiply(Scores& to, const T* tile, const T* others) const {
#pragma unroll
        for (int d = 0; d < steps; ++d) {
            std::uint32_t a[row_tiles][4];
#pragma unroll
            for (int m = 0; m < row_tiles; ++m)
                load_a<Shape::width>(a[m], tile, row_ + m * 16, d * 16);
#pragma unroll
            for (int n = 0; n < other_tiles; n += 2) {
                std::uint32_t b[4];
                load_b_of_rows<Shape::width>(b, others, n * 8, d * 16);
#pragma unroll
                for (int m = 0; m < row_tiles; ++m) {
                    mma_m16n8k16<T>(to[m][n], a[m], b[0], b[1]);
                    mma_m16n8k16<T>(to[m][n + 1], a[m], b[2], b[3]);
                }
            }
        }
    }

    /// to += weights times others.
    __device__ void accumulate(Gradients& to, const Scores& weight, const T* others) const {
#pragma unroll
        for (int n = 0; n < other_tiles; n += 2) {
            std::uint32_t a[row_tiles][4];
#pragma unroll
            for (int m = 0; m < row_tiles; ++m)
#pragma unroll
                for (int i = 0; i < 4; ++i)
                    a[m][i] = pack2<T>(weight[m][n + i / 2][i % 2 * 2],
                                       weight[m][n + i / 2][i % 2 * 2 + 1]);
#pragma unroll
            for (int d = 0; d < steps; ++d) {
                std::uint32_t b[4];
                load_b_of_columns<Shape::width>(b, others, n * 8, d * 16);
#pragma unroll
                for (int m = 0; m < row_tiles; ++m) {
                    mma_m16n8k16<T>(to[m][2 * d], a[m], b[0], b[1]);
                    mma_m16n8k16<T>(to[m][2 * d + 1], a[m], b[2], b[3]);
                }
            }
        }
    }

    __device__ void put(T* tile, const Gradients& from, int count, float factor) const {
#pragma unroll
        for (int m = 0; m < row_tiles; ++m)
#pragma unroll
            for (int half = 0; half < 2; ++half) {
                const int row = m * 16 + row_of_lane(half);
                const bool real = first_ + row < count; // others may have become NaN
                T* to = tile + (row_ + row) * Shape::stride;
#pragma unroll
                for (int d = 0; d < 2 * steps; ++d) {
                    const float* x = from[m][d] + half * 2;
                    *reinterpret_cast<std::uint32_t*>(to + d * 8 + column_of_lane(0)) =
                        pack2<T>(real ? x[0] * factor : 0.0f, real ? x[1] * factor : 0.0f);
                }
            }
    }

    const T *mine_, *mine_too_;
    int row_, first_;
    QuerySums sums_[row_tiles][2];
    Gradients out_ = {}, out_too_ = {};
};

/// While a block computes with some rows, the next are copied to the other stage.
template <class T, class Shape, Mine which>
__global__ void __launch_bounds__(Shape::threads) backward_kernel(BackwardView<T> a) {
    constexpr int width = Shape::width, others = Shape::others, threads = Shape::threads;
    constexpr bool of_keys = which == Mine::keys;
    const BackwardTile tile = backward_tile<which>(a, Shape::own, others);
    if (tile.first >= tile.padded) return;
    T* mine = dynamic_shared<T>();
    T* mine_too = mine + Shape::own_elements;
    T* stages = mine_too + Shape::own_elements;
    auto* stage_sums =
        reinterpret_cast<QuerySums*>(stages + Shape::stages * 2 * Shape::other_elements);

    const Roles<which, T> roles(a);
    const auto copy_own = [&](T* to, const RowsOf<const T>& rows) {
        copy_tile_async<width, Shape::own, threads>(
            to, rows.data + (tile.row + tile.first) * rows.stride + tile.head * a.head_size,
            rows.stride, tile.count - tile.first, a.head_size, a.wide);
    };
    const auto copy_others = [&](int step) {
        const int stage = step % Shape::stages, first = tile.first_other(step, others);
        const int head = tile.other_head(step);
        const auto copy = [&](T* to, const RowsOf<const T>& rows) {
            copy_tile_async<width, others, threads>(
                to, rows.data + (tile.row + first) * rows.stride + head * a.head_size, rows.stride,
                tile.count - first, a.head_size, a.wide);
        };
        T* to = stages + stage * 2 * Shape::other_elements;
        copy(to, roles.others);
        copy(to + Shape::other_elements, roles.others_too);
        // RowsOf past the end need no sums of their own: zeros times zeros add nothing.
        if (const int row = int(threadIdx.x); of_keys && row < others) {
            const bool real = first + row < tile.count;
            const QuerySums* sums = a.sums + head * a.rows + tile.row;
            copy_async<8>(stage_sums + stage * others + row, real ? sums + first + row : sums,
                          real ? 8 : 0);
        }
        copy_async_commit();
    };
    if (tile.steps > 0) {
        copy_own(mine, roles.mine);
        copy_own(mine_too, roles.mine_too);
        copy_others(0);
    }

    const int row = int(threadIdx.x) / 32 * 16 * Shape::row_tiles, first = tile.first + row;
    BackwardWarp<T, Shape, which> warp(mine, mine_too, row, first);
    if constexpr (!of_keys) warp.load_sums(a.sums + tile.head * a.rows + tile.row, tile.count);
    for (int step = 0; step < tile.steps; ++step) {
        copy_async_wait<0>();
        __syncthreads(); // this step's rows are here, and the last's have been read
        if (step + 1 < tile.steps) copy_others(step + 1);
        const int stage = step % Shape::stages, other = tile.first_other(step, others);
        const T* here = stages + stage * 2 * Shape::other_elements;
        const bool visible =
            !a.causal || (of_keys ? first < other + others : other < first + 16 * Shape::row_tiles);
        if (first < tile.count && visible)
            warp.visit(here, here + Shape::other_elements, stage_sums + stage * others, other,
                       tile.count, a.causal, a.scale);
    }
    if (first >= tile.padded) return;
    __syncwarp(); // all lanes have read the warp's own rows, which no other warp does
    warp.finish(mine, mine_too, tile.count, a.scale);
    const auto store = [&](const RowsOf<T>& rows, const T* from) {
        store_tile<width, 16 * Shape::row_tiles>(
            rows.data + (tile.row + first) * rows.stride + tile.head * a.head_size, rows.stride,
            from + row * Shape::stride, tile.padded - first, a.head_size, a.wide);
    };
    store(of_keys ? a.dk : a.dq, mine);
    if constexpr (of_keys) store(a.dv, mine_too);
}

template <class T>
void launch_backward(const BackwardView<T>& a, cudaStream_t stream) {
    const auto fits = [&]<int width>(std::integral_constant<int, width>) {
        if (a.head_size > width) return false;
        using Shape = BackwardShape<width>;
        constexpr std::size_t bytes = Shape::template bytes<T>;
        launch_kernel<backward_kernel<T, Shape, Mine::keys>>(
            stream, {backward_blocks(a, Mine::keys, Shape::own), Shape::threads, bytes}, a);
        launch_kernel<backward_kernel<T, Shape, Mine::queries>>(
            stream, {backward_blocks(a, Mine::queries, Shape::own), Shape::threads, bytes}, a);
        return true;
    };
    [&]<int... width>(std::integer_sequence<int, width...>) {
        (fits(std::integral_constant<int, width>{}) || ...);
    }
    (std::integer_sequence<int, 16, 32, 48, 64, 80, 96, 128, 144, 176>{});
}

} // namespace sweetspot
