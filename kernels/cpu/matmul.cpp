#include "kernels/ops/matmul.h"
#include "kernels/cpu/activate_row.h"
#include "kernels/cpu/parallel.h"
#include "kernels/cpu/tile_product.h"
#include <algorithm>

namespace sweetspot::SWEETSPOT_TARGET {

namespace {

/// A part of c that one thread computes.
struct Tile {
    std::int64_t row, rows, column, columns;
};

/// Finishes a vector of sums: bias, what c holds already, and the store.
template <class C>
SWEETSPOT_INLINE void finish(const MatMul& op, C* c, std::int64_t column, Vector sums) {
    const std::int64_t rest = op.c.shape[1] - column;
    if (rest <= 0) return;
    const auto store_at = [&](auto at) {
        if (op.bias.present()) sums = sums + at.load(op.bias.as<float>());
        if (op.accumulate) sums = sums + at.load(c);
        at.store(c, sums);
    };
    if (rest >= lanes)
        store_at(WholeLanes{column});
    else
        store_at(FirstLanes{column, rest});
}

/// c[tile] by our own kernel.
template <class T, class C>
void multiply(const MatMul& op, const Tile& tile) {
    const std::int64_t inner = op.a.shape[1], end = tile.column + tile.columns;
    for (std::int64_t column = tile.column; column < end; column += block_columns) {
        const T* block = op.weight.as<T>() + column * op.weight.shape[1];
        const std::int64_t columns = std::min(block_columns, end - column);
        for (std::int64_t row = tile.row; row < tile.row + tile.rows; row += most_rows) {
            const int rows = int(std::min<std::int64_t>(most_rows, tile.row + tile.rows - row));
            C* c = op.c.as<C>() + row * op.c.stride();
            multiply_some_rows(
                rows, op.a.as<T>() + row * op.a.stride(), op.a.stride(), block, inner, columns,
                [&](int r, int offset, Vector sums) {
                    finish(op, c + r * op.c.stride(), column + offset, sums);
                },
                std::make_integer_sequence<int, most_rows>{});
        }
    }
}

void compute(const MatMul& op, const Tile& tile) {
    with_type(op.a.dtype, [&]<class T>(T) {
        with_type(op.c.dtype, [&]<class C>(C) {
            multiply<T, C>(op, tile);
            if (op.activation == Activation::none) return;
            for (std::int64_t row = tile.row; row < tile.row + tile.rows; ++row)
                activate_row(op.activation, op.c.as<C>() + row * op.c.stride() + tile.column,
                             tile.columns);
        });
    });
}

} // namespace

void launch(const MatMul& op, CpuStream& stream) {
    const std::int64_t m = op.c.shape[0], n = op.c.shape[1];
    const std::int64_t tile_rows = 48, row_tiles = (m + tile_rows - 1) / tile_rows;
    const std::int64_t column_tiles = (n + block_columns - 1) / block_columns;
    for_rows(row_tiles * column_tiles, op.weight.bytes() + op.c.bytes(), stream.threads,
             [&](std::int64_t i) {
                 const std::int64_t row = i % row_tiles * tile_rows;
                 const std::int64_t column = i / row_tiles * block_columns;
                 compute(op, {row, std::min(tile_rows, m - row), column,
                              std::min(block_columns, n - column)});
             });
}

} // namespace sweetspot::SWEETSPOT_TARGET
