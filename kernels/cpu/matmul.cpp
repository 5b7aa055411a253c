#include "kernels/ops/matmul.h"
#include "kernels/cpu/activate_row.h"
#include "kernels/cpu/block_product.h"
#include "kernels/cpu/onednn.h"
#include "kernels/cpu/parallel.h"
#include "kernels/cpu/tile_product.h"
#include <algorithm>
#include <optional>

namespace sweetspot::SWEETSPOT_TARGET {

namespace {

/// A part of c that one thread computes.
struct Tile {
    std::int64_t row, rows, column, columns;
};

/// One row of c, from `column` on: sums, bias, what c holds already, activation; and of `before`.
template <class C>
void finish(const MatMul& op, const float* sums, std::int64_t row, std::int64_t column,
            std::int64_t columns) {
    C* c = op.c.as<C>() + row * op.c.stride() + column;
    const float* bias = op.bias.present() ? op.bias.as<float>() + column : nullptr;
    const bool accumulate = op.accumulate;
    C* before =
        op.before.present() ? op.before.as<C>() + row * op.before.stride() + column : nullptr;
    with_activation<C>(op.activation, [&](auto activate) {
        for_lanes(columns, [&](auto at) {
            Vector x = at.load(sums);
            if (bias) x = x + at.load(bias);
            if (accumulate) x = x + at.load(c);
            if (before) at.store(before, x);
            at.store(c, activate(x));
        });
    });
}

/// Asks for a row of c before it is written: what is not in the cache holds up all that follows.
void prefetch_row(const MatMul& op, std::int64_t row, std::int64_t column, std::int64_t columns) {
    const std::int64_t size = std::int64_t(size_of(op.c.dtype));
    const char* c = op.c.as<char>() + (row * op.c.stride() + column) * size;
    for (std::int64_t byte = 0; byte < columns * size; byte += 64) __builtin_prefetch(c + byte, 1);
}

/// c[tile] by our own kernel, with weights as they lie.
template <class T>
void multiply(const MatMul& op, const Tile& tile) {
    const std::int64_t inner = op.a.shape[1], end = tile.column + tile.columns;
    const std::int64_t last_row = tile.row + tile.rows;
    for (std::int64_t column = tile.column; column < end; column += block_columns) {
        const T* block = op.weight.data.as<T>() + column * op.weight.data.shape[1];
        const std::int64_t columns = std::min(block_columns, end - column);
        for (std::int64_t row = tile.row; row < last_row; row += most_rows<T>) {
            alignas(64) float sums[most_rows<T> * block_columns];
            const int rows = int(std::min<std::int64_t>(most_rows<T>, last_row - row));
            for (int r = 0; r < rows; ++r) prefetch_row(op, row + r, column, columns);
            multiply_some_rows(rows, op.a.as<T>() + row * op.a.stride(), op.a.stride(), block,
                               inner, sums);
            for (int r = 0; r < rows; ++r)
                with_type(op.c.dtype, [&]<class C>(C) {
                    finish<C>(op, sums + r * block_columns, row + r, column, columns);
                });
        }
    }
}

/// What a thread keeps beside a tile of many rows of a in T; within a thread's scratch. The rows of
/// a that go by and their sums stay in a second cache of 512 KiB.
template <class T>
struct StripScratch {
    static constexpr bool widens = sizeof(T) == 2;
    static constexpr std::int64_t rows = widens ? 204 : 300;

