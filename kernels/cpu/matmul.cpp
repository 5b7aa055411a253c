#include "kernels/ops/matmul.h"
#include "kernels/cpu/activate_row.h"
#include "kernels/cpu/onednn.h"
#include "kernels/cpu/parallel.h"
#include "kernels/cpu/tile_product.h"
#include <algorithm>
#include <omp.h>

namespace sweetspot::SWEETSPOT_TARGET {

namespace {

/// A part of c that one thread computes.
struct Tile {
    std::int64_t row, rows, column, columns;
};

/// One row of c, from `column` on: sums, bias, what c holds already, activation.
template <class C>
void finish(const MatMul& op, const float* sums, std::int64_t row, std::int64_t column,
            std::int64_t columns) {
    C* c = op.c.as<C>() + row * op.c.stride() + column;
    const float* bias = op.bias.present() ? op.bias.as<float>() + column : nullptr;
    for_lanes(columns, [&](auto at) {
        Vector x = at.load(sums);
        if (bias) x = x + at.load(bias);
        if (op.accumulate) x = x + at.load(c);
        at.store(c, x);
    });
    activate_row(op.activation, c, columns);
}

/// c[tile] by our own kernel.
template <class T>
void multiply(const MatMul& op, const Tile& tile) {
    const std::int64_t inner = op.a.shape[1], end = tile.column + tile.columns;
    const std::int64_t last_row = tile.row + tile.rows;
    for (std::int64_t column = tile.column; column < end; column += block_columns) {
        const T* block = op.weight.as<T>() + column * op.weight.shape[1];
        const std::int64_t columns = std::min(block_columns, end - column);
        for (std::int64_t row = tile.row; row < last_row; row += most_rows) {
            alignas(64) float sums[most_rows * block_columns];
            const int rows = int(std::min<std::int64_t>(most_rows, last_row - row));
            multiply_some_rows(rows, op.a.as<T>() + row * op.a.stride(), op.a.stride(), block,
                               inner, sums);
            for (int r = 0; r < rows; ++r)
                with_type(op.c.dtype, [&]<class C>(C) {
                    finish<C>(op, sums + r * block_columns, row + r, column, columns);
                });
        }
    }
}

void multiply(const MatMul& op, const Tile& tile) {
    with_type(op.a.dtype, [&]<class T>(T) { multiply<T>(op, tile); });
}

/// c[tile], which is whole rows, by oneDNN; the activation follows while the tile is in cache.
void multiply(const MatMul& op, const Tile& tile, const OneDnnProduct& product, void* scratch) {
    const std::int64_t n = op.c.shape[1];
    char* c = op.c.as<char>() + std::size_t(tile.row * n) * size_of(op.c.dtype);
    product.run(op.a.as<char>() + std::size_t(tile.row * op.a.shape[1]) * size_of(op.a.dtype),
                op.weight.data, op.bias.as<float>(), c, scratch);
    with_type(op.c.dtype, [&]<class C>(C) {
        activate_row(op.activation, reinterpret_cast<C*>(c), tile.rows * n);
    });
}

const OneDnnProduct* find_product(const MatMul& op, std::int64_t rows) {
    if (!op.a.dense() || !op.c.dense()) return nullptr;
    return OneDnnProduct::find({.rows = rows,
                                .columns = op.c.shape[1],
                                .inner = op.a.shape[1],
                                .a = op.a.dtype,
                                .c = op.c.dtype,
                                .bias = op.bias.present(),
                                .accumulate = op.accumulate});
}

/// How many rows a thread multiplies at once: the product stays in the second cache, where the
/// activation finds it, and every thread has work.
std::int64_t rows_of_tiles(const MatMul& op, int threads) {
    constexpr std::int64_t cached_bytes = 1 << 20, step = 16;
    const std::int64_t row_bytes = op.c.shape[1] * std::int64_t(size_of(op.c.dtype));
    const std::int64_t share = (op.c.shape[0] + threads - 1) / threads;
    const std::int64_t rows = std::min(cached_bytes / row_bytes, (share + step - 1) / step * step);
    return std::clamp(rows / step * step, std::int64_t(32), most_onednn_rows);
}

/// Every tile of whole rows by oneDNN, if it can.
bool multiply_by_onednn(const MatMul& op, CpuStream& stream) {
    const std::int64_t m = op.c.shape[0], tile_rows = rows_of_tiles(op, stream.threads);
    const OneDnnProduct* whole = m >= tile_rows ? find_product(op, tile_rows) : nullptr;
    const OneDnnProduct* last = m % tile_rows ? find_product(op, m % tile_rows) : whole;
    if (!last || (m >= tile_rows && !whole)) return false;
    const std::size_t scratch_bytes = onednn_scratch_bytes(op.a.shape[1], op.a.dtype);
    const std::int64_t tiles = (m + tile_rows - 1) / tile_rows;
#pragma omp parallel for schedule(dynamic, 1) num_threads(stream.threads)
    for (std::int64_t i = 0; i < tiles; ++i) {
        const std::int64_t row = i * tile_rows, rows = std::min(tile_rows, m - row);
        void* scratch = static_cast<char*>(stream.workspace) +
                        std::size_t(omp_get_thread_num()) * scratch_bytes;
        multiply(op, {row, rows, 0, op.c.shape[1]}, rows == tile_rows ? *whole : *last, scratch);
    }
    return true;
}

/// Tiles of one block of columns by our own kernel, column by column: a thread reads the weights of
/// its columns once, in order.
void multiply_by_columns(const MatMul& op, CpuStream& stream) {
    const std::int64_t m = op.c.shape[0], n = op.c.shape[1], tile_rows = 48;
    const std::int64_t row_tiles = (m + tile_rows - 1) / tile_rows;
    const std::int64_t column_tiles = (n + block_columns - 1) / block_columns;
    for_rows(row_tiles * column_tiles, op.weight.bytes() + op.c.bytes(), stream.threads,
             [&](std::int64_t i) {
                 const std::int64_t row = i % row_tiles * tile_rows;
                 const std::int64_t column = i / row_tiles * block_columns;
                 multiply(op, {row, std::min(tile_rows, m - row), column,
                               std::min(block_columns, n - column)});
             });
}

} // namespace

void launch(const MatMul& op, CpuStream& stream) {
    if (op.c.shape[0] > few_rows && multiply_by_onednn(op, stream)) return;
    multiply_by_columns(op, stream);
}

} // namespace sweetspot::SWEETSPOT_TARGET
