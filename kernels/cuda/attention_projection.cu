#include "kernels/cuda/attention_flash.cuh"
#include "kernels/cuda/attention_turn.h"
#include "kernels/ops/attention_checks.h"
#include "kernels/ops/fused.h"

// Flash attention and the output projection in one kernel: a head's outputs never leave the block.

namespace sweetspot {

namespace {

/// A block's outputs times its head's columns of the projection, added to x. All heads add to the
/// same rows, so their order, and with it the last bits, differ from time to time.
template <class T>
struct ProjectOutputs {
    const T* weight;   ///< [padded_n, padded_k]
    const float* bias; ///< [n], or null
    float* x;          ///< [rows, n]
    std::int64_t padded_k;
    int n, padded_n;
    bool wide; ///< the head's columns begin at multiples of 16 bytes; else of 4

    template <class Shape>
    __device__ void finish(const AttentionView<T>& a, const QueryTile& tile, int row,
                           const T* outputs, T* stages) const {
        constexpr int columns = Shape::keys, tile_elements = columns * Shape::stride;
        const T* of_head = weight + std::int64_t(tile.head) * a.head_size;
        const auto start_copy = [&](int column) {
            copy_tile_async<Shape::width, columns, Shape::threads>(
                stages + column / columns % 2 * tile_elements, of_head + column * padded_k,
                padded_k, padded_n - column, a.head_size, wide);
            copy_async_commit();
        };
        __syncthreads(); // everyone is done with the keys and values there
        start_copy(0);
        for (int column = 0; column < n; column += columns) {
            copy_async_wait<0>();
            __syncthreads(); // this stage is there, and everyone is done with the other
            if (column + columns < n) start_copy(column + columns);
            if (row < tile.queries)
                add<Shape>(tile, row, column, outputs,
                           stages + column / columns % 2 * tile_elements);
        }
    }

private:
    /// A warp's rows of x, `Shape::keys` columns from `column` on.
    template <class Shape>
    __device__ void add(const QueryTile& tile, int row, int column, const T* outputs,
                        const T* weights) const {
        constexpr int row_tiles = Shape::row_tiles, column_tiles = Shape::keys / 8;
        float sum[row_tiles][column_tiles][4] = {};
#pragma unroll
        for (int d = 0; d < Shape::width; d += 16) {
            std::uint32_t rows[row_tiles][4];
#pragma unroll
            for (int m = 0; m < row_tiles; ++m)
                load_a<Shape::width>(rows[m], outputs, row + m * 16, d);
#pragma unroll
            for (int n = 0; n < column_tiles; n += 2) {
                std::uint32_t b[4];
                load_b_of_rows<Shape::width>(b, weights, n * 8, d);
#pragma unroll
                for (int m = 0; m < row_tiles; ++m) {
                    mma_m16n8k16<T>(sum[m][n], rows[m], b[0], b[1]);
                    mma_m16n8k16<T>(sum[m][n + 1], rows[m], b[2], b[3]);
                }
            }
        }
#pragma unroll
        for (int m = 0; m < row_tiles; ++m)
#pragma unroll
            for (int t = 0; t < column_tiles; ++t)
#pragma unroll
                for (int i = 0; i < 4; ++i) {
                    const int query = row + m * 16 + row_of_lane(i / 2);
                    const int at = column + t * 8 + column_of_lane(i);
                    if (query >= tile.queries || at >= n) continue;
                    const float shift = bias && tile.head == 0 ? bias[at] : 0;
                    atomicAdd(x + (tile.row + tile.first_query + query) * n + at,
                              sum[m][t][i] + shift);
                }
    }
};

constexpr int largest_head = 144;

template <class T>
void launch_as(const AttentionProjection& op, CudaStream& stream) {
    const Attention turned = with_turned_rows(op.attention, stream);
    AttentionView<T> view = view_of<T>(turned);
    const auto pairs = [](const In& t) {
        return reinterpret_cast<std::uintptr_t>(t.data) % 4 == 0 && t.stride() % 2 == 0;
    };
    require(view.head_size % 2 == 0 && view.head_size <= largest_head && pairs(turned.q) &&
                pairs(turned.k) && pairs(turned.v),
            Failure::unsupported,
            "attention_projection has heads of an even number of channels, at most 144");
    launch_flash<64, 128, largest_head>(
        view,
        ProjectOutputs<T>{.weight = op.weight.data.as<T>(),
                          .bias = op.bias.as<float>(),
                          .x = op.x.as<float>(),
                          .padded_k = op.weight.data.shape[1],
                          .n = int(op.x.shape[1]),
                          .padded_n = int(op.weight.data.shape[0]),
                          .wide = view.head_size % 8 == 0 && aligned(op.weight.data, 8)},
        stream.handle);
}

} // namespace

void launch(const AttentionProjection& op, CudaStream& stream) {
    require_no_window(op.attention.window);
    if (op.x.shape[0] == 0) return;
    switch (op.attention.q.dtype) {
    case DType::bf16: return launch_as<__nv_bfloat16>(op, stream);
    case DType::f16: return launch_as<__half>(op, stream);
    default: throw Error(Failure::unsupported, "attention_projection computes in bf16 and f16");
    }
}

} // namespace sweetspot