    alignas(64) Strips strips;
    alignas(64) float sums[rows * block_columns];
    alignas(64) float a[widens ? rows * strip_inner : 16]; ///< as floats, if it is not
};
static_assert(sizeof(StripScratch<float>) <= matmul_scratch_bytes(0, DType::f32));
static_assert(sizeof(StripScratch<BFloat16>) <= matmul_scratch_bytes(0, DType::bf16));

/// Fewer rows are multiplied with weights as they lie.
constexpr std::int64_t least_rows_of_strips = 32;

/// Asks for the weights of the next strips while these are multiplied, a few lines before each
/// call of the loop: copying waited for them a tenth of the time.
class Ahead {
public:
    Ahead(const void* next, std::size_t bytes, std::int64_t rows)
        : next_(static_cast<const char*>(next)) {
        const std::int64_t calls =
            block_columns / lanes * ((rows + most_rows<float> - 1) / most_rows<float>);
        lines_ = int((std::int64_t(bytes) / 64 + calls - 1) / calls);
    }
    void ask() {
        for (int i = 0; i < lines_; ++i, next_ += 64) __builtin_prefetch(next_, 0, 2);
    }

private:
    const char* next_;
    int lines_;
};

/// Rows of a as floats, `stride` apart.
struct FloatRows {
    const float* first;
    std::int64_t stride;
};
FloatRows as_floats(const float* a, std::int64_t stride, std::int64_t, std::int64_t, float*) {
    return {a, stride};
}
FloatRows as_floats(const BFloat16* a, std::int64_t stride, std::int64_t rows, std::int64_t inner,
                    float* scratch) {
    for (std::int64_t r = 0; r < rows; ++r)
        for_lanes(inner,
                  [&](auto at) { at.store(scratch + r * strip_inner, at.load(a + r * stride)); });
    return {scratch, strip_inner};
}

/// c[tile] by our own kernel, where many rows share what is made ready for them: a strip of weights
/// stays in the first cache, and a in bf16 becomes floats, while sums wait in the second.
template <class T>
void multiply_in_strips(const MatMul& op, const Tile& tile, StripScratch<T>& scratch) {
    constexpr int most = most_rows<float>;
    const std::int64_t inner = op.a.shape[1], end = tile.column + tile.columns;
    for (std::int64_t column = tile.column; column < end; column += block_columns) {
        const T* block = op.weight.data.as<T>() + column * op.weight.data.shape[1];
        const std::int64_t columns = std::min(block_columns, end - column);
        std::fill_n(scratch.sums, tile.rows * block_columns, 0.0f);
        for (std::int64_t k = 0; k < inner; k += strip_inner) {
            const std::int64_t count = std::min(strip_inner, inner - k);
            const FloatRows a = as_floats(op.a.as<T>() + tile.row * op.a.stride() + k,
                                          op.a.stride(), tile.rows, count, scratch.a);
            copy_strips(block, k, count, scratch.strips);
            Ahead ahead(block + (k + count) * block_columns,
                        strip_inner * block_columns * sizeof(T), tile.rows);
            for (int vector = 0; vector * lanes < columns; ++vector)
                for (std::int64_t row = 0; row < tile.rows; row += most) {
                    const int some = int(std::min<std::int64_t>(most, tile.rows - row));
                    if (vector == 0 && k + count == inner)
                        for (int r = 0; r < some; ++r)
                            prefetch_row(op, tile.row + row + r, column, columns);
                    ahead.ask();
                    float* sums = scratch.sums + row * block_columns + vector * lanes;
                    with_rows<most>(some, [&](auto rows) {
                        multiply_strip<rows()>(a.first + row * a.stride, a.stride,
                                               scratch.strips[vector], count, sums);
                    });
                }
        }
        for (std::int64_t row = 0; row < tile.rows; ++row)
            with_type(op.c.dtype, [&]<class C>(C) {
                finish<C>(op, scratch.sums + row * block_columns, tile.row + row, column, columns);
            });
    }
}

/// c[tile] by our own kernel.
void multiply(const MatMul& op, const Tile& tile, void* scratch) {
    with_type(op.a.dtype, [&]<class T>(T) {
        if (in_strips && tile.rows >= least_rows_of_strips)
            multiply_in_strips<T>(op, tile, *static_cast<StripScratch<T>*>(scratch));
        else
            multiply<T>(op, tile);
    });
}

/// How c is cut for oneDNN, which only writes dense results.
struct Tiling {
    std::int64_t rows, columns;
    /// Tiles are whole rows of c, written in place with bias and sum. Else a tile is made in
    /// scratch and goes from there, still in cache, to its place in c.
    bool in_place;

    static Tiling of(const MatMul& op, int threads) {
        const std::int64_t share = (op.c.shape[0] + threads - 1) / threads;
        const std::int64_t rows_of_share = std::min((share + 15) / 16 * 16, most_onednn_rows);
        if (op.activation != Activation::none || !op.c.dense() || share < 64) {
            // Of few columns one tile is all that there is of so many rows: each thread has its
            // own.
            const bool narrow = op.c.shape[1] <= scratch_tile_columns && share >= 64;
            return {narrow ? rows_of_share : scratch_tile_rows, scratch_tile_columns, false};
        }
        return {rows_of_share, op.c.shape[1], true};
    }
};

const OneDnnProduct* find_product(const MatMul& op, const Tiling& tiling, std::int64_t rows,
                                  std::int64_t columns) {
    return OneDnnProduct::find({.rows = rows,
                                .columns = columns,
                                .inner = op.a.shape[1],
                                .a = op.a.dtype,
                                .c = tiling.in_place ? op.c.dtype : DType::f32,
                                .bias = tiling.in_place && op.bias.present(),
                                .accumulate = tiling.in_place && op.accumulate});
}

/// c[tile] by oneDNN.
void multiply(const MatMul& op, const Tile& tile, bool in_place, const OneDnnProduct& product,
              char* scratch) {
    const auto* a = op.a.as<char>() + std::size_t(tile.row * op.a.shape[1]) * size_of(op.a.dtype);
    const auto* weight =
        op.weight.data.as<char>() +
        std::size_t(tile.column * op.weight.data.shape[1]) * size_of(op.weight.dtype());
    void* rest_of_scratch = scratch + scratch_tile_bytes;
    if (in_place) {
        char* c = op.c.as<char>() + std::size_t(tile.row * op.c.shape[1]) * size_of(op.c.dtype);
        product.run(a, weight, op.bias.as<float>(), c, rest_of_scratch);
        return;
    }
    auto* sums = reinterpret_cast<float*>(scratch);
    product.run(a, weight, nullptr, sums, rest_of_scratch);
    with_type(op.c.dtype, [&]<class C>(C) {
        for (std::int64_t r = 0; r < tile.rows; ++r)
            finish<C>(op, sums + r * tile.columns, tile.row + r, tile.column, tile.columns);
    });
}

/// All of c by oneDNN, if it can.
bool multiply_by_onednn(const MatMul& op, CpuStream& stream) {
    if (!op.a.dense()) return false;
    const std::int64_t m = op.c.shape[0], n = op.c.shape[1];
    const Tiling tiling = Tiling::of(op, stream.threads);
    const std::int64_t row_tiles = (m + tiling.rows - 1) / tiling.rows;
    const std::int64_t column_tiles = (n + tiling.columns - 1) / tiling.columns;
    const auto tile_at = [&](std::int64_t i, std::int64_t j) {
        const std::int64_t row = i * tiling.rows, column = j * tiling.columns;
        return Tile{row, std::min(tiling.rows, m - row), column,
                    std::min(tiling.columns, n - column)};
    };
    // The last tiles may be smaller: [last row of tiles][last column of tiles].
    const OneDnnProduct* products[2][2];
    for (const bool last_row : {false, true})
        for (const bool last_column : {false, true}) {
            const Tile tile =
                tile_at(last_row ? row_tiles - 1 : 0, last_column ? column_tiles - 1 : 0);
            products[last_row][last_column] = find_product(op, tiling, tile.rows, tile.columns);
            if (!products[last_row][last_column]) return false;
        }
    const std::size_t scratch_bytes = matmul_scratch_bytes(op.a.shape[1], op.a.dtype);
    for_pieces(row_tiles * column_tiles, stream.threads, [&](std::int64_t i, int thread) {
        // Down the rows first: the weights of a tile stay in the cache, whatever else goes.
        const std::int64_t row = i % row_tiles, column = i / row_tiles;
        auto* scratch = static_cast<char*>(stream.workspace) + std::size_t(thread) * scratch_bytes;
        multiply(op, tile_at(row, column), tiling.in_place,
                 *products[row == row_tiles - 1][column == column_tiles - 1], scratch);
    });
    return true;
}

/// Rows of a tile of our own kernel. In strips: as many as there is scratch for, and tiles of about
/// one size. Else those whose elements of a stay in a core's second cache while all columns go by.
std::int64_t rows_of_tiles(const MatMul& op) {
    if (in_strips) {
        const std::int64_t m = op.c.shape[0], step = most_rows<float>;
        const std::int64_t most =
            op.a.dtype == DType::f32 ? StripScratch<float>::rows : StripScratch<BFloat16>::rows;
        const std::int64_t tiles = std::max<std::int64_t>(1, (m + most - 1) / most);
        return std::max<std::int64_t>(1, ((m + tiles - 1) / tiles + step - 1) / step * step);
    }
    constexpr std::int64_t bytes = 384 * 1024, step = 48, most = 240;
    const std::int64_t row_bytes = op.a.shape[1] * std::int64_t(size_of(op.a.dtype));
    return std::clamp(bytes / std::max<std::int64_t>(1, row_bytes) / step * step, step, most);
}

/// Tiles of one block of columns by our own kernel, for some rows column by column: a few rows read
/// the weights once, in order, and many do not read a from further away for each block.
void multiply_by_columns(const MatMul& op, CpuStream& stream) {
    const std::int64_t m = op.c.shape[0], n = op.c.shape[1], tile_rows = rows_of_tiles(op);
    const std::int64_t row_tiles = (m + tile_rows - 1) / tile_rows;
    const std::int64_t column_tiles = (n + block_columns - 1) / block_columns;
    const std::size_t bytes = op.weight.data.bytes() + op.c.bytes();
    const std::size_t scratch_bytes = matmul_scratch_bytes(op.a.shape[1], op.a.dtype);
    const int threads = bytes < least_bytes_for_threads ? 1 : stream.threads;
    for_pieces(row_tiles * column_tiles, threads, [&](std::int64_t i, int thread) {
        const std::int64_t row = i / column_tiles * tile_rows;
        const std::int64_t column = i % column_tiles * block_columns;
        // A few rows have none, and need none.
        void* scratch = m > few_rows ? static_cast<char*>(stream.workspace) +
                                           std::size_t(thread) * scratch_bytes
                                     : nullptr;
        multiply(op,
                 {row, std::min(tile_rows, m - row), column, std::min(block_columns, n - column)},
                 scratch);
    });
}

/// A few rows with a weight in blocks, whose numbers are taken as they come; if they are rounded,
/// multiplied by integers where the format has some.
void multiply_by_blocks(const MatMul& op, CpuStream& stream) {
    const std::int64_t n = op.weight.n, k = op.weight.k;
    const int rows = int(op.a.shape[0]);
    const float* a = op.a.as<float>();
    std::int64_t a_stride = op.a.stride();
    auto* converted = static_cast<float*>(stream.workspace);
    if (op.a.dtype != DType::f32) {
        for (int r = 0; r < rows; ++r)
            for_lanes(k, [&](auto at) {
                at.store(converted + r * k, at.load(op.a.as<BFloat16>() + r * a_stride));
            });
        a = converted, a_stride = k;
    }
    std::optional<RoundedRows> rounded; // multiplied by their codes
    if (op.rounds_a && multiplies_codes(op.weight.format)) {
        rounded.emplace(converted + rows * k, rows, k);
        for (int r = 0; r < rows; ++r) round_row(a + r * a_stride, r, *rounded);
    } else if (op.rounds_a) {
        for (int r = 0; r < rows; ++r) round_numbers(a + r * a_stride, k, converted + r * k);
        a = converted, a_stride = k;
    }
    const int threads = op.weight.bytes() < least_bytes_for_threads ? 1 : stream.threads;
    for_pieces((n + block_columns - 1) / block_columns, threads, [&](std::int64_t piece, int) {
        alignas(64) float sums[few_rows * block_columns];
        const std::int64_t column = piece * block_columns;
        const std::int64_t columns = std::min(block_columns, n - column);
        if (rounded)
            multiply_blocks(op.weight, *rounded, rows, column, columns, sums);
        else
            multiply_blocks(op.weight, a, a_stride, rows, column, columns, sums);
        for (int r = 0; r < rows; ++r)
            with_type(op.c.dtype, [&]<class C>(C) {
                finish<C>(op, sums + r * block_columns, r, column, columns);
            });
    });
}

/// Many rows: some columns of the weight after the others become a dense one.
void multiply_unpacked(const MatMul& op, CpuStream& stream) {
    const std::int64_t n = op.weight.n, k = op.weight.k;
    const std::int64_t step = unpacked_columns(n, stream.threads);
    CpuStream rest = stream;
    rest.workspace = static_cast<char*>(stream.workspace) +
                     packed_bytes(WeightFormat::dense, step, k, op.a.dtype);
    for (std::int64_t first = 0; first < n; first += step) {
        const std::int64_t count = std::min(step, n - first);
        const Out tile{stream.workspace, packed_shape(count, k, op.a.dtype), op.a.dtype};
        for_pieces(tile.shape[0] / block_columns, stream.threads,
                   [&](std::int64_t block, int) { unpack_blocks(op.weight, first, block, tile); });
        MatMul part = op;
        part.weight = {.data = tile, .n = count, .k = k};
        part.c = columns(op.c, first, count);
        if (op.bias.present()) part.bias = rows(op.bias, first, count);
        if (op.before.present()) part.before = columns(op.before, first, count);
        sweetspot::launch(part, rest);
    }
}

/// Many rows, rounded into scratch first.
void multiply_rounded(const MatMul& op, CpuStream& stream) {
    MatMul rest = op;
    rest.rounds_a = false;
    rest.a = {stream.workspace, op.a.shape, op.a.dtype};
    const std::int64_t k = op.a.shape[1];
    with_type(op.a.dtype, [&]<class T>(T) {
        for_rows(op.a.shape[0], 2 * op.a.bytes(), stream.threads, [&](std::int64_t row) {
            round_numbers(op.a.as<T>() + row * op.a.stride(), k,
                          static_cast<T*>(stream.workspace) + row * k);
        });
    });
    CpuStream behind = stream;
    behind.workspace = static_cast<char*>(stream.workspace) + rest.a.bytes();
    multiply_unpacked(rest, behind);
}

} // namespace

void launch(const MatMul& op, CpuStream& stream) {
    require_cpu_type(op.a.dtype);
    require_cpu_type(op.c.dtype);
    if (op.rounds_a && op.c.shape[0] > few_rows) return multiply_rounded(op, stream);
    if (!op.weight.dense())
        return op.c.shape[0] > few_rows ? multiply_unpacked(op, stream)
                                        : multiply_by_blocks(op, stream);
    if (op.c.shape[0] > few_rows && multiply_by_onednn(op, stream)) return;
    multiply_by_columns(op, stream);
}

} // namespace sweetspot::SWEETSPOT_TARGET
